"""Custom resources: their status while a request is out, the Delete after a failed Create, and the request in events.

- While a request is out, DescribeStackResource answers ``CREATE_IN_PROGRESS``, ``UPDATE_IN_PROGRESS`` or
  ``DELETE_IN_PROGRESS``. For a resource that was replaced it answers the status of the new one.
- What a failed Create named is deleted: CloudFormation sends a Delete with the physical id of the failed answer.
- The event of the request has the request's properties (``ResourceProperties``).

Reason: ministack answers the last status, sends no Delete, and writes no properties into events.
Source: CloudFormation User Guide, "Custom resource request types"; API Reference, data type "StackEvent".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ..emulator import cloudformation, custom_resource, handlers, helpers, now_iso

_invoke = custom_resource.invoke_custom_resource

_deliver = custom_resource.deliver_response

_failed: dict[tuple[str, str], str] = {}

# By stack and logical id: what a test wants DescribeStackResource to say.
_said: dict[tuple[str, str], str] = {}


def _deliver_response(token: str, response: dict) -> bool:
    if response.get("Status") == "FAILED" and response.get("PhysicalResourceId"):
        _failed[str(response.get("StackId")), str(response.get("LogicalResourceId"))] = response["PhysicalResourceId"]
    return _deliver(token, response)


def _tell_properties(stack_id: str, logical_id: str, props: dict) -> None:
    for event in reversed(cloudformation.stack_events.get(stack_id, [])):
        if event["LogicalResourceId"] == logical_id and event["ResourceStatus"].endswith("_IN_PROGRESS"):
            known = custom_resource.normalise_resource_properties(props)
            event["ResourceProperties"] = json.dumps(known, separators=(",", ":"), default=str)
            return


def _invoke_custom_resource(
    request_type: str, logical_id: str, props: dict, stack_name: str, stack_id: str, resource_type: str, **more: Any
) -> Any:
    _failed.pop((stack_id, logical_id), None)
    _said.pop((stack_id, logical_id), None)
    _tell_properties(stack_id, logical_id, props)
    stack = handlers.resolve_stack(stack_id)
    resources = stack.get("_resources") if stack else None
    before = resources.get(logical_id) if resources is not None else None
    replaced = request_type == "Delete" and before and before["PhysicalResourceId"] not in ("", more.get("physical_id"))
    if resources is None or replaced:
        return _invoke(request_type, logical_id, props, stack_name, stack_id, resource_type, **more)
    out = {
        **(before or {"PhysicalResourceId": "", "ResourceType": resource_type, "Properties": props}),
        "ResourceStatus": f"{request_type.upper()}_IN_PROGRESS",
        "Timestamp": now_iso(),
    }
    resources[logical_id] = out
    try:
        return _invoke(request_type, logical_id, props, stack_name, stack_id, resource_type, **more)
    except RuntimeError:
        named = _failed.pop((stack_id, logical_id), None)
        if request_type == "Create" and named:
            _invoke_custom_resource("Delete", logical_id, props, stack_name, stack_id, resource_type, physical_id=named)
        raise
    finally:
        if resources.get(logical_id) is out:
            if before is None:
                del resources[logical_id]
            else:
                resources[logical_id] = before


def configure(request: dict) -> dict:
    """``/_mlp/custom``: what DescribeStackResource says of a custom resource until its next request.

    ``{"stack": ..., "resource": <logical id>, "status": "DELETE_IN_PROGRESS"}``: nothing here calls a creation off, and an
    answer to a creation that CloudFormation has called off changes nothing.
    """
    stack, logical_id = handlers.resolve_stack(str(request.get("stack", ""))), str(request.get("resource", ""))
    if stack is None or logical_id not in stack.get("_resources", {}):
        raise ValueError("there is no such resource")
    _said[stack["StackId"], logical_id] = str(request["status"])
    return {"status": str(request["status"])}


def _describe_stack_resource(original: Callable[..., Any]) -> Callable[..., Any]:
    def describe(params: dict) -> Any:
        stack = handlers.resolve_stack(helpers.parameter(params, "StackName"))
        logical_id = helpers.parameter(params, "LogicalResourceId")
        status = _said.get((stack["StackId"], logical_id)) if stack else None
        record = stack["_resources"].get(logical_id) if status else None
        if record is None:
            return original(params)
        before, record["ResourceStatus"] = record["ResourceStatus"], status
        try:
            return original(params)
        finally:
            record["ResourceStatus"] = before

    return describe


def _describe_stack_events(original: Callable[..., Any]) -> Callable[..., Any]:
    """Events tell the properties that a custom resource was asked for, where ``custom`` has put them."""

    def describe(params: dict) -> Any:
        answer = original(params)
        stack = handlers.resolve_stack(helpers.parameter(params, "StackName"))
        if answer[0] != 200 or not stack:
            return answer
        body = answer[2].decode()
        for event in cloudformation.stack_events.get(stack["StackId"], []):
            if "ResourceProperties" in event:
                marker = f"<EventId>{event['EventId']}</EventId>"
                body = body.replace(
                    marker, f"{marker}<ResourceProperties>{escape(event['ResourceProperties'])}</ResourceProperties>"
                )
        return answer[0], answer[1], body.encode()

    return describe


def install() -> None:
    table = handlers.ACTION_HANDLERS
    table["DescribeStackResource"] = _describe_stack_resource(table["DescribeStackResource"])
    table["DescribeStackEvents"] = _describe_stack_events(table["DescribeStackEvents"])
    custom_resource.invoke_custom_resource = _invoke_custom_resource
    custom_resource.deliver_response = _deliver_response
