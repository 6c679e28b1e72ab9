"""Refuses an alarm whose name is taken.

Reason: ministack overwrites the existing alarm.
Source: CloudFormation Template Reference, "AWS::CloudWatch::Alarm" (``AlarmName`` is the identifier).
"""

from __future__ import annotations

from .. import cfntype
from ..emulator import cloudwatch, provisioners

_alarm_create = provisioners.cw_metric_alarm_create


def _cfn_alarm_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("AlarmName")
    if name and name in cloudwatch.alarms:
        raise cfntype.already_exists("AWS::CloudWatch::Alarm", name)
    return _alarm_create(logical_id, properties, stack_name)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"].update(create=_cfn_alarm_create)
    provisioners.REPLACING_PROPERTIES["AWS::CloudWatch::Alarm"] = ("AlarmName",)
