"""Dashboards: names and bodies that CloudWatch refuses, and tags.

Reason: ministack overwrites an existing dashboard, doesn't check the body, and drops tags.
Source: CloudWatch API Reference, "PutDashboard"; CloudFormation Template Reference, "AWS::CloudWatch::Dashboard".
"""

from __future__ import annotations

import json
import re

from .. import cfntype
from ..emulator import cloudwatch, get_account_id, provisioners

_dashboard_create, _dashboard_update = provisioners.cw_dashboard_create, provisioners.cw_dashboard_update

_dashboard_tags: dict[tuple, dict] = {}


def _check_dashboard(properties: dict) -> None:
    name = properties.get("DashboardName")
    if name and not re.fullmatch(r"[A-Za-z0-9\-_]{1,255}", name):
        raise ValueError(
            "The value in field 'DashboardName' must have at most 255 characters: letters, digits, '-' "
            "and '_' (Status Code: 400, Error Code: InvalidParameterValue)"
        )
    try:
        body = json.loads(properties.get("DashboardBody") or "")
        widgets = body["widgets"]
        if not isinstance(widgets, list) or len(widgets) > 500:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            'The dashboard body is invalid, there are 1 validation errors: the field "widgets" must be '
            "a JSON array (Status Code: 400, Error Code: InvalidParameterInput)"
        ) from None


def _cfn_dashboard_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_dashboard(properties)
    name = properties.get("DashboardName")
    if name and name in cloudwatch.dashboards:
        raise cfntype.already_exists("AWS::CloudWatch::Dashboard", name)
    created = _dashboard_create(logical_id, properties, stack_name)
    _dashboard_tags[(get_account_id(), created[0])] = cfntype.tag_map(properties.get("Tags"))
    return created


def _cfn_dashboard_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    _check_dashboard(new)
    _dashboard_tags[(get_account_id(), physical_id)] = cfntype.tag_map(new.get("Tags"))
    return _dashboard_update(physical_id, old, new, stack_name)


def dashboard_tags(name: str) -> dict:
    return _dashboard_tags.get((get_account_id(), name), {})


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::CloudWatch::Dashboard"].update(
        create=_cfn_dashboard_create, update=_cfn_dashboard_update
    )
    provisioners.STACK_TAG_PROPERTY["AWS::CloudWatch::Dashboard"] = ("Tags", "list")
    provisioners.REPLACING_PROPERTIES["AWS::CloudWatch::Dashboard"] = ("DashboardName",)
