"""Refuses a metric filter whose name is taken.

Reason: ministack overwrites the existing filter.
Source: CloudFormation Template Reference, "AWS::Logs::MetricFilter" (``FilterName`` and ``LogGroupName`` are the identifier).
"""

from __future__ import annotations

from .. import cfntype
from ..emulator import cloudwatch_logs, provisioners

_filter_create = provisioners.cwlogs_metric_filter_create


def _cfn_filter_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    group, name = properties.get("LogGroupName"), properties.get("FilterName")
    if name and (group, name) in cloudwatch_logs.metric_filters:
        raise cfntype.already_exists("AWS::Logs::MetricFilter", f"{group}|{name}")
    return _filter_create(logical_id, properties, stack_name)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::Logs::MetricFilter"].update(create=_cfn_filter_create)
    provisioners.REPLACING_PROPERTIES["AWS::Logs::MetricFilter"] = ("FilterName", "LogGroupName")
