"""Targets of rules and schedules: pipelines, asynchronous functions, and Scheduler's keywords in the input.

Reason: ministack logs pipelines as unsupported, calls functions once, and passes the keywords of Scheduler on as text.
Source: EventBridge User Guide, "Event bus targets"; Scheduler User Guide, "Adding context attributes".
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from .. import roles
from ..emulator import eventbridge, get_account_id, get_region, lambda_service
from ..jsonservice import ApiError
from ..services import codepipeline

_invoke_target = eventbridge.invoke_target


def _invoke(target: Any, event: Any, rule: Any, view: Any = None) -> Any:
    if event.get("Source") == "aws.scheduler" and target.get("Input"):
        target = {**target, "Input": _with_context(target["Input"], event, rule)}
    match = re.fullmatch(r"arn:aws[a-z-]*:codepipeline:([a-z0-9-]+):(\d{12}):(.+)", str(target.get("Arn", "")))
    if not match:
        return _invoke_target(target, event, rule, view)
    if match.group(1) != get_region() or match.group(2) != get_account_id():
        return None
    if not roles.assumable_by(target.get("RoleArn", ""), "events.amazonaws.com"):
        eventbridge.logger.warning("EventBridge: %s can't be assumed by events.amazonaws.com", target.get("RoleArn"))
        return None
    try:
        codepipeline.start_execution(
            match.group(3), {"triggerType": "CloudWatchEvent", "triggerDetail": rule.get("Arn", "")}
        )
    except ApiError as error:
        eventbridge.logger.warning("EventBridge: %s", error.message)
    return None


def _with_context(text: str, event: dict, schedule: dict) -> str:
    """Scheduler's keywords in a target's input."""
    moment = datetime.fromtimestamp(event["Time"], tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, value in (
        ("schedule-arn", schedule.get("Arn", "")),
        ("scheduled-time", moment),
        ("execution-id", event["EventId"]),
        ("attempt-number", "1"),
    ):
        text = text.replace(f"<aws.scheduler.{key}>", value)
    return text


def _to_lambda(arn: str, payload: str) -> None:
    """EventBridge and Scheduler invoke functions asynchronously, with retries and the failure destination."""
    record, config, name = lambda_service.get_func_record_for_ref(arn)
    if not record or not config:
        eventbridge.logger.warning("EventBridge: function %s not found", name)
        return
    try:
        event = json.loads(payload)
    except ValueError:
        event = payload
    lambda_service.invoke_async_with_retry(lambda_service.execution_record_for_config(record, config), event)


def install() -> None:
    eventbridge.invoke_target = _invoke
    eventbridge.dispatch_to_lambda = _to_lambda
    eventbridge.SUPPORTED_TARGET_SERVICES = frozenset({*eventbridge.SUPPORTED_TARGET_SERVICES, "codepipeline"})
