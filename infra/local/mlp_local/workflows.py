"""Step Functions: definitions are checked, distributed maps batch and write results, and every service is reachable.

ministack runs the states; this adds what it takes without a word: a definition whose transitions lead nowhere, a
role that Step Functions can't assume, ``ItemBatcher`` and ``ResultWriter``, and ``aws-sdk`` integrations of services
that its own dispatcher doesn't know.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Iterator

import botocore.exceptions
import botocore.model
import botocore.session
from botocore.config import Config

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3, stepfunctions
from ministack.services.cloudformation import provisioners

from . import roles

_original_check = stepfunctions._validate_definition_jsonata
_original_map = stepfunctions._run_distributed_map
_original_sdk = stepfunctions._invoke_aws_sdk_integration
_original_task = stepfunctions._execute_task
_original_start = stepfunctions._start_execution
_create, _update = provisioners._sfn_state_machine_create, provisioners._sfn_state_machine_update
_endpoint = ""

_TYPES = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_ENDS = ("Succeed", "Fail", "Choice")


# ---- Definitions -----------------------------------------------------------------------------------------------

def problems(machine: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """What is wrong with a definition: ``(code, message, place)``, in the order of the text."""
    if not isinstance(machine, dict) or not isinstance(machine.get("States"), dict) or not machine["States"]:
        yield "SCHEMA_VALIDATION_FAILED", "The field 'States' is required and must hold at least one state", path or "/"
        return
    states = machine["States"]
    start = machine.get("StartAt")
    if start not in states:
        yield "MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {start}", f"{path}/StartAt"
    reached = {start}
    for name, state in states.items():
        place = f"{path}/States/{name}"
        if not isinstance(state, dict) or state.get("Type") not in _TYPES:
            yield "SCHEMA_VALIDATION_FAILED", "The value for the field 'Type' must be a valid state type", \
                f"{place}/Type"
            continue
        targets = [("Next", state["Next"])] if "Next" in state else []
        targets += [(f"Catch[{i}]/Next", c.get("Next")) for i, c in enumerate(state.get("Catch") or [])]
        if state["Type"] == "Choice":
            targets += [(f"Choices[{i}]/Next", c.get("Next")) for i, c in enumerate(state.get("Choices") or [])]
            if "Default" in state:
                targets.append(("Default", state["Default"]))
            if not state.get("Choices"):
                yield "SCHEMA_VALIDATION_FAILED", "The field 'Choices' is required", place
        for member, target in targets:
            if target not in states:
                yield "MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", f"{place}/{member}"
            reached.add(target)
        if state["Type"] not in _ENDS and ("Next" in state) == bool(state.get("End")):
            yield "SCHEMA_VALIDATION_FAILED", "Exactly one of 'Next' and 'End' is required", place
        if state["Type"] == "Task" and not str(state.get("Resource", "")).startswith(("arn:", "{%")):
            yield "SCHEMA_VALIDATION_FAILED", "Value is not a valid resource ARN", f"{place}/Resource"
        for branch, inner in enumerate(state.get("Branches") or []):
            yield from problems(inner, f"{place}/Branches[{branch}]")
        if state["Type"] == "Map":
            key = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
            yield from problems(state.get(key), f"{place}/{key}")
    for name in states:
        if name not in reached:
            yield "UNREACHABLE_STATE", f"State \"{name}\" is not reachable", f"{path}/States/{name}"


def _check(definition) -> Any:
    if isinstance(definition, str):
        try:
            machine = json.loads(definition)
        except ValueError as error:
            return f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {error}'"
        found = [f"{code}: {message} at {place}" for code, message, place in problems(machine)]
        if found:
            return f"Invalid State Machine Definition: '{', '.join(found)}'"
    return _original_check(definition)


def _validate(data: dict) -> tuple:
    try:
        found = list(problems(json.loads(data.get("definition") or "")))
    except ValueError as error:
        found = [("INVALID_JSON_DESCRIPTION", str(error), "/")]
    diagnostics = [{"severity": "ERROR", "code": code, "message": message, "location": place}
                   for code, message, place in found]
    return stepfunctions.json_response({"result": "FAIL" if found else "OK", "diagnostics": diagnostics})


def _check_properties(properties: dict) -> None:
    text = provisioners._sfn_definition(properties)
    problem = _check(text)
    if problem:
        raise ValueError(f"{problem} (Service: Sfn, Status Code: 400, Error Code: InvalidDefinition)")
    if not roles.assumable_by(properties.get("RoleArn", ""), "states.amazonaws.com"):
        raise ValueError("Neither the global service principal states.amazonaws.com, nor the regional one is "
                         "authorized to assume the provided role. (Service: Sfn, Status Code: 400, Error Code: "
                         "AccessDeniedException)")


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_properties(properties)
    name = properties.get("StateMachineName")
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:stateMachine:{name}"
    if name and arn in stepfunctions._state_machines:
        raise ValueError(f"State Machine Already Exists: '{arn}' (Service: Sfn, Status Code: 400, Error Code: "
                         "StateMachineAlreadyExistsException)")
    return _create(logical_id, properties, stack_name)


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_properties(new)
    return _update(physical_id, old, new, stack_name, logical_id)


# ---- Distributed maps ------------------------------------------------------------------------------------------

def _run_distributed_map(state: dict, raw_input, effective, iterator, execution, ctx):
    """Batches of items on the way in, files of results on the way out."""
    own = dict(state)
    for member in ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"):
        if f"{member}Path" in state:
            own[member] = stepfunctions._resolve_path_or_ctx(state[f"{member}Path"], effective, ctx)
    if "ItemBatcher" in state:
        items = (stepfunctions._read_map_items(state["ItemReader"], effective, ctx) if state.get("ItemReader")
                 else stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx))
        effective = {"batches": _batches(state, items if isinstance(items, list) else [items], effective, ctx)}
        for member in ("ItemReader", "ItemSelector", "Parameters", "ItemBatcher"):
            own.pop(member, None)
        own["ItemsPath"] = "$.batches"
    if "ResultWriter" not in state:
        return _original_map(own, raw_input, effective, iterator, execution, ctx)
    for member in ("ResultSelector", "ResultPath", "OutputPath"):
        own.pop(member, None)
    try:
        _original_map(own, raw_input, effective, iterator, execution, ctx)
    finally:
        result = _write_results(state["ResultWriter"], execution, raw_input, ctx)
    result = stepfunctions._apply_result_selector(state, result)
    output = stepfunctions._apply_result_path(state, raw_input, result)
    return stepfunctions._apply_output_path(state, output, ctx), stepfunctions._next_or_end(state)


def _batches(state: dict, items: list, effective, ctx) -> list:
    batcher = state["ItemBatcher"]
    selector = state.get("ItemSelector") or state.get("Parameters")
    selected = []
    for index, item in enumerate(items):
        if selector:
            item_ctx = {**copy.deepcopy(ctx), "Map": {"Item": {"Index": index, "Value": item}}}
            item = stepfunctions._resolve_params_obj(selector, effective, item_ctx)
        selected.append(item)
    size = batcher.get("MaxItemsPerBatch")
    if "MaxItemsPerBatchPath" in batcher:
        size = stepfunctions._resolve_path_or_ctx(batcher["MaxItemsPerBatchPath"], effective, ctx)
    size = int(size or len(selected) or 1)
    extra = batcher.get("BatchInput")
    head = {"BatchInput": stepfunctions._resolve_params_obj(extra, effective, ctx)} if extra else {}
    return [{**head, "Items": selected[i:i + size]} for i in range(0, len(selected), size)]


def _write_results(writer: dict, execution: dict, raw_input, ctx) -> dict:
    run = [r for r in stepfunctions._map_runs.values() if r["executionArn"] == execution["executionArn"]][-1]
    place = stepfunctions._resolve_params_obj(writer.get("Parameters") or writer.get("Arguments") or {}, raw_input, ctx)
    bucket, prefix = place.get("Bucket"), str(place.get("Prefix") or "").strip("/")
    folder = "/".join(part for part in (prefix, run["mapRunArn"].rsplit(":", 1)[1]) if part)
    children = [e for e in stepfunctions._executions.values() if e.get("mapRunArn") == run["mapRunArn"]]
    files: dict[str, list] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in ("FAILED", "SUCCEEDED"):
        entries = [{"ExecutionArn": e["executionArn"], "Input": e["input"], "InputDetails": {"Included": True},
                    "Name": e["name"], "StartDate": e["startDate"], "StateMachineArn": e["stateMachineArn"],
                    "Status": status, "StopDate": e["stopDate"],
                    **({"Output": e["output"], "OutputDetails": {"Included": True}} if status == "SUCCEEDED"
                       else {"Error": e.get("error"), "Cause": e.get("cause")})}
                   for e in children if e["status"] == status]
        if entries:
            key = f"{folder}/{status}_0.json"
            files[status].append({"Key": key, "Size": _put(bucket, key, entries)})
    manifest = f"{folder}/manifest.json"
    _put(bucket, manifest, {"DestinationBucket": bucket, "MapRunArn": run["mapRunArn"], "ResultFiles": files})
    return {"MapRunArn": run["mapRunArn"], "ResultWriterDetails": {"Bucket": bucket, "Key": manifest}}


def _put(bucket: str, key: str, value: Any) -> int:
    body = json.dumps(value).encode()
    status, _, answer = s3._put_object(bucket, key, body, {})
    if status >= 400:
        raise stepfunctions._ExecutionError("States.ResultWriterFailed", answer.decode(errors="replace"))
    return len(body)


# ---- aws-sdk integrations of other services ---------------------------------------------------------------------

_SESSION = botocore.session.get_session()
# Step Functions spells services as the Java SDK does.
_SERVICES = {"cloudwatchevents": "events", "resourcegroupstaggingapi": "resourcegroupstaggingapi",
             "licensemanager": "license-manager", "sesv2": "sesv2", "costexplorer": "ce"}


# Answers whose shape ministack's own dispatcher doesn't get from their XML.
_BY_MODEL = {("ec2", "describevpcattribute"), ("ec2", "describevpcendpoints"), ("ec2", "describevpcendpointservices"),
             ("iam", "getaccountsummary"), ("route53", "listhostedzonesbyvpc"), ("sns", "gettopicattributes")}


def _invoke_sdk(resource: str, input_data):
    parts = resource.replace(".sync", "").replace(".waitForTaskToken", "").split(":")
    service = parts[6].lower() if len(parts) > 7 else ""
    by_model = len(parts) > 7 and (service, parts[7].lower()) in _BY_MODEL
    if not service or service in stepfunctions._AWS_SDK_SERVICE_MAP and not by_model:
        return _original_sdk(resource, input_data)
    name = _SERVICES.get(service, service)
    if name not in _SESSION.get_available_services():
        return _original_sdk(resource, input_data)
    client = _SESSION.create_client(
        name, region_name=get_region(), endpoint_url=_endpoint, aws_access_key_id=get_account_id(),
        aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))
    operation = parts[7][:1].upper() + parts[7][1:]
    prefix = client.meta.service_model.service_id.replace(" ", "")
    try:
        members = client.meta.service_model.operation_model(operation).input_shape
        answer = client._make_api_call(operation, _api_members(input_data or {}, members))
    except botocore.exceptions.ClientError as error:
        detail = error.response["Error"]
        code = detail["Code"]
        raise stepfunctions._ExecutionError(
            f"{prefix}.{code}" if code.endswith("Exception") else f"{prefix}.{prefix}Exception",
            f"{detail['Message']} (Service: {prefix}, Status Code: "
            f"{error.response['ResponseMetadata']['HTTPStatusCode']}, Error Code: {code})") from None
    except (botocore.exceptions.ParamValidationError, botocore.model.OperationNotFoundError) as error:
        raise stepfunctions._ExecutionError("States.Runtime", str(error)) from None
    answer.pop("ResponseMetadata", None)
    return _state_members(answer)


def _api_members(value, shape):
    """Parameters, which a state may spell as ``StackName`` or ``RoleArn``, in the spelling of the API's model."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {member.lower(): member for member in shape.members}
        return {names.get(k.lower(), k): _api_members(v, shape.members.get(names.get(k.lower(), k)))
                for k, v in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_api_members(item, shape.member) for item in value]
    return value


def _state_members(value):
    if isinstance(value, dict):
        return {stepfunctions._api_name_to_sfn_key(k[:1].upper() + k[1:]): _state_members(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_state_members(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


# ---- Executions ---------------------------------------------------------------------------------------------

def _start_execution(data):
    """The same name with the same input while the execution runs answers it again: StartExecution is idempotent."""
    arn = stepfunctions._resolve_state_machine_arn(str(data.get("stateMachineArn", "")).rsplit("#", 1)[0])
    machine = stepfunctions._state_machines.get(arn) if arn else None
    if machine and data.get("name"):
        execution = stepfunctions._executions.get(
            f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{data['name']}")
        if execution and execution["status"] == "RUNNING" and _same_input(execution["input"], data.get("input", "{}")):
            return stepfunctions.json_response(
                {"executionArn": execution["executionArn"], "startDate": execution["startDate"]})
    return _original_start(data)


def _same_input(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


# ---- Callbacks -------------------------------------------------------------------------------------------------

def _execute_task(state_def, raw_input, execution, ctx):
    """A task whose time-out stands in its input. It is waited for at the pace of ``Wait`` states (``SFN_WAIT_SCALE``)."""
    if "TimeoutSecondsPath" in state_def:
        seconds = stepfunctions._resolve_path_or_ctx(state_def["TimeoutSecondsPath"], raw_input, ctx)
        state_def = {**state_def, "TimeoutSeconds": seconds * stepfunctions._SFN_WAIT_SCALE}
    return _original_task(state_def, raw_input, execution, ctx)


def install(endpoint: str) -> None:
    global _endpoint
    _endpoint = endpoint
    stepfunctions._validate_definition_jsonata = _check
    stepfunctions._validate_state_machine_definition = _validate
    stepfunctions._run_distributed_map = _run_distributed_map
    stepfunctions._invoke_aws_sdk_integration = _invoke_sdk
    stepfunctions._execute_task = _execute_task
    stepfunctions._start_execution = _start_execution
    provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"].update(create=_cfn_create, update=_cfn_update)
