"""Lists the resources of a deleted stack by its id.

Reason: ministack removes each resource from the stack when it is deleted.
Source: CloudFormation API Reference, "ListStackResources": "for deleted stacks, ... for up to 90 days".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ..emulator import DELETE_STACK, cloudformation, handlers, helpers


def _remembering(original: Callable[..., Any]) -> Callable[..., Any]:
    """A deleted stack's resources can be listed for 90 days, by the stack's id: ministack forgets them one by one."""

    async def delete(stack_name: str, stack_id: str, *args: Any, **kwargs: Any) -> Any:
        stack = cloudformation.stacks.get(stack_name)
        before = copy.deepcopy((stack or {}).get("_resources") or {})
        result = await original(stack_name, stack_id, *args, **kwargs)
        if stack is not None:
            gone = stack.setdefault("_deleted_resources", {})
            for event in cloudformation.stack_events.get(stack_id, []):
                name, status = event["LogicalResourceId"], event["ResourceStatus"]
                if name in before and status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                    gone[name] = {**before[name], "ResourceStatus": status, "Timestamp": event["Timestamp"]}
        return result

    return delete


def _list_stack_resources(original: Callable[..., Any]) -> Callable[..., Any]:
    def listed(params: dict) -> Any:
        stack = handlers.resolve_stack(helpers.parameter(params, "StackName") or "")
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
    DELETE_STACK.wrap(_remembering)
    table = handlers.ACTION_HANDLERS
    table["ListStackResources"] = _list_stack_resources(table["ListStackResources"])
