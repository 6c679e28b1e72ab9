"""Lambda as CloudFormation and asynchronous callers see it: refusals, retries, and what a destination is told."""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
from datetime import datetime, timezone

from ministack.core.responses import _request_account_id, _request_region, new_uuid
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from . import roles

_create, _update = provisioners._lambda_create, provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["update"]
_route = lambda_svc._route_async_failure


def _check(properties: dict) -> None:
    role = properties.get("Role", "")
    if not roles.assumable_by(role, "lambda.amazonaws.com"):
        raise ValueError("The role defined for the function cannot be assumed by Lambda. (Service: Lambda, Status "
                         "Code: 400, Error Code: InvalidParameterValueException)")
    name = properties.get("FunctionName")
    if name and not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", name):
        raise ValueError(f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
                         "constraint: Member must have length less than or equal to 64 (Service: Lambda, Status Code: "
                         "400, Error Code: ValidationException)")
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(set(variables) & (set(lambda_svc._RESERVED_RUNTIME_ENV_VARS) - {"AWS_LAMBDA_FUNCTION_TIMEOUT"}))
    if reserved:
        raise ValueError("Lambda was unable to configure your environment variables because the environment variables "
                         "you have provided contains reserved keys that are currently not supported for modification. "
                         f"Reserved keys used in this request: {', '.join(reserved)} (Service: Lambda, Status Code: "
                         "400, Error Code: InvalidParameterValueException)")
    if len(json.dumps(variables, separators=(",", ":"))) > 4096:
        raise ValueError("Lambda was unable to configure your environment variables because the environment variables "
                         "you have provided exceeded the 4KB limit. (Service: Lambda, Status Code: 400, Error Code: "
                         "InvalidParameterValueException)")
    for member, least, most in (("Timeout", 1, 900), ("MemorySize", 128, 10240)):
        if member in properties and not least <= int(properties[member]) <= most:
            raise ValueError(f"'{member}' value failed to satisfy constraint: Member must have value from {least} to "
                             f"{most} (Service: Lambda, Status Code: 400, Error Code: InvalidParameterValueException)")


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check(properties)
    name = properties.get("FunctionName")
    if name and name in lambda_svc._functions:
        raise ValueError(f"Function already exist: {name} (Service: Lambda, Status Code: 409, Error Code: "
                         "ResourceConflictException)")
    created = _create(logical_id, properties, stack_name)
    code = properties.get("Code") or {}
    if code.get("S3Bucket") and not lambda_svc._functions[created[0]].get("code_zip"):
        lambda_svc._functions.pop(created[0], None)
        raise ValueError("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified "
                         "key does not exist. (Service: Lambda, Status Code: 400, Error Code: "
                         "InvalidParameterValueException)")
    return created


def _cfn_update(*args) -> tuple:
    _check(args[2])
    return _update(*args)


# ---- Asynchronous invocation ------------------------------------------------------------------------------------

def invoke_async_with_retry(func: dict, event) -> None:
    """An event's life: tried, tried again as often as the function allows, then handed to the failure destination.

    The pause between tries is short here (a minute or two on AWS); everything else is as Lambda does it, with one
    request id for all tries and a destination record that says how often and why.
    """
    def run() -> None:
        config = func.get("config") or func
        account, region = lambda_svc._account_region_from_function_config(config)
        _request_account_id.set(account)
        _request_region.set(region)
        name = config.get("FunctionName", "unknown")
        base = lambda_svc._functions.get(name) or func
        settings = (func.get("event_invoke_config") or (base.get("event_invoke_configs") or {}).get("$LATEST")
                    or base.get("event_invoke_config") or {})
        retries = settings.get("MaximumRetryAttempts")
        retries = 2 if retries is None else int(retries)
        longest = float(settings.get("MaximumEventAgeInSeconds") or 21_600)
        destinations = settings.get("DestinationConfig") or {}
        started = time.time()
        request_id = new_uuid()
        tries, result, condition = 0, {}, "RetriesExhausted"
        while True:
            result = lambda_svc._execute_function(func, event)
            tries += 1
            if not result.get("error"):
                target = (destinations.get("OnSuccess") or {}).get("Destination")
                if target:
                    _deliver(target, config, event, result, request_id, tries, "Success")
                return
            if tries > retries:
                break
            pause = min(lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (tries - 1),
                        lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
            if time.time() + pause - started > longest:
                condition = "EventAgeExceeded"
                break
            time.sleep(pause)
        target = (destinations.get("OnFailure") or {}).get("Destination")
        if target:
            _deliver(target, config, event, result, request_id, tries, condition)
        dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
        if dead_letters:
            # A dead-letter queue gets the event alone; the error is in the message's attributes.
            _send(dead_letters, json.dumps(event), config)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="mlp-async-invoke").start()


def _deliver(target: str, config: dict, event, result: dict, request_id: str, tries: int, condition: str) -> None:
    now = datetime.now(timezone.utc)
    record = {
        "version": "1.0", "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
        "requestContext": {"requestId": request_id, "condition": condition, "approximateInvokeCount": tries,
                           "functionArn": f"{config['FunctionArn'].split(':$')[0]}:{config.get('Version', '$LATEST')}"},
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": config.get("Version", "$LATEST")},
        "responsePayload": result.get("body"),
    }
    if result.get("error"):
        record["responseContext"]["functionError"] = result.get("function_error") or "Unhandled"
    _send(target, json.dumps(record), config)


def _send(target: str, body: str, config: dict) -> None:
    service = (target.split(":") + [""] * 3)[2]
    if service == "sqs":
        queue = sqs._queue_by_arn(target)
        if queue is None:
            lambda_svc.logger.warning("destination %s of %s does not exist", target, config.get("FunctionName"))
            return
        sqs._act_send_message({"QueueUrl": queue["url"], "MessageBody": body}, queue["url"])
        return
    # Topics, buses and functions: ministack's own routing, with the record as the event.
    _route(target, config.get("FunctionName", "unknown"), json.loads(body), {"body": {}})


def install() -> None:
    lambda_svc.invoke_async_with_retry = invoke_async_with_retry
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"].update(create=_cfn_create, update=_cfn_update)
    provisioners._REPLACING_PROPERTIES["AWS::Lambda::EventInvokeConfig"] = ("FunctionName", "Qualifier")
