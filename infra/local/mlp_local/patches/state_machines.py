"""Definitions of state machines are checked, and their roles.

Reason: ministack accepts a definition whose transitions lead nowhere, and a role that Step Functions can't assume.
Source: Step Functions API Reference, "ValidateStateMachineDefinition" and "CreateStateMachine"; the Amazon States Language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .. import roles
from ..emulator import get_account_id, get_region, provisioners, stepfunctions

_original_check = stepfunctions.validate_definition_jsonata

_create, _update = provisioners.sfn_state_machine_create, provisioners.sfn_state_machine_update

_TYPES = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")

_ENDS = ("Succeed", "Fail", "Choice")


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
            yield (
                "SCHEMA_VALIDATION_FAILED",
                "The value for the field 'Type' must be a valid state type",
                f"{place}/Type",
            )
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
            yield "UNREACHABLE_STATE", f'State "{name}" is not reachable', f"{path}/States/{name}"


def _check(definition: Any) -> Any:
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
    diagnostics = [
        {"severity": "ERROR", "code": code, "message": message, "location": place} for code, message, place in found
    ]
    return stepfunctions.json_response({"result": "FAIL" if found else "OK", "diagnostics": diagnostics})


def _check_properties(properties: dict) -> None:
    text = provisioners.sfn_definition(properties)
    problem = _check(text)
    if problem:
        raise ValueError(f"{problem} (Service: Sfn, Status Code: 400, Error Code: InvalidDefinition)")
    if not roles.assumable_by(properties.get("RoleArn", ""), "states.amazonaws.com"):
        raise ValueError(
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            "authorized to assume the provided role. (Service: Sfn, Status Code: 400, Error Code: "
            "AccessDeniedException)"
        )


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_properties(properties)
    name = properties.get("StateMachineName")
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:stateMachine:{name}"
    if name and arn in stepfunctions.state_machines:
        raise ValueError(
            f"State Machine Already Exists: '{arn}' (Service: Sfn, Status Code: 400, Error Code: "
            "StateMachineAlreadyExistsException)"
        )
    return _create(logical_id, properties, stack_name)


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    _check_properties(new)
    return _update(physical_id, old, new, stack_name, logical_id)


def install() -> None:
    stepfunctions.validate_definition_jsonata = _check
    stepfunctions.validate_state_machine_definition = _validate
    provisioners.RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"].update(create=_cfn_create, update=_cfn_update)
