"""Change sets: the kinds that a stack's status allows, values before and after, and drift-aware change sets.

Reason: ministack creates a change set of any kind for any stack, gives each change set of a stack under review a new stack
id, and ignores ``IncludePropertyValues`` and ``DeploymentMode``.
Source: CloudFormation API Reference, "CreateChangeSet" and "DescribeChangeSet"; User Guide, "Drift-aware change sets".
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ..emulator import changesets, cloudformation, drift, engine, handlers, helpers
from .service_roles import role_problem

KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"

_UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "CREATE_FAILED",
    }
)


class _Everything(dict):
    """Attributes of a resource that does not exist yet."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return KNOWN_LATER


def _after(change_set: dict, stack: dict) -> dict:
    """The properties that each resource will have, as far as they are known before the change set runs."""
    template, parameters = change_set["_template"], change_set["_resolved_params"]
    try:
        conditions = engine.evaluate_conditions(template, parameters)
    except ValueError:
        return {}
    replaced = {
        c["ResourceChange"]["LogicalResourceId"]
        for c in change_set["Changes"]
        if c["ResourceChange"].get("Replacement") == "True"
    }
    deployed = stack.get("_resources", {})
    later = {"PhysicalResourceId": KNOWN_LATER, "Attributes": _Everything()}
    resources = {
        name: deployed[name] if name in deployed and name not in replaced else later
        for name in template.get("Resources") or {}
    }
    result = {}
    for name, body in (template.get("Resources") or {}).items():
        if not conditions.get(body.get("Condition"), True):
            continue
        try:
            properties = engine.resolve_refs(
                copy.deepcopy(body.get("Properties") or {}),
                resources,
                parameters,
                conditions,
                template.get("Mappings") or {},
                stack["StackName"],
                stack["StackId"],
            )
            result[name] = {k: v for k, v in properties.items() if v is not engine.NO_VALUE}
        except Exception:
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


def _create_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(params: dict) -> Any:
        name, kind = (
            helpers.parameter(params, "StackName"),
            helpers.parameter(params, "ChangeSetType", "UPDATE") or "UPDATE",
        )
        stack: Any = handlers.resolve_stack(name) if name else None
        status = (stack or {}).get("StackStatus", "")
        present = stack is not None and status != "DELETE_COMPLETE"
        if present and kind == "UPDATE" and status not in _UPDATABLE:
            return helpers.error(
                "ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated."
            )
        if present and kind == "CREATE" and status != "REVIEW_IN_PROGRESS":
            return helpers.error(
                "AlreadyExistsException",
                f"Stack [{stack['StackName']}] already exists and cannot be created again with the "
                f"changeSet [{helpers.parameter(params, 'ChangeSetName')}].",
            )
        role = helpers.parameter(params, "RoleARN")
        if problem := role_problem(role):
            return problem
        reverting = helpers.parameter(params, "DeploymentMode") == "REVERT_DRIFT"
        if reverting and kind != "UPDATE":
            return helpers.error("ValidationError", "DeploymentMode REVERT_DRIFT is only valid for UPDATE change sets")
        # A second CREATE change set goes to the stack that is under review already, not to a new one.
        review = stack if present and status == "REVIEW_IN_PROGRESS" else None
        answer = original(params)
        if answer[0] != 200:
            if review is not None and stack["StackName"] not in cloudformation.stacks:
                cloudformation.stacks[stack["StackName"]] = review
            return answer
        _, change_set = changesets.find_change_set(
            helpers.parameter(params, "ChangeSetName"), name.split("/")[1] if name.startswith("arn:") else name
        )
        stack = cloudformation.stacks[change_set["StackName"]]
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
    cloudformation.stack_events.pop(new, None)
    return answer[0], answer[1], answer[2].replace(new.encode(), old.encode())


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
        body = {
            "Action": "Modify" if status == "MODIFIED" else "Add",
            "LogicalResourceId": name,
            "ResourceType": rtype,
            "_drift": status,
        }
        if status == "MODIFIED":
            paths = sorted({d["PropertyPath"].split("/")[1] for d in found["PropertyDifferences"]})
            body.update(
                PhysicalResourceId=record["PhysicalResourceId"],
                Replacement="False",
                Scope=["Properties"],
                Details=[
                    {
                        "Target": {
                            "Attribute": "Properties",
                            "Name": key,
                            "RequiresRecreation": "Never",
                            "_drift": (
                                record["Properties"].get(key),
                                json.loads(found["ActualProperties"]).get(key),
                                timestamp,
                            ),
                        },
                        "Evaluation": "Static",
                        "ChangeSource": "NoModification",
                    }
                    for key in paths
                ],
            )
        change_set["Changes"].append({"ResourceChange": body})
    change_set["StackDriftStatus"] = "DRIFTED" if drifted_stack else "IN_SYNC"
    if change_set["Changes"] and change_set["Status"] == "FAILED":
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _execute_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(params: dict) -> Any:
        name = helpers.parameter(params, "StackName")
        _, change_set = changesets.find_change_set(
            helpers.parameter(params, "ChangeSetName"), name.split("/")[1] if name.startswith("arn:") else name
        )
        if change_set and change_set.get("ExecutionStatus") == "AVAILABLE":
            stack = cloudformation.stacks.get(change_set["StackName"])
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
                            **{k: v for k, v in record["Properties"].items() if k not in expected},
                            **actual,
                        }
        return original(params)

    return execute


def _describe_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    def describe(params: dict) -> Any:
        answer = original(params)
        if answer[0] != 200:
            return answer
        name = helpers.parameter(params, "StackName")
        _, change_set = changesets.find_change_set(
            helpers.parameter(params, "ChangeSetName"), name.split("/")[1] if name.startswith("arn:") else name
        )
        body = answer[2].decode()
        extra = "".join(
            f"<{key}>{escape(change_set[key])}</{key}>"
            for key in ("DeploymentMode", "StackDriftStatus")
            if change_set.get(key)
        )
        body = body.replace("</DescribeChangeSetResult>", extra + "</DescribeChangeSetResult>")
        values = helpers.parameter(params, "IncludePropertyValues", "false").lower() == "true"
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
            for key, tag in (
                ("_path", "Path"),
                ("_before", "BeforeValue"),
                ("_after", "AfterValue"),
                ("_before_from", "BeforeValueFrom"),
                ("_after_from", "AfterValueFrom"),
                ("_change", "AttributeChangeType"),
            ):
                if key in target:
                    told += f"<{tag}>{escape(target[key])}</{tag}>"
        if "_drift" in target:
            expected, actual, when = target["_drift"]
            told += (
                f"<Drift><PreviousValue>{escape(_value_text(expected))}</PreviousValue><ActualValue>"
                f"{escape(_value_text(actual))}</ActualValue><DriftDetectionTimestamp>{when}"
                "</DriftDetectionTimestamp></Drift>"
            )
        pieces[index] = told + piece
    return "".join(pieces)


def install() -> None:
    table = handlers.ACTION_HANDLERS
    table["CreateChangeSet"] = _create_change_set(table["CreateChangeSet"])
    table["ExecuteChangeSet"] = _execute_change_set(table["ExecuteChangeSet"])
    table["DescribeChangeSet"] = _describe_change_set(table["DescribeChangeSet"])
