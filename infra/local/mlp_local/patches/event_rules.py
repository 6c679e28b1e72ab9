"""Rules as EventBridge checks them: patterns, targets and the roles of targets.

Reason: ministack overwrites an existing rule and accepts any pattern and target.
Source: EventBridge API Reference, "PutRule" and "PutTargets".
"""

from __future__ import annotations

import json
import re

from .. import cfntype
from ..emulator import eventbridge, provisioners

_rule_create, _rule_update = provisioners.eb_rule_create, provisioners.eb_rule_update

# Targets that EventBridge can only reach through a role of the rule.
_NEEDS_ROLE = ("codepipeline", "codebuild", "states", "kinesis", "firehose", "ecs", "batch", "ssm", "sagemaker")


def _check_rule(properties: dict) -> None:
    if not properties.get("EventPattern") and not properties.get("ScheduleExpression"):
        raise ValueError(
            "Parameter(s) EventPattern or ScheduleExpression must be specified. (Status Code: 400, Error "
            "Code: ValidationException)"
        )
    name = properties.get("Name")
    if name and not re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name):
        raise ValueError(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member "
            "must have length less than or equal to 64 and satisfy regular expression pattern: "
            "[\\.\\-_A-Za-z0-9]+ (Status Code: 400, Error Code: ValidationException)"
        )
    pattern = properties.get("EventPattern")
    if pattern:
        problem = eventbridge.event_pattern_error(pattern if isinstance(pattern, str) else json.dumps(pattern))
        if problem:
            raise ValueError(
                f"Event pattern is not valid. Reason: {problem} (Status Code: 400, Error Code: "
                "InvalidEventPatternException)"
            )
    targets = properties.get("Targets") or []
    if len(targets) > 5:
        raise ValueError(
            "The requested resource exceeds the maximum number allowed. (Status Code: 400, Error Code: "
            "LimitExceededException)"
        )
    for target in targets:
        arn = str(target.get("Arn", ""))
        service = (arn.split(":") + [""] * 3)[2]
        if service in _NEEDS_ROLE and not target.get("RoleArn"):
            raise ValueError(
                f"RoleArn is required for target {arn}. (Status Code: 400, Error Code: ValidationException)"
            )
        if service != "codepipeline":
            error = eventbridge.validate_target_arn(target)
            if error and "is not a supported service" not in str(error[2]):
                raise ValueError(json.loads(error[2])["message"])


def _cfn_rule_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_rule(properties)
    name = properties.get("Name")
    bus = provisioners.eb_rule_bus_name(properties)
    if name and eventbridge.rule_key(name, bus) in eventbridge.rules:
        raise cfntype.already_exists("AWS::Events::Rule", name)
    return _rule_create(logical_id, properties, stack_name)


def _cfn_rule_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    _check_rule(new)
    return _rule_update(physical_id, old, new, stack_name, logical_id)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::Events::Rule"].update(create=_cfn_rule_create, update=_cfn_rule_update)
    provisioners.STACK_TAG_PROPERTY["AWS::Events::Rule"] = ("Tags", "list")
    provisioners.REPLACING_PROPERTIES["AWS::Events::Rule"] = ("Name",)
