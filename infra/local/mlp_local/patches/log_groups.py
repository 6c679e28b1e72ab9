"""Log groups: names, retention and keys that CloudWatch Logs refuses.

Reason: ministack overwrites an existing group and doesn't check whether the key permits CloudWatch Logs.
Source: CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using KMS"; API Reference, "CreateLogGroup".
"""

from __future__ import annotations

import json
import re

from .. import cfntype
from ..emulator import cloudwatch_logs, get_account_id, get_region, provisioners
from . import kms_keys

_RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

_group_create, _group_update = provisioners.cwlogs_create, provisioners.cwlogs_update


def _check_group(properties: dict, name: str) -> None:
    if not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", name):
        raise ValueError(
            f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+ (Service: "
            "CloudWatchLogs, Status Code: 400, Error Code: InvalidParameterException)"
        )
    retention = properties.get("RetentionInDays")
    if retention is not None and int(retention) not in _RETENTION:
        raise ValueError(f"#/RetentionInDays: #: {retention} is not a valid enum value")
    key = properties.get("KmsKeyId")
    if not key:
        return
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    record = kms_keys.find(key) if str(key).startswith("arn:") else None
    if record is None or not kms_keys.allows(
        record,
        f"logs.{get_region()}.amazonaws.com",
        (
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncryptTo",
            "kms:ReEncryptFrom",
            "kms:GenerateDataKey",
            "kms:DescribeKey",
        ),
        {"kms:EncryptionContext:aws:logs:arn": arn, "aws:SourceAccount": get_account_id(), "aws:SourceArn": arn},
    ):
        raise ValueError(
            "The specified KMS key does not exist or is not allowed to be used with Arn "
            f"'{arn}' (Service: CloudWatchLogs, Status Code: 400, Error Code: InvalidParameterException)"
        )


def _cfn_group_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("LogGroupName")
    if name and name in cloudwatch_logs.log_groups:
        raise cfntype.already_exists(
            "AWS::Logs::LogGroup", json.dumps({"/properties/LogGroupName": name}, separators=(",", ":"))
        )
    _check_group(properties, name or "generated")
    return _group_create(logical_id, properties, stack_name)


def _cfn_group_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    _check_group(new, physical_id)
    return _group_update(physical_id, old, new, stack_name, logical_id)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::Logs::LogGroup"].update(create=_cfn_group_create, update=_cfn_group_update)
    provisioners.REPLACING_PROPERTIES["AWS::Logs::LogGroup"] = ("LogGroupName",)
