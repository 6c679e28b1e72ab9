"""StartExecution is idempotent while the execution runs.

Reason: ministack refuses the second call.
Source: Step Functions API Reference, "StartExecution".
"""

from __future__ import annotations

import json
from typing import Any

from ..emulator import get_account_id, get_region, stepfunctions

_original_start = stepfunctions.start_execution


def _start_execution(data: dict) -> Any:
    """The same name with the same input while the execution runs answers it again: StartExecution is idempotent."""
    arn = stepfunctions.resolve_state_machine_arn(str(data.get("stateMachineArn", "")).rsplit("#", 1)[0])
    machine = stepfunctions.state_machines.get(arn) if arn else None
    if machine and data.get("name"):
        execution = stepfunctions.executions.get(
            f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{data['name']}"
        )
        if execution and execution["status"] == "RUNNING" and _same_input(execution["input"], data.get("input", "{}")):
            return stepfunctions.json_response(
                {"executionArn": execution["executionArn"], "startDate": execution["startDate"]}
            )
    return _original_start(data)


def _same_input(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


def install() -> None:
    stepfunctions.start_execution = _start_execution
