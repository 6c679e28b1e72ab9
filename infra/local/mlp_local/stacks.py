"""CloudFormation itself: what it refuses before it creates anything, and what its change sets and stacks tell."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Iterator, Optional
from urllib.parse import parse_qs, unquote, urlparse
from xml.sax.saxutils import escape

import ministack.services.cloudformation as cloudformation
from ministack.services import ec2, s3, ssm
from ministack.services.cloudformation import changesets, drift, engine, handlers, helpers, stacks

from . import roles

PSEUDO = frozenset({"AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region",
                    "AWS::StackId", "AWS::StackName", "AWS::URLSuffix"})
KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
_UPDATABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE",
                        "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "CREATE_FAILED"})

_original_document = helpers._resolve_document
_original_tags = stacks._with_stack_tags
_original_support = engine.validate_template_support
_original_parameters = engine._resolve_parameters


# ---- References ------------------------------------------------------------------------------------------------

def references(node: Any, conditions: Optional[dict] = None) -> Iterator[tuple[str, Optional[str]]]:
    """Every ``(name, attribute or None)`` that ``node`` refers to; with ``conditions``, only in the chosen branches."""
    if isinstance(node, list):
        for item in node:
            yield from references(item, conditions)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::If" and conditions is not None and isinstance(value, list) and len(value) == 3:
                yield from references(value[1 if conditions.get(value[0], True) else 2], conditions)
            elif key in ("Ref", "Fn::GetAtt", "Fn::Sub"):
                yield from engine._intrinsic_references({key: value})
            else:
                yield from references(value, conditions)


def check_references(template: dict, conditions: dict) -> None:
    """Raises CloudFormation's refusal of a reference to nothing."""
    resources = template.get("Resources") or {}
    active = {name for name, body in resources.items()
              if not isinstance(body, dict) or conditions.get(body.get("Condition"), True)}
    known = set(template.get("Parameters") or {}) | PSEUDO | active

    def check(node: Any, block: str) -> None:
        unresolved = []
        for name, attribute in references(node, conditions):
            if name in known:
                continue
            if attribute is not None and name not in resources:
                raise ValueError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
            if name not in unresolved:
                unresolved.append(name)
        if unresolved:
            raise ValueError(f"Template format error: Unresolved resource dependencies [{', '.join(unresolved)}] in "
                             f"the {block} block of the template")

    declared = set(template.get("Conditions") or {})
    for name, body in resources.items():
        if not isinstance(body, dict):
            continue
        if body.get("Condition") is not None and body["Condition"] not in declared:
            raise ValueError(f"Template format error: Unresolved condition dependency {body['Condition']} in the "
                             "Resources block of the template")
        if name not in active:
            continue
        depends = body.get("DependsOn") or []
        missing = [d for d in ([depends] if isinstance(depends, str) else depends) if d not in resources]
        if missing:
            raise ValueError(f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the "
                             "Resources block of the template")
        for key in ("Properties", "CreationPolicy", "UpdatePolicy"):
            _check_conditions_named(body.get(key), declared)
            check(body.get(key), "Resources")
    for body in (template.get("Outputs") or {}).values():
        if isinstance(body, dict) and conditions.get(body.get("Condition"), True):
            _check_conditions_named(body.get("Value"), declared)
            check([body.get("Value"), body.get("Export")], "Outputs")


def _check_conditions_named(node: Any, declared: set) -> None:
    if isinstance(node, list):
        for item in node:
            _check_conditions_named(item, declared)
    elif isinstance(node, dict):
        choice = node.get("Fn::If")
        if isinstance(choice, list) and choice and isinstance(choice[0], str) and choice[0] not in declared:
            raise ValueError(f"Template error: unresolved condition dependency [{choice[0]}] in Fn::If")
        for item in node.values():
            _check_conditions_named(item, declared)


def _validate_template_support(template: dict, conditions: dict, params: Optional[dict] = None) -> None:
    _original_support(template, conditions, params)
    if not template.get("Transform"):
        check_references(template, conditions)


# ---- Conditions ------------------------------------------------------------------------------------------------

def evaluate_conditions(template: dict, params: dict) -> dict:
    """Every condition's value. Its operands may use pseudo parameters and any function that needs no resource."""
    definitions = template.get("Conditions") or {}
    mappings = template.get("Mappings") or {}
    known = set(template.get("Parameters") or {}) | PSEUDO
    done: dict[str, bool] = {}
    active: list[str] = []

    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    def operand(node: Any) -> Any:
        for name, _ in engine._intrinsic_references(node):
            if name not in known and name not in params:
                raise ValueError(f"Template format error: Unresolved dependencies [{name}]. Cannot reference "
                                 "resources in the Conditions block of the template")
        return engine._resolve_refs(copy.deepcopy(node), {}, params, done, mappings, "", "")

    def evaluate(node: Any) -> bool:
        if isinstance(node, dict) and len(node) == 1:
            (function, arguments), = node.items()
            if function == "Fn::Equals":
                return text(operand(arguments[0])) == text(operand(arguments[1]))
            if function == "Fn::And":
                return all([evaluate(item) for item in arguments])
            if function == "Fn::Or":
                return any([evaluate(item) for item in arguments])
            if function == "Fn::Not":
                return not evaluate(arguments[0])
            if function == "Condition":
                return value_of(arguments)
        raise ValueError("Template format error: Conditions can only be boolean operations on parameters and other "
                         "conditions")

    def value_of(name: str) -> bool:
        if name not in done:
            if name not in definitions:
                raise ValueError(f"Template format error: Unresolved condition dependency {name} in the Conditions "
                                 "block of the template")
            if name in active:
                raise ValueError(f"Template format error: Found circular condition dependency between {name} and "
                                 f"{active[-1]}")
            active.append(name)
            done[name] = evaluate(definitions[name])
            active.remove(name)
        return done[name]

    for name in definitions:
        value_of(name)
    return done


# ---- Parameters ------------------------------------------------------------------------------------------------

_STORES = {"AWS::EC2::VPC::Id": "_vpcs", "AWS::EC2::Subnet::Id": "_subnets",
           "AWS::EC2::SecurityGroup::Id": "_security_groups"}
_SSM_TYPE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


def _resolve_parameters(template: dict, provided_params: list, previous_params: Optional[dict] = None) -> dict:
    definitions = template.get("Parameters") or {}
    unknown = sorted({p["Key"] for p in provided_params if "Key" in p} - set(definitions))
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    given = {p["Key"]: p for p in provided_params if "Key" in p}
    missing = sorted(name for name, body in definitions.items() if name not in given and "Default" not in body)
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")
    adjusted = {}
    unreadable = []
    for name, body in definitions.items():
        if not _SSM_TYPE.fullmatch(str(body.get("Type", ""))):
            adjusted[name] = body
            continue
        # The constraints of such a parameter are those of the name that is looked up, not of what it finds.
        adjusted[name] = {key: value for key, value in body.items()
                          if key not in ("AllowedValues", "AllowedPattern", "MinLength", "MaxLength")}
        key = _parameter_key(name, body, given.get(name), previous_params or {})
        if body.get("AllowedValues") and key not in [str(v) for v in body["AllowedValues"]]:
            raise ValueError(f"Parameter '{name}' must be one of AllowedValues")
        if body.get("AllowedPattern") and not re.fullmatch(str(body["AllowedPattern"]), key):
            raise ValueError(f"Parameter '{name}' must match pattern {body['AllowedPattern']}")
        record = ssm._lookup_parameter(key.split(":")[0])[1] if key else None
        if record is None:
            unreadable.append(key)
        elif record.get("Type") == "SecureString":
            raise ValueError(f"Parameters [{key}] referenced by template have types not supported by CloudFormation.")
    if unreadable:
        raise ValueError(f"Unable to fetch parameters [{','.join(sorted(unreadable))}] from parameter store for this "
                         "account.")
    resolved = _original_parameters({**template, "Parameters": adjusted}, provided_params, previous_params)
    for name, entry in resolved.items():
        _check_exists(name, entry)
    return resolved


def _parameter_key(name: str, body: dict, given: Optional[dict], previous: dict) -> str:
    if given is not None and given.get("UsePreviousValue"):
        entry = previous.get(name) or {}
        return str(entry.get("SsmName", body.get("Default", "")))
    return str(given["Value"] if given is not None else body.get("Default", ""))


def _check_exists(name: str, entry: dict) -> None:
    """VPCs, subnets and groups that a parameter names must be there, whether given or found in Parameter Store."""
    inner, is_list = engine._rule_inner_type(entry.get("Type", "String"))
    match = _SSM_TYPE.fullmatch(entry.get("Type", ""))
    if match:
        inner = match.group(1)
        is_list = inner.startswith("List<")
        inner = inner[5:-1] if is_list else inner
    store = _STORES.get(inner)
    if store is None:
        return
    ec2._ensure_defaults_initialized()
    for value in entry["Value"].split(",") if is_list else [entry["Value"]]:
        if value.strip() not in getattr(ec2, store):
            raise ValueError(f"Parameter validation failed: parameter value {value.strip()} for parameter name {name} "
                             "does not exist")


# ---- Change sets -----------------------------------------------------------------------------------------------

class _Everything(dict):
    """Attributes of a resource that does not exist yet."""

    def __contains__(self, key) -> bool:
        return True

    def __getitem__(self, key) -> str:
        return KNOWN_LATER


def _after(change_set: dict, stack: dict) -> dict:
    """The properties that each resource will have, as far as they are known before the change set runs."""
    template, parameters = change_set["_template"], change_set["_resolved_params"]
    try:
        conditions = engine._evaluate_conditions(template, parameters)
    except ValueError:
        return {}
    replaced = {c["ResourceChange"]["LogicalResourceId"] for c in change_set["Changes"]
                if c["ResourceChange"].get("Replacement") == "True"}
    deployed = stack.get("_resources", {})
    later = {"PhysicalResourceId": KNOWN_LATER, "Attributes": _Everything()}
    resources = {name: deployed[name] if name in deployed and name not in replaced else later
                 for name in template.get("Resources") or {}}
    result = {}
    for name, body in (template.get("Resources") or {}).items():
        if not conditions.get(body.get("Condition"), True):
            continue
        try:
            properties = engine._resolve_refs(copy.deepcopy(body.get("Properties") or {}), resources, parameters,
                                              conditions, template.get("Mappings") or {}, stack["StackName"],
                                              stack["StackId"])
            result[name] = {k: v for k, v in properties.items() if v is not engine._NO_VALUE}
        except Exception:  # noqa: BLE001  (what can't be known yet is simply not told)
            result[name] = copy.deepcopy(body.get("Properties") or {})
    return result


def _with_values(change_set: dict, stack: dict) -> None:
    """Adds the before and after values that DescribeChangeSet tells with ``IncludePropertyValues``."""
    after = _after(change_set, stack)
    deployed = stack.get("_resources", {})
    for change in change_set["Changes"]:
        body = change["ResourceChange"]
        name = body["LogicalResourceId"]
        before = (deployed.get(name) or {}).get("Properties") or {}
        new = after.get(name) or {}
        if body["Action"] != "Add":
            body["_before"] = {"Properties": before}
        if body["Action"] != "Remove":
            body["_after"] = {"Properties": new}
        for detail in body.get("Details") or []:
            target = detail["Target"]
            if target.get("Attribute") != "Properties" or not target.get("Name"):
                continue
            key = target["Name"]
            target["_path"] = f"/Properties/{key}"
            target["_change"] = "Add" if key not in before else "Remove" if key not in new else "Modify"
            if "_drift" in target:
                # In a drift-aware change set, "before" is what the resource is now.
                target["_before"] = _value_text(target["_drift"][1])
                target["_before_from"], target["_after_from"] = "ACTUAL_STATE", "TEMPLATE"
            elif key in before:
                target["_before"] = _value_text(before[key])
            if key in new:
                target["_after"] = _value_text(new[key])


def _value_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str)


def _create_change_set(original):
    def create(params):
        name, kind = helpers._p(params, "StackName"), helpers._p(params, "ChangeSetType", "UPDATE") or "UPDATE"
        stack = handlers._resolve_stack(name) if name else None
        status = (stack or {}).get("StackStatus", "")
        present = bool(stack) and status != "DELETE_COMPLETE"
        if present and kind == "UPDATE" and status not in _UPDATABLE:
            return helpers._error("ValidationError",
                                  f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
        if present and kind == "CREATE" and status != "REVIEW_IN_PROGRESS":
            return helpers._error("AlreadyExistsException",
                                  f"Stack [{stack['StackName']}] already exists and cannot be created again with the "
                                  f"changeSet [{helpers._p(params, 'ChangeSetName')}].")
        role = helpers._p(params, "RoleARN")
        if problem := _role_problem(role):
            return problem
        reverting = helpers._p(params, "DeploymentMode") == "REVERT_DRIFT"
        if reverting and kind != "UPDATE":
            return helpers._error("ValidationError", "DeploymentMode REVERT_DRIFT is only valid for UPDATE change sets")
        # A second CREATE change set goes to the stack that is under review already, not to a new one.
        review = stack if present and status == "REVIEW_IN_PROGRESS" else None
        answer = original(params)
        if answer[0] != 200:
            if review is not None and stack["StackName"] not in cloudformation._stacks:
                cloudformation._stacks[stack["StackName"]] = review
            return answer
        _, change_set = changesets._find_change_set(helpers._p(params, "ChangeSetName"),
                                                    name.split("/")[1] if name.startswith("arn:") else name)
        stack = cloudformation._stacks[change_set["StackName"]]
        if review is not None:
            answer = _keep_stack_id(answer, change_set, stack, review)
        change_set["_role"] = role or stack.get("_role", "")
        if reverting:
            _revert_drift(change_set, stack)
        _with_values(change_set, stack)
        return answer
    return create


def _keep_stack_id(answer: tuple, change_set: dict, stack: dict, review: dict) -> tuple:
    new, old = stack["StackId"], review["StackId"]
    stack.update(StackId=old, CreationTime=review["CreationTime"])
    change_set["StackId"] = old
    cloudformation._stack_events.pop(new, None)
    return answer[0], answer[1], answer[2].replace(new.encode(), old.encode())


def _role_problem(role: str) -> Optional[tuple]:
    if role and not roles.assumable_by(role, "cloudformation.amazonaws.com"):
        return helpers._error("ValidationError", f"Role {role} is invalid or cannot be assumed")
    return None


def _revert_drift(change_set: dict, stack: dict) -> None:
    """A drift-aware change set: resources that drifted are changed back, next to what the template changes."""
    change_set["DeploymentMode"] = "REVERT_DRIFT"
    change_set["_drifted"] = {}
    changed = {c["ResourceChange"]["LogicalResourceId"] for c in change_set["Changes"]}
    timestamp = changesets.now_iso()
    drifted_stack = False
    for name, record in stack.get("_resources", {}).items():
        rtype = record.get("ResourceType", "")
        if name not in (change_set["_template"].get("Resources") or {}) or not drift.supports_drift(rtype):
            continue
        found = drift.detect_resource_drift(stack, name, record, timestamp)
        status = found["StackResourceDriftStatus"]
        if status not in ("MODIFIED", "DELETED"):
            continue
        drifted_stack = True
        change_set["_drifted"][name] = found
        if name in changed:
            continue
        body = {"Action": "Modify" if status == "MODIFIED" else "Add", "LogicalResourceId": name,
                "ResourceType": rtype, "_drift": status}
        if status == "MODIFIED":
            paths = sorted({d["PropertyPath"].split("/")[1] for d in found["PropertyDifferences"]})
            body.update(PhysicalResourceId=record["PhysicalResourceId"], Replacement="False", Scope=["Properties"],
                        Details=[{"Target": {"Attribute": "Properties", "Name": key, "RequiresRecreation": "Never",
                                             "_drift": (record["Properties"].get(key),
                                                        json.loads(found["ActualProperties"]).get(key), timestamp)},
                                  "Evaluation": "Static", "ChangeSource": "NoModification"} for key in paths])
        change_set["Changes"].append({"ResourceChange": body})
    change_set["StackDriftStatus"] = "DRIFTED" if drifted_stack else "IN_SYNC"
    if change_set["Changes"] and change_set["Status"] == "FAILED":
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _execute_change_set(original):
    def execute(params):
        name = helpers._p(params, "StackName")
        _, change_set = changesets._find_change_set(helpers._p(params, "ChangeSetName"),
                                                    name.split("/")[1] if name.startswith("arn:") else name)
        if change_set and change_set.get("ExecutionStatus") == "AVAILABLE":
            stack = cloudformation._stacks.get(change_set["StackName"])
            if stack is not None:
                stack["_role"] = change_set.get("_role", "")
                stack["ChangeSetId"] = change_set["ChangeSetId"]
                for logical, found in (change_set.get("_drifted") or {}).items():
                    record = stack["_resources"].get(logical)
                    if record is None:
                        continue
                    if found["StackResourceDriftStatus"] == "DELETED":
                        stack["_resources"].pop(logical)
                    else:
                        # The update handlers compare with what is deployed, so that is what they must be told.
                        actual = json.loads(found["ActualProperties"])
                        expected = json.loads(found["ExpectedProperties"])
                        record["Properties"] = {
                            **{k: v for k, v in record["Properties"].items() if k not in expected}, **actual}
        return original(params)
    return execute


def _describe_change_set(original):
    def describe(params):
        answer = original(params)
        if answer[0] != 200:
            return answer
        name = helpers._p(params, "StackName")
        _, change_set = changesets._find_change_set(helpers._p(params, "ChangeSetName"),
                                                    name.split("/")[1] if name.startswith("arn:") else name)
        body = answer[2].decode()
        extra = "".join(f"<{key}>{escape(change_set[key])}</{key}>" for key in ("DeploymentMode", "StackDriftStatus")
                        if change_set.get(key))
        body = body.replace("</DescribeChangeSetResult>", extra + "</DescribeChangeSetResult>")
        values = helpers._p(params, "IncludePropertyValues", "false").lower() == "true"
        parts = re.split(r"(<ResourceChange>.*?</ResourceChange>)", body, flags=re.DOTALL)
        changes = iter(change_set.get("Changes", []))
        for index, part in enumerate(parts):
            if part.startswith("<ResourceChange>"):
                parts[index] = _told(part, next(changes)["ResourceChange"], values)
        return answer[0], answer[1], "".join(parts).encode()
    return describe


def _told(xml: str, change: dict, values: bool) -> str:
    extra = f"<ResourceDriftStatus>{change['_drift']}</ResourceDriftStatus>" if change.get("_drift") else ""
    if values:
        for key, tag in (("_before", "BeforeContext"), ("_after", "AfterContext")):
            if key in change:
                extra += f"<{tag}>{escape(json.dumps(change[key], separators=(',', ':'), default=str))}</{tag}>"
    xml = xml.replace("</ResourceChange>", extra + "</ResourceChange>")
    details = iter(change.get("Details") or [])
    pieces = re.split(r"(</Target>)", xml)
    for index, piece in enumerate(pieces):
        if piece != "</Target>":
            continue
        target = next(details)["Target"]
        told = ""
        if values:
            for key, tag in (("_path", "Path"), ("_before", "BeforeValue"), ("_after", "AfterValue"),
                             ("_before_from", "BeforeValueFrom"), ("_after_from", "AfterValueFrom"),
                             ("_change", "AttributeChangeType")):
                if key in target:
                    told += f"<{tag}>{escape(target[key])}</{tag}>"
        if "_drift" in target:
            expected, actual, when = target["_drift"]
            told += (f"<Drift><PreviousValue>{escape(_value_text(expected))}</PreviousValue><ActualValue>"
                     f"{escape(_value_text(actual))}</ActualValue><DriftDetectionTimestamp>{when}"
                     "</DriftDetectionTimestamp></Drift>")
        pieces[index] = told + piece
    return "".join(pieces)


# ---- Templates and tags ----------------------------------------------------------------------------------------

def _resolve_document(params, body_key, url_key, label):
    """The version that the address of a document names, as S3 serves it; without one the current version."""
    parsed = urlparse(helpers._p(params, url_key) or "")
    version = parse_qs(parsed.query).get("versionId", [""])[0]
    if not version or helpers._p(params, body_key):
        return _original_document(params, body_key, url_key, label)
    bucket, _, key = unquote(parsed.path).lstrip("/").partition("/")
    text = s3._get_object_data(bucket, key, version)
    if text is None:
        return None, helpers._error("ValidationError", f"S3 error: The specified version of {label.lower()} {key} does not "
                                    "exist. (NoSuchVersion)")
    return text.decode("utf-8"), None


# Types whose schema says `cloudFormationSystemTags: false`.
_WITHOUT_SYSTEM_TAGS = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::KMS::Key"})


def _with_stack_tags(resource_type, props, *more):
    """The tags ``aws:cloudformation:...`` only where CloudFormation sets them."""
    tagged = _original_tags(resource_type, props, *more)
    if resource_type not in _WITHOUT_SYSTEM_TAGS or tagged is props:
        return tagged
    return {**tagged, "Tags": [tag for tag in tagged["Tags"] if not tag["Key"].startswith("aws:")]}


# ---- Stacks ----------------------------------------------------------------------------------------------------

def _describe_stack_events(original):
    """Events tell the properties that a custom resource was asked for, where ``custom`` has put them."""
    def describe(params):
        answer = original(params)
        stack = handlers._resolve_stack(helpers._p(params, "StackName"))
        if answer[0] != 200 or not stack:
            return answer
        body = answer[2].decode()
        for event in cloudformation._stack_events.get(stack["StackId"], []):
            if "ResourceProperties" in event:
                marker = f"<EventId>{event['EventId']}</EventId>"
                body = body.replace(marker, f"{marker}<ResourceProperties>{escape(event['ResourceProperties'])}"
                                            "</ResourceProperties>")
        return answer[0], answer[1], body.encode()
    return describe

def _describe_stacks(original):
    def describe(params):
        answer = original(params)
        if answer[0] != 200:
            return answer
        body = answer[2].decode()
        by_id = {stack["StackId"]: stack for stack in cloudformation._stacks.values()}
        for stack_id, stack in by_id.items():
            marker = f"<StackId>{stack_id}</StackId>"
            if marker not in body:
                continue
            extra = "".join(f"<{tag}>{escape(stack[key])}</{tag}>" for key, tag in (
                ("_role", "RoleARN"), ("ChangeSetId", "ChangeSetId")) if stack.get(key))
            body = body.replace(marker, marker + extra)
            # A parameter that is looked up shows the name that was given and, beside it, what it found.
            start = body.index(marker)
            end = body.find("<StackId>", start + 1)
            part = body[start:end if end > 0 else None]
            told = part
            for name, entry in (stack.get("_resolved_params") or {}).items():
                if "SsmName" in entry:
                    told = told.replace(
                        f"<ParameterKey>{escape(name)}</ParameterKey><ParameterValue>"
                        f"{helpers._esc(str(entry['Value']))}</ParameterValue>",
                        f"<ParameterKey>{escape(name)}</ParameterKey><ParameterValue>"
                        f"{escape(entry['SsmName'])}</ParameterValue><ResolvedValue>"
                        f"{helpers._esc(str(entry['Value']))}</ResolvedValue>")
            body = body[:start] + told + (body[end:] if end > 0 else "")
        return answer[0], answer[1], body.encode()
    return describe


def _with_role(original):
    """CreateStack, UpdateStack and DeleteStack: the service role must be one that CloudFormation can assume."""
    def run(params):
        role = helpers._p(params, "RoleARN")
        if problem := _role_problem(role):
            return problem
        answer = original(params)
        stack = handlers._resolve_stack(helpers._p(params, "StackName"))
        if answer[0] == 200 and stack is not None and role:
            stack["_role"] = role
        return answer
    return run


# ---- Resources of deleted stacks -----------------------------------------------------------------------------

def _remembering(original):
    """A deleted stack's resources can be listed for 90 days, by the stack's id: ministack forgets them one by one."""
    async def delete(stack_name, stack_id, *args, **kwargs):
        stack = cloudformation._stacks.get(stack_name)
        before = copy.deepcopy((stack or {}).get("_resources") or {})
        result = await original(stack_name, stack_id, *args, **kwargs)
        if stack is not None:
            gone = stack.setdefault("_deleted_resources", {})
            for event in cloudformation._stack_events.get(stack_id, []):
                name, status = event["LogicalResourceId"], event["ResourceStatus"]
                if name in before and status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                    gone[name] = {**before[name], "ResourceStatus": status, "Timestamp": event["Timestamp"]}
        return result
    return delete


def _list_stack_resources(original):
    def listed(params):
        stack = handlers._resolve_stack(helpers._p(params, "StackName") or "")
        gone = (stack or {}).get("_deleted_resources") or {}
        if not gone or stack["StackStatus"] != "DELETE_COMPLETE":
            return original(params)
        kept, stack["_resources"] = stack.get("_resources") or {}, {**gone, **(stack.get("_resources") or {})}
        try:
            return original(params)
        finally:
            stack["_resources"] = kept
    return listed


def install() -> None:
    for module in (stacks, changesets, handlers):
        if hasattr(module, "_delete_stack_async"):
            module._delete_stack_async = _remembering(module._delete_stack_async)
    for module in (engine, changesets, handlers, stacks):
        for name, function in (("_evaluate_conditions", evaluate_conditions),
                               ("validate_template_support", _validate_template_support),
                               ("_resolve_parameters", _resolve_parameters)):
            if hasattr(module, name):
                setattr(module, name, function)
    helpers._resolve_document = _resolve_document
    stacks._with_stack_tags = _with_stack_tags
    # Capabilities are acknowledged on every AWS account; ministack asks for them only together with IAM checks.
    handlers._capabilities_enforced = lambda: True
    table = handlers._ACTION_HANDLERS
    table["CreateChangeSet"] = _create_change_set(table["CreateChangeSet"])
    table["ExecuteChangeSet"] = _execute_change_set(table["ExecuteChangeSet"])
    table["DescribeChangeSet"] = _describe_change_set(table["DescribeChangeSet"])
    table["DescribeStacks"] = _describe_stacks(table["DescribeStacks"])
    table["ListStackResources"] = _list_stack_resources(table["ListStackResources"])
    table["DescribeStackEvents"] = _describe_stack_events(table["DescribeStackEvents"])
    for action in ("CreateStack", "UpdateStack", "DeleteStack"):
        table[action] = _with_role(table[action])
