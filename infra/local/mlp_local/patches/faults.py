"""What fails on AWS, on demand: refused calls, resources that fail, and stacks that take their time.

    curl -X POST $ENDPOINT/_mlp/faults -d '{"service": "cloudformation", "operation": "DescribeStacks",
                                            "error": "Throttling", "message": "Rate exceeded", "times": 3}'
    curl -X POST $ENDPOINT/_mlp/faults -d '{"resource_type": "AWS::CodeBuild::Project", "action": "create",
                                            "message": "no capacity"}'
    curl -X POST $ENDPOINT/_mlp/faults -d '{"stack_seconds": 2}'
    curl -X POST $ENDPOINT/_mlp/faults -d '{"clear": true}'

Reason: tests need failures that ministack never has.
Source: the error shapes of AWS's protocols in botocore's service models.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ..emulator import DELETE_STACK, DEPLOY_STACK, application, iam_actions, new_uuid, router, stacks
from ..jsonservice import SESSION

_calls: list[dict] = []

_resources: list[dict] = []

_pace = {"stack_seconds": 0.0}

_CALL = {"service", "operation", "error", "message", "status", "times", "after"}

_RESOURCE = {"resource_type", "action", "message", "times", "after"}

_ACTIONS = ("create", "update", "delete")


def state() -> dict:
    return {"calls": list(_calls), "resources": list(_resources), **_pace}


def configure(change: dict) -> dict:
    """Adds one fault, sets the pace of stack operations, or clears everything.

    A fault lets the first ``after`` matching calls pass and then strikes ``times`` times.
    """
    if change.get("clear") is True:
        _calls.clear()
        _resources.clear()
        _pace["stack_seconds"] = 0.0
    elif set(change) == {"stack_seconds"}:
        _pace["stack_seconds"] = float(change["stack_seconds"])
    elif "service" in change and "error" in change and set(change) <= _CALL:
        _calls.append({"operation": "*", "message": change["error"], "status": 400, "times": 1, "after": 0, **change})
    elif "resource_type" in change and set(change) <= _RESOURCE:
        fault = {"action": "create", "message": "Internal Failure", "times": 1, "after": 0, **change}
        if fault["action"] not in _ACTIONS:
            raise ValueError(f"action is one of {', '.join(_ACTIONS)}")
        _resources.append(fault)
    else:
        raise ValueError("give service and error, or resource_type, or stack_seconds, or clear")
    return state()


def _take(faults: list, matches: Any) -> dict:
    for fault in faults:
        if matches(fault):
            if fault["after"] > 0:
                fault["after"] -= 1
                return {}
            fault["times"] -= 1
            if fault["times"] <= 0:
                faults.remove(fault)
            return fault
    return {}


_original_dispatch = application.dispatch_service_request


async def _dispatch(method: str, path: str, headers: dict, body: Any, query_params: Any, request_id: str) -> Any:
    if _calls:
        parameters = application.routing_params(method, path, headers, body, query_params)
        service = router.detect_service(method, path, headers, parameters)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters) or ":"
        operations = ("*", action.split(":", 1)[1], *_of_s3(service, method, query_params))
        fault = _take(_calls, lambda f: f["service"] == service and f["operation"] in operations)
        if fault:
            return _answer(service, fault, request_id)
    return await _original_dispatch(method, path, headers, body, query_params, request_id)


def _of_s3(service: str, method: str, query: dict) -> tuple:
    """The API's own name, where S3's permission is called otherwise (ListBucketVersions, DeleteObject)."""
    names = {("GET", "versions"): "ListObjectVersions", ("POST", "delete"): "DeleteObjects"}
    return tuple(name for (verb, key), name in names.items() if service == "s3" and method == verb and key in query)


_MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions"}


def _answer(service: str, fault: dict, request_id: str) -> tuple:
    protocol = SESSION.get_service_model(_MODELS.get(service, service)).metadata["protocol"]
    code, message, status = fault["error"], fault["message"], int(fault["status"])
    if protocol in ("query", "rest-xml", "ec2"):
        error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        text = {
            "query": f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId>"
            "</ErrorResponse>",
            "ec2": f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>",
            "rest-xml": f"<Error>{error}<RequestId>{request_id}</RequestId></Error>",
        }[protocol]
        return status, {"Content-Type": "application/xml"}, text.encode()
    body = json.dumps({"__type": code, "message": message}).encode()
    return (
        status,
        {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code, "x-amzn-requestid": new_uuid()},
        body,
    )


def _failing(action: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def run(resource_type: str, *args: Any, **kwargs: Any) -> Any:
        fault = _take(_resources, lambda f: f["resource_type"] == resource_type and f["action"] == action)
        if fault:
            raise ValueError(fault["message"])
        return original(resource_type, *args, **kwargs)

    return run


def _paced(original: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        if _pace["stack_seconds"]:
            await asyncio.sleep(_pace["stack_seconds"])
        return await original(*args, **kwargs)

    return run


def install() -> None:
    application.dispatch_service_request = _dispatch
    stacks.provision_resource = _failing("create", stacks.provision_resource)
    stacks.update_resource = _failing("update", stacks.update_resource)
    stacks.delete_resource = _failing("delete", stacks.delete_resource)
    DEPLOY_STACK.wrap(_paced)
    DELETE_STACK.wrap(_paced)
