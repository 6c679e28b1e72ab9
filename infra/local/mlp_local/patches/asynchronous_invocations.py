"""Asynchronous invocations: retries, and what a destination is sent.

Reason: ministack's destination records always say three attempts and have no request id.
Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation", "Capturing records of
Lambda asynchronous invocations".
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from ..emulator import lambda_service, new_uuid, set_request_scope, sqs

_route = lambda_service.route_async_failure


def invoke_async_with_retry(func: dict, event: Any) -> None:
    """An event's life: tried, tried again as often as the function allows, then handed to the failure destination.

    The pause between tries is short here (a minute or two on AWS); everything else is as Lambda does it, with one
    request id for all tries and a destination record that says how often and why.
    """

    def run() -> None:
        config = func.get("config") or func
        account, region = lambda_service.account_region_from_function_config(config)
        set_request_scope(account, region)
        name = config.get("FunctionName", "unknown")
        base = lambda_service.functions.get(name) or func
        settings = (
            func.get("event_invoke_config")
            or (base.get("event_invoke_configs") or {}).get("$LATEST")
            or base.get("event_invoke_config")
            or {}
        )
        retries = settings.get("MaximumRetryAttempts")
        retries = 2 if retries is None else int(retries)
        longest = float(settings.get("MaximumEventAgeInSeconds") or 21_600)
        destinations = settings.get("DestinationConfig") or {}
        started = time.time()
        request_id = new_uuid()
        tries, result, condition = 0, {}, "RetriesExhausted"
        while True:
            result = lambda_service.execute_function(func, event)
            tries += 1
            if not result.get("error"):
                target = (destinations.get("OnSuccess") or {}).get("Destination")
                if target:
                    _deliver(target, config, event, result, request_id, tries, "Success")
                return
            if tries > retries:
                break
            pause = min(
                lambda_service.LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (tries - 1),
                lambda_service.LAMBDA_ASYNC_RETRY_MAX_SECONDS,
            )
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


def _deliver(target: str, config: dict, event: Any, result: dict, request_id: str, tries: int, condition: str) -> None:
    now = datetime.now(UTC)
    record = {
        "version": "1.0",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": request_id,
            "condition": condition,
            "approximateInvokeCount": tries,
            "functionArn": f"{config['FunctionArn'].split(':$')[0]}:{config.get('Version', '$LATEST')}",
        },
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
        queue = sqs.queue_by_arn(target)
        if queue is None:
            lambda_service.logger.warning("destination %s of %s does not exist", target, config.get("FunctionName"))
            return
        sqs.act_send_message({"QueueUrl": queue["url"], "MessageBody": body}, queue["url"])
        return
    # Topics, buses and functions: ministack's own routing, with the record as the event.
    _route(target, config.get("FunctionName", "unknown"), json.loads(body), {"body": {}})


def install() -> None:
    lambda_service.invoke_async_with_retry = invoke_async_with_retry
