"""Schedules with every property, their checks, and a way to fire one now.

Reason: ministack drops time zone, dates and key, ignores errors, and checks for due schedules rarely.
Source: EventBridge Scheduler API Reference, "CreateSchedule"; CloudFormation Template Reference, "AWS::Scheduler::Schedule".
"""

from __future__ import annotations

import re
import time

from .. import roles
from ..emulator import eventbridge, every_scope, new_uuid, provisioners, request_scope, scheduler

_SCHEDULE = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)


def _schedule_body(properties: dict) -> dict:
    body = {key: properties[key] for key in _SCHEDULE if properties.get(key) is not None}
    expression = str(body.get("ScheduleExpression", ""))
    if not re.fullmatch(r"rate\(\d+ (minute|minutes|hour|hours|day|days)\)|cron\([^)]+\)|at\([0-9T:-]+\)", expression):
        raise ValueError(
            f"Invalid Schedule Expression {expression}. (Service: Scheduler, Status Code: 400, Error "
            "Code: ValidationException)"
        )
    target = body.get("Target") or {}
    if not roles.assumable_by(target.get("RoleArn", ""), "scheduler.amazonaws.com"):
        raise ValueError(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role. "
            "(Service: Scheduler, Status Code: 400, Error Code: ValidationException)"
        )
    window = body.get("FlexibleTimeWindow") or {}
    if window.get("Mode") == "FLEXIBLE" and not window.get("MaximumWindowInMinutes"):
        raise ValueError(
            "MaximumWindowInMinutes must be provided when FlexibleTimeWindow Mode is FLEXIBLE. (Service: "
            "Scheduler, Status Code: 400, Error Code: ValidationException)"
        )
    return body


def _cfn_schedule_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("Name") or provisioners.physical_name(stack_name, logical_id, max_len=64)
    group = properties.get("GroupName", "default")
    status, _, body = scheduler.create_schedule(name, _schedule_body(properties))
    if status >= 400:
        raise ValueError(f"{body.decode()} (Service: Scheduler, Status Code: {status})")
    return name, {"Arn": scheduler.schedule_arn(group, name)}


def _cfn_schedule_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    group = new.get("GroupName", "default")
    if group != old.get("GroupName", "default"):
        created = _cfn_schedule_create(physical_id, {**new, "Name": physical_id}, stack_name)
        provisioners.delete_predecessor(provisioners.scheduler_schedule_delete, physical_id, old)
        return created
    status, _, body = scheduler.update_schedule(physical_id, _schedule_body(new))
    if status >= 400:
        raise ValueError(f"{body.decode()} (Service: Scheduler, Status Code: {status})")
    return physical_id, {"Arn": scheduler.schedule_arn(group, physical_id)}


def fire(name: str) -> dict:
    """Fires a schedule now, as the ticker does when it is due."""
    for (account, region, key), schedule in every_scope(scheduler.schedules):
        if schedule["Name"] == name or key == name:
            with request_scope(account, region):
                eventbridge.invoke_target(
                    schedule["Target"],
                    {
                        "EventId": new_uuid(),
                        "Source": "aws.scheduler",
                        "DetailType": "Scheduled Event",
                        "Detail": "{}",
                        "Time": time.time(),
                        "Resources": [schedule["Arn"]],
                        "Account": account,
                        "Region": region,
                    },
                    schedule,
                )
            return {"fired": schedule["Arn"]}
    raise ValueError(f"no schedule is named {name!r}")


def install() -> None:
    scheduler.SCHEDULE_TICK_INTERVAL = 1
    provisioners.RESOURCE_HANDLERS["AWS::Scheduler::Schedule"].update(
        create=_cfn_schedule_create, update=_cfn_schedule_update
    )
    provisioners.REPLACING_PROPERTIES["AWS::Scheduler::Schedule"] = ("Name",)
