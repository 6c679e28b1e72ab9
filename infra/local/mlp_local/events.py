"""EventBridge rules that start pipelines, and Scheduler schedules with every property and a way to fire them now."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone

from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import eventbridge, lambda_svc, scheduler
from ministack.services.cloudformation import provisioners

from . import codepipeline, roles
from .jsonservice import ApiError
from .observability import already_exists

_invoke_target = eventbridge._invoke_target
_rule_create, _rule_update = provisioners._eb_rule_create, provisioners._eb_rule_update
# Targets that EventBridge can only reach through a role of the rule.
_NEEDS_ROLE = ("codepipeline", "codebuild", "states", "kinesis", "firehose", "ecs", "batch", "ssm", "sagemaker")


def _invoke(target, event, rule, view=None):
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
        codepipeline.start_execution(match.group(3), {"triggerType": "CloudWatchEvent",
                                                      "triggerDetail": rule.get("Arn", "")})
    except ApiError as error:
        eventbridge.logger.warning("EventBridge: %s", error.message)
    return None


def _with_context(text: str, event: dict, schedule: dict) -> str:
    """Scheduler's keywords in a target's input."""
    moment = datetime.fromtimestamp(event["Time"], tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, value in (("schedule-arn", schedule.get("Arn", "")), ("scheduled-time", moment),
                       ("execution-id", event["EventId"]), ("attempt-number", "1")):
        text = text.replace(f"<aws.scheduler.{key}>", value)
    return text


def _check_rule(properties: dict) -> None:
    if not properties.get("EventPattern") and not properties.get("ScheduleExpression"):
        raise ValueError("Parameter(s) EventPattern or ScheduleExpression must be specified. (Status Code: 400, Error "
                         "Code: ValidationException)")
    name = properties.get("Name")
    if name and not re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name):
        raise ValueError(f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member "
                         "must have length less than or equal to 64 and satisfy regular expression pattern: "
                         "[\\.\\-_A-Za-z0-9]+ (Status Code: 400, Error Code: ValidationException)")
    pattern = properties.get("EventPattern")
    if pattern:
        problem = eventbridge._event_pattern_error(pattern if isinstance(pattern, str) else json.dumps(pattern))
        if problem:
            raise ValueError(f"Event pattern is not valid. Reason: {problem} (Status Code: 400, Error Code: "
                             "InvalidEventPatternException)")
    targets = properties.get("Targets") or []
    if len(targets) > 5:
        raise ValueError("The requested resource exceeds the maximum number allowed. (Status Code: 400, Error Code: "
                         "LimitExceededException)")
    for target in targets:
        arn = str(target.get("Arn", ""))
        service = (arn.split(":") + [""] * 3)[2]
        if service in _NEEDS_ROLE and not target.get("RoleArn"):
            raise ValueError(f"RoleArn is required for target {arn}. (Status Code: 400, Error Code: "
                             "ValidationException)")
        if service != "codepipeline":
            error = eventbridge._validate_target_arn(target)
            if error and "is not a supported service" not in str(error[2]):
                raise ValueError(json.loads(error[2])["message"])


def _cfn_rule_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_rule(properties)
    name = properties.get("Name")
    bus = provisioners._eb_rule_bus_name(properties)
    if name and eventbridge._rule_key(name, bus) in eventbridge._rules:
        raise already_exists("AWS::Events::Rule", name)
    return _rule_create(logical_id, properties, stack_name)


def _cfn_rule_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_rule(new)
    return _rule_update(physical_id, old, new, stack_name, logical_id)


# ---- Scheduler -------------------------------------------------------------------------------------------------

_SCHEDULE = ("Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "ScheduleExpression",
             "ScheduleExpressionTimezone", "StartDate", "State", "Target")


def _schedule_body(properties: dict) -> dict:
    body = {key: properties[key] for key in _SCHEDULE if properties.get(key) is not None}
    expression = str(body.get("ScheduleExpression", ""))
    if not re.fullmatch(r"rate\(\d+ (minute|minutes|hour|hours|day|days)\)|cron\([^)]+\)|at\([0-9T:-]+\)", expression):
        raise ValueError(f"Invalid Schedule Expression {expression}. (Service: Scheduler, Status Code: 400, Error "
                         "Code: ValidationException)")
    target = body.get("Target") or {}
    if not roles.assumable_by(target.get("RoleArn", ""), "scheduler.amazonaws.com"):
        raise ValueError("The execution role you provide must allow AWS EventBridge Scheduler to assume the role. "
                         "(Service: Scheduler, Status Code: 400, Error Code: ValidationException)")
    window = body.get("FlexibleTimeWindow") or {}
    if window.get("Mode") == "FLEXIBLE" and not window.get("MaximumWindowInMinutes"):
        raise ValueError("MaximumWindowInMinutes must be provided when FlexibleTimeWindow Mode is FLEXIBLE. (Service: "
                         "Scheduler, Status Code: 400, Error Code: ValidationException)")
    return body


def _cfn_schedule_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    group = properties.get("GroupName", "default")
    status, _, body = scheduler._create_schedule(name, _schedule_body(properties))
    if status >= 400:
        raise ValueError(f"{body.decode()} (Service: Scheduler, Status Code: {status})")
    return name, {"Arn": scheduler._schedule_arn(group, name)}


def _cfn_schedule_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    group = new.get("GroupName", "default")
    if group != old.get("GroupName", "default"):
        created = _cfn_schedule_create(physical_id, {**new, "Name": physical_id}, stack_name)
        provisioners._delete_predecessor(provisioners._scheduler_schedule_delete, physical_id, old)
        return created
    status, _, body = scheduler._update_schedule(physical_id, _schedule_body(new))
    if status >= 400:
        raise ValueError(f"{body.decode()} (Service: Scheduler, Status Code: {status})")
    return physical_id, {"Arn": scheduler._schedule_arn(group, physical_id)}


def fire(name: str) -> dict:
    """Fires a schedule now, as the ticker does when it is due."""
    for (account, region, key), schedule in list(scheduler._schedules._data.items()):
        if schedule["Name"] == name or key == name:
            with request_scope(account, region):
                eventbridge._invoke_target(schedule["Target"], {
                    "EventId": new_uuid(), "Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}",
                    "Time": time.time(), "Resources": [schedule["Arn"]], "Account": account, "Region": region},
                    schedule)
            return {"fired": schedule["Arn"]}
    raise ValueError(f"no schedule is named {name!r}")


def _to_lambda(arn: str, payload: str) -> None:
    """EventBridge and Scheduler invoke functions asynchronously, with retries and the failure destination."""
    record, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not record or not config:
        eventbridge.logger.warning("EventBridge: function %s not found", name)
        return
    try:
        event = json.loads(payload)
    except ValueError:
        event = payload
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(record, config), event)


def install() -> None:
    eventbridge._invoke_target = _invoke
    eventbridge._dispatch_to_lambda = _to_lambda
    eventbridge._SUPPORTED_TARGET_SERVICES = frozenset({*eventbridge._SUPPORTED_TARGET_SERVICES, "codepipeline"})
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    table = provisioners._RESOURCE_HANDLERS
    table["AWS::Events::Rule"].update(create=_cfn_rule_create, update=_cfn_rule_update)
    table["AWS::Scheduler::Schedule"].update(create=_cfn_schedule_create, update=_cfn_schedule_update)
    provisioners._STACK_TAG_PROPERTY["AWS::Events::Rule"] = ("Tags", "list")
    provisioners._REPLACING_PROPERTIES["AWS::Events::Rule"] = ("Name",)
    provisioners._REPLACING_PROPERTIES["AWS::Scheduler::Schedule"] = ("Name",)
