"""``TimeoutSecondsPath`` of a task, at the speed of ``Wait`` states (``SFN_WAIT_SCALE``).

Reason: ministack ignores the field.
Source: Amazon States Language, "Task State"; Step Functions Developer Guide, "Task workflow state".
"""

from __future__ import annotations

from typing import Any

from ..emulator import stepfunctions

_original_task = stepfunctions.execute_task


def _execute_task(state_def: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
    """A task whose time-out stands in its input. It is waited for at the pace of ``Wait`` states (``SFN_WAIT_SCALE``)."""
    if "TimeoutSecondsPath" in state_def:
        seconds = stepfunctions.resolve_path_or_ctx(state_def["TimeoutSecondsPath"], raw_input, ctx)
        state_def = {**state_def, "TimeoutSeconds": seconds * stepfunctions.SFN_WAIT_SCALE}
    return _original_task(state_def, raw_input, execution, ctx)


def install() -> None:
    stepfunctions.execute_task = _execute_task
