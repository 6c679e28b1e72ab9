"""``AWS::CloudFormation::Macro`` and what CloudFormation does with it.

A macro is named in the template's ``Transform`` section or in an ``Fn::Transform`` node. Its Lambda function gets the
request that AWS sends, and its answer replaces the fragment. Functions may call the suite while they run (a macro that
reads a parameter from SSM does), so they must not run on the event loop: the request handler expands templates on a
thread of its own first, and hands the result to ministack's synchronous handlers.

Reason: ministack doesn't know the type and ignores transforms that are not AWS's own.
Source: CloudFormation User Guide, "Perform custom processing on CloudFormation templates with template macros".
"""

from __future__ import annotations

import contextvars
import copy
import json
import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from .. import cfntype
from ..emulator import (
    APPLY_TRANSFORMS,
    DEPLOY_STACK,
    AccountRegionScopedDict,
    changesets,
    cloudformation,
    cloudwatch_logs,
    engine,
    get_account_id,
    get_region,
    handlers,
    helpers,
    lambda_service,
    language_extensions,
    new_uuid,
    now_iso,
    run_reentrant,
    stacks,
)

logger = logging.getLogger("mlp_local")

_macros = AccountRegionScopedDict()  # name -> properties of the AWS::CloudFormation::Macro

SAM = "AWS::Serverless-2016-10-31"

_HOSTED = (
    SAM,
    "AWS::Serverless",
    "AWS::LanguageExtensions",
    "AWS::Include",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
    "AWS::ServiceCatalog",
)

# Template sections in which Fn::Transform has no meaning.
_NO_SNIPPETS = ("AWSTemplateFormatVersion", "Description", "Transform", "Parameters")

# The size of a processed template, after all macros: the request's own limit when the template came in the request.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-overview.html
_INLINE_BYTES = 51_200

_URL_BYTES = 1_000_000

_original_transforms = engine.apply_transforms

_original_handle = cloudformation.handle_request

_original_deploy = stacks.deploy_stack_async

# The expansion that was made for the request being handled: (template body, result).
_prepared: contextvars.ContextVar = contextvars.ContextVar("mlp_prepared_template", default=None)


class TransformError(Exception):
    """A transform failed; the message is the one that AWS shows."""


class FailedTemplate(dict):
    """What ministack's handlers carry on with after a failed transform: nothing to create, and the reason."""

    def __init__(self, reason: str, template: dict | None = None) -> None:
        super().__init__(copy.deepcopy(template) if template else {"Resources": {}})
        self.reason = reason

    def __deepcopy__(self, memo: Any) -> Any:
        return FailedTemplate(self.reason, dict(self))


def expand(template: dict, values: dict, raw_parameters: dict) -> dict:
    """Applies every transform of ``template``: the deepest ``Fn::Transform`` first, the ``Transform`` section last.

    ``values`` are the resolved template parameters (what the macro receives), ``raw_parameters`` the engine's own map
    of them, against which a transform's ``Parameters`` are resolved.
    """
    template = {
        key: _snippets(value, values, raw_parameters) if key not in _NO_SNIPPETS else value
        for key, value in template.items()
    }
    # An Fn::Transform at the top of the template has the whole template for siblings.
    if _is_custom(template.get("Fn::Transform")):
        template = _call_snippet(template, values, raw_parameters)
    declared = _declared(template)
    template = {key: value for key, value in template.items() if key != "Transform"}
    includes = [name for name, _ in declared if name == "AWS::Include"]
    template = _hosted(template, includes[:1], values, raw_parameters)
    for name, parameters in declared:
        if name == "AWS::Include":
            continue
        if name in _HOSTED:
            template = _hosted(template, [name], values, raw_parameters)
            continue
        fragment = _invoke(name, template, _resolved(parameters, name, raw_parameters), values)
        if not isinstance(fragment, dict):
            raise TransformError("Template format error: unsupported structure.")
        template = fragment
        if template.pop("Transform", None) is not None:
            raise TransformError(f"Transform {_id(name)} failed with: the processed template declares a Transform")
    return template


def _declared(template: dict) -> list[tuple[str, Any]]:
    declared = template.get("Transform")
    if declared is None:
        return []
    result: list[tuple[str, Any]] = []
    for entry in declared if isinstance(declared, list) else [declared]:
        if isinstance(entry, str):
            result.append((entry, {}))
        elif isinstance(entry, dict) and isinstance(entry.get("Name"), str):
            result.append((entry["Name"], entry.get("Parameters") or {}))
        else:
            raise ValueError("Template format error: Key Name of transform definition must be a string.")
    return result


def _is_custom(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("Name"), str) and node["Name"] not in _HOSTED


def _snippets(node: Any, values: dict, raw_parameters: dict) -> Any:
    if isinstance(node, list):
        return [_snippets(item, values, raw_parameters) for item in node]
    if not isinstance(node, dict):
        return node
    node = {
        key: item if key == "Fn::Transform" else _snippets(item, values, raw_parameters) for key, item in node.items()
    }
    return _call_snippet(node, values, raw_parameters) if _is_custom(node.get("Fn::Transform")) else node


def _call_snippet(node: dict, values: dict, raw_parameters: dict) -> Any:
    transform = node["Fn::Transform"]
    siblings = {key: item for key, item in node.items() if key != "Fn::Transform"}
    parameters = _resolved(transform.get("Parameters") or {}, transform["Name"], raw_parameters)
    return _invoke(transform["Name"], siblings, parameters, values)


def _resolved(parameters: Any, name: str, raw_parameters: dict) -> dict:
    """A transform's own parameters: references to template and pseudo parameters resolved, nothing else allowed."""
    resolved = {}
    for key, value in (parameters or {}).items():
        answer = engine.resolve_refs(copy.deepcopy(value), {}, raw_parameters, {}, {}, "", "")
        for item in answer if isinstance(answer, list) else [answer]:
            if not isinstance(item, (str, int, float, bool)):
                raise TransformError(
                    f"The value of parameter {key} under transform {name} must resolve to a string, "
                    "number, boolean or a list of any of these."
                )
        resolved[key] = answer
    return resolved


def _id(name: str) -> str:
    return f"{get_account_id()}::{name}"


def _invoke(name: str, fragment: Any, parameters: dict, values: dict) -> Any:
    macro = _macros.get(name)
    if macro is None:
        raise TransformError(f"No transform named {_id(name)} found.")
    request_id = new_uuid()
    request = {
        "region": get_region(),
        "accountId": get_account_id(),
        "fragment": fragment,
        "transformId": _id(name),
        "params": parameters,
        "requestId": request_id,
        "templateParameterValues": values,
    }
    # Through JSON, as on the wire: the function's answer must not share objects with ours.
    record, config, _ = lambda_service.get_func_record_for_ref(macro["FunctionName"])
    malformed = TransformError(f"Received malformed response from transform {_id(name)}")
    if not record:
        _log_failure(macro, f"{macro['FunctionName']} does not exist")
        raise malformed
    result = lambda_service.execute_function_with_config_scope(
        lambda_service.execution_record_for_config(record, config), json.loads(json.dumps(request))
    )
    answer = result.get("body")
    if isinstance(answer, (bytes, str)):
        try:
            answer = json.loads(answer)
        except ValueError:
            answer = None
    if result.get("error"):
        _log_failure(macro, json.dumps(answer))
        raise malformed
    if (
        not isinstance(answer, dict)
        or answer.get("requestId") != request_id
        or not isinstance(answer.get("status"), str)
    ):
        _log_failure(macro, "the answer lacks requestId or status")
        raise malformed
    if answer["status"].lower() != "success":
        message = answer.get("errorMessage")
        if message:
            raise TransformError(f"Transform {_id(name)} failed with: {message}")
        raise TransformError(f"Transform {_id(name)} failed without an error message.")
    if "fragment" not in answer:
        raise malformed
    return answer["fragment"]


def _log_failure(macro: dict, text: str) -> None:
    """Invocation errors go to the macro's own log group, the only place where AWS shows them."""
    logger.warning("macro %s: %s", macro["Name"], text)
    group = macro.get("LogGroupName")
    if not group:
        return
    record = cloudwatch_logs.log_groups.get(group)
    if record is None:
        return
    now = int(time.time() * 1000)
    cloudwatch_logs.create_log_stream({"logGroupName": group, "logStreamName": macro["Name"]})
    cloudwatch_logs.put_log_events(
        {"logGroupName": group, "logStreamName": macro["Name"], "logEvents": [{"timestamp": now, "message": text}]}
    )


def _hosted(template: dict, names: list, values: dict, raw_parameters: dict) -> dict:
    """AWS's own transforms. Without a name it still inserts embedded ``AWS::Include`` snippets."""
    name = names[0] if names else None
    if name == SAM:
        return _serverless(template, _sam_values(values))
    if name and name not in ("AWS::LanguageExtensions", "AWS::Include"):
        raise TransformError(f"No transform named {name} found.")
    provided = [{"Key": key, "Value": entry.get("SsmName", entry["Value"])} for key, entry in raw_parameters.items()]
    if name:
        template = {**template, "Transform": name}
    try:
        result = _original_transforms(template, provided, None)
    except language_extensions.LanguageExtensionsError as error:
        raise TransformError(str(error)) from None
    if isinstance(result, engine.TransformFailed):
        raise TransformError(result.error)
    return {key: value for key, value in result.items() if key != "Transform"}


class _ManagedPolicies:
    """SAM turns the names of AWS managed policies into ARNs by asking IAM; the translator ships the common ones."""

    @staticmethod
    def load() -> dict:
        return {}


def _serverless(template: dict, values: dict) -> dict:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    pseudo = {
        "AWS::Region": get_region(),
        "AWS::AccountId": get_account_id(),
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    previous = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = get_region()
    try:
        result = transform({**copy.deepcopy(template), "Transform": SAM}, {**values, **pseudo}, _ManagedPolicies())
    except InvalidDocumentException as error:
        causes = " ".join(sorted(cause.message for cause in error.causes))
        raise TransformError(
            f"Transform {SAM} failed with: Invalid Serverless Application Specification document. Number of errors "
            f"found: {len(error.causes)}. {causes}"
        ) from None
    finally:
        if previous is None:
            os.environ.pop("AWS_DEFAULT_REGION", None)
        else:
            os.environ["AWS_DEFAULT_REGION"] = previous
    # Plain dictionaries again: the translator marks its strings.
    result = json.loads(json.dumps(result))
    result.pop("Transform", None)
    return result


def _macro_values(parameters: dict) -> dict:
    """``templateParameterValues``: resolved, defaults included; a list parameter is a list."""
    values = {}
    for name, entry in parameters.items():
        _, is_list = engine.rule_inner_type(entry.get("Type", "String"))
        values[name] = [m.strip() for m in entry["Value"].split(",")] if is_list else entry["Value"]
    return values


def _sam_values(values: dict) -> dict:
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}


def uses_transforms(template: dict) -> bool:
    return bool(template.get("Transform")) or _has_snippet(template)


def _has_snippet(node: Any) -> bool:
    if isinstance(node, dict):
        return _is_custom(node.get("Fn::Transform")) or any(_has_snippet(item) for item in node.values())
    return isinstance(node, list) and any(_has_snippet(item) for item in node)


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    params = _form(body, query_params)
    action = helpers.parameter(params, "Action")
    if action not in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        return await _original_handle(method, path, headers, body, query_params)
    prepared = await run_reentrant(_prepare, params)
    token = _prepared.set(prepared)
    try:
        answer = await _original_handle(method, path, headers, body, query_params)
    finally:
        _prepared.reset(token)
    return answer


def _form(body: bytes, query_params: dict) -> dict:
    return {**query_params, **parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True)}


def _prepare(params: dict) -> dict | None:
    """The expansion of the request's template, or None when there is nothing to expand (or the request is wrong in a
    way that ministack answers by itself)."""
    stack = handlers.resolve_stack(helpers.parameter(params, "StackName"))
    previous = (stack or {}).get("_resolved_params", {})
    text, problem = helpers.resolve_template(params)
    if problem:
        return None
    try:
        template = engine.parse_template(text or (stack or {}).get("_template_body", "{}"))
    except Exception:
        return None
    if not uses_transforms(template):
        return None
    try:
        parameters = engine.resolve_parameters(template, helpers.extract_members(params, "Parameters"), previous)
    except ValueError:
        return None
    try:
        values = _macro_values(parameters)
        result = expand(copy.deepcopy(template), values, parameters)
        limit = _URL_BYTES if helpers.parameter(params, "TemplateURL") else _INLINE_BYTES
        size = len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode())
        if size > limit:
            raise TransformError(f"The processed template has {size} bytes; the maximum is {limit}.")
        _check_result(result, params, previous)
        return {"template": result}
    except (TransformError, ValueError) as error:
        return {"failed": str(error)}


def _check_result(template: dict, params: dict, previous: dict) -> None:
    """What the request would have been refused for had the template come expanded fails the operation later."""
    given = set(helpers.extract_string_members(params, "Capabilities"))
    missing = handlers.missing_capabilities(given, handlers.required_iam_capabilities(template))
    if missing:
        raise TransformError(handlers.insufficient_capabilities_message(missing))
    parameters = engine.resolve_parameters(template, helpers.extract_members(params, "Parameters"), previous)
    engine.validate_template_support(template, engine.evaluate_conditions(template, parameters), params=parameters)


def _apply_transforms(template: dict, provided_params: Any = None, previous_params: Any = None) -> dict:
    prepared = _prepared.get()
    if prepared is None:
        return _original_transforms(template, provided_params, previous_params)
    if "failed" in prepared:
        # The request's parameters are still those of its template.
        return FailedTemplate(prepared["failed"], {"Parameters": template.get("Parameters") or {}, "Resources": {}})
    return prepared["template"]


def _create_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    """A failed transform fails the change set, not the request."""

    def create(params: dict) -> Any:
        answer = original(params)
        prepared = _prepared.get()
        if prepared and "failed" in prepared and answer[0] == 200:
            _, change_set = changesets.find_change_set(
                helpers.parameter(params, "ChangeSetName"), _stack_name(helpers.parameter(params, "StackName"))
            )
            change_set.update(
                Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=prepared["failed"], Changes=[]
            )
        return answer

    return create


def _stack_name(name_or_id: str) -> str:
    return name_or_id.split("/")[1] if name_or_id.startswith("arn:") else name_or_id


async def _deploy_stack_async(
    stack_name: str,
    stack_id: str,
    template: dict,
    param_values: Any,
    disable_rollback: bool,
    tags: Any,
    is_update: bool = False,
    previous_stack: dict | None = None,
    **options: Any,
) -> Any:
    """CreateStack and UpdateStack with a failed transform: nothing is created and the stack rolls back."""
    if not isinstance(template, FailedTemplate):
        return await _original_deploy(
            stack_name,
            stack_id,
            template,
            param_values,
            disable_rollback,
            tags,
            is_update=is_update,
            previous_stack=previous_stack,
            **options,
        )
    stack = cloudformation.stacks[stack_name]
    reason = f"{template.reason}. Rollback requested by user."
    prefix = "UPDATE_ROLLBACK" if is_update else "ROLLBACK"
    for status, why in ((f"{prefix}_IN_PROGRESS", reason), (f"{prefix}_COMPLETE", "")):
        stacks.add_event(stack_id, stack_name, stack_name, "AWS::CloudFormation::Stack", status, why, stack_id)
    if previous_stack:
        for key in ("_template", "_resolved_params", "_template_body", "Parameters", "Tags", "Outputs", "_conditions"):
            if key in previous_stack:
                stack[key] = previous_stack[key]
    stack["StackStatus"] = f"{prefix}_COMPLETE"
    stack["StackStatusReason"] = reason
    stack["LastUpdatedTime"] = now_iso()
    return None


_PROPERTIES = ("Name", "FunctionName", "Description", "LogGroupName", "LogRoleARN")

_NAME = re.compile(r"[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*")


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    cfntype.require(properties, _PROPERTIES, ("Name", "FunctionName"))
    name = properties["Name"]
    if name in _macros:
        raise ValueError(f"{name} already exists")
    _macros[name] = dict(properties)
    return name, {"Id": name}


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    cfntype.require(new, _PROPERTIES, ("Name", "FunctionName"))
    _macros[physical_id] = dict(new)
    return physical_id, {"Id": physical_id}


def _cfn_delete(physical_id: str, properties: dict) -> None:
    _macros.pop(physical_id, None)


def install() -> None:
    cfntype.register(
        "AWS::CloudFormation::Macro",
        _cfn_create,
        _cfn_update,
        _cfn_delete,
        replaces_on=("Name",),
        custom_name="Name",
        tags=None,
    )
    engine.CfnLoader.add_constructor("!Transform", engine.construct_cfn_tag("Fn::Transform"))
    APPLY_TRANSFORMS.replace(_apply_transforms)
    DEPLOY_STACK.replace(_deploy_stack_async)
    handlers.ACTION_HANDLERS["CreateChangeSet"] = _create_change_set(handlers.ACTION_HANDLERS["CreateChangeSet"])
    cloudformation.handle_request = handle_request
