"""Log groups, metric filters, alarms, dashboards, topics and subscriptions: their properties and refusals."""

from __future__ import annotations

import json
import re

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, cloudwatch_logs, sns
from ministack.services.cloudformation import provisioners

from . import cfntype, kms

_RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

_group_create, _group_update = provisioners._cwlogs_create, provisioners._cwlogs_update
_filter_create = provisioners._cwlogs_metric_filter_create
_topic_create, _topic_update = provisioners._sns_create, provisioners._sns_update
_subscription_create = provisioners._sns_sub_create
_alarm_create = provisioners._cw_metric_alarm_create
_dashboard_create, _dashboard_update = provisioners._cw_dashboard_create, provisioners._cw_dashboard_update
_dashboard_tags: dict[tuple, dict] = {}


def already_exists(resource_type: str, identifier: str) -> ValueError:
    """The refusal of the resource handlers, which look before they create."""
    return ValueError(f"Resource of type '{resource_type}' with identifier '{identifier}' already exists. "
                      "(HandlerErrorCode: AlreadyExists)")


def _check_group(properties: dict, name: str) -> None:
    if not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", name):
        raise ValueError(f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: "
                         "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+ (Service: "
                         "CloudWatchLogs, Status Code: 400, Error Code: InvalidParameterException)")
    retention = properties.get("RetentionInDays")
    if retention is not None and int(retention) not in _RETENTION:
        raise ValueError(f"#/RetentionInDays: #: {retention} is not a valid enum value")
    key = properties.get("KmsKeyId")
    if not key:
        return
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    record = kms.find(key) if str(key).startswith("arn:") else None
    if record is None or not kms.allows(
            record, f"logs.{get_region()}.amazonaws.com",
            ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo", "kms:ReEncryptFrom", "kms:GenerateDataKey",
             "kms:DescribeKey"),
            {"kms:EncryptionContext:aws:logs:arn": arn, "aws:SourceAccount": get_account_id(), "aws:SourceArn": arn}):
        raise ValueError("The specified KMS key does not exist or is not allowed to be used with Arn "
                         f"'{arn}' (Service: CloudWatchLogs, Status Code: 400, Error Code: InvalidParameterException)")


def _cfn_group_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("LogGroupName")
    if name and name in cloudwatch_logs._log_groups:
        raise already_exists("AWS::Logs::LogGroup", json.dumps({"/properties/LogGroupName": name},
                                                               separators=(",", ":")))
    _check_group(properties, name or "generated")
    return _group_create(logical_id, properties, stack_name)


def _cfn_group_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_group(new, physical_id)
    return _group_update(physical_id, old, new, stack_name, logical_id)


def _cfn_filter_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    group, name = properties.get("LogGroupName"), properties.get("FilterName")
    if name and (group, name) in cloudwatch_logs._metric_filters:
        raise already_exists("AWS::Logs::MetricFilter", f"{group}|{name}")
    return _filter_create(logical_id, properties, stack_name)


# What SetTopicAttributes calls the properties that ministack's provisioner leaves out.
_TOPIC_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig", "FifoTopic", "ContentBasedDeduplication")


def _topic_attributes(arn: str, properties: dict) -> None:
    attributes = sns._topics[arn]["attributes"]
    attributes["DisplayName"] = properties.get("DisplayName", "")
    for key in _TOPIC_ATTRIBUTES:
        if key in properties:
            value = properties[key]
            attributes[key] = str(value).lower() if isinstance(value, bool) else str(value)
        else:
            attributes.pop(key, None)


def _cfn_topic_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("TopicName")
    if name and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}(\.fifo)?", name):
        raise ValueError("Invalid parameter: Topic Name (Service: Sns, Status Code: 400, Error Code: InvalidParameter)")
    arn = f"arn:aws:sns:{get_region()}:{get_account_id()}:{name}"
    if name and arn in sns._topics:
        raise already_exists("AWS::SNS::Topic", arn)
    arn, attributes = _topic_create(logical_id, properties, stack_name)
    _topic_attributes(arn, properties)
    for subscription in sns._topics[arn]["subscriptions"]:
        _pending(subscription)
    return arn, attributes


def _cfn_topic_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    arn, attributes = _topic_update(physical_id, old, new, stack_name, logical_id)
    _topic_attributes(arn, new)
    return arn, attributes


def _pending(subscription: dict) -> None:
    """Nobody reads mail here, so an address stays unconfirmed, as it is on AWS until its owner clicks."""
    if subscription.get("protocol") in ("email", "email-json"):
        subscription["confirmed"] = False


def _cfn_subscription_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    topic = properties.get("TopicArn", "")
    if topic not in sns._topics:
        raise ValueError("Topic does not exist (Service: Sns, Status Code: 404, Error Code: NotFound)")
    protocol, endpoint = properties.get("Protocol"), properties.get("Endpoint", "")
    if protocol in ("email", "email-json") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", endpoint):
        raise ValueError("Invalid parameter: Email address (Service: Sns, Status Code: 400, Error Code: "
                         "InvalidParameter)")
    arn, attributes = _subscription_create(logical_id, properties, stack_name)
    for subscription in sns._topics[topic]["subscriptions"]:
        if subscription["arn"] == arn:
            _pending(subscription)
    return arn, attributes


def _cfn_alarm_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("AlarmName")
    if name and name in cloudwatch._alarms:
        raise already_exists("AWS::CloudWatch::Alarm", name)
    return _alarm_create(logical_id, properties, stack_name)


def _check_dashboard(properties: dict) -> None:
    name = properties.get("DashboardName")
    if name and not re.fullmatch(r"[A-Za-z0-9\-_]{1,255}", name):
        raise ValueError("The value in field 'DashboardName' must have at most 255 characters: letters, digits, '-' "
                         "and '_' (Status Code: 400, Error Code: InvalidParameterValue)")
    try:
        body = json.loads(properties.get("DashboardBody") or "")
        widgets = body["widgets"]
        if not isinstance(widgets, list) or len(widgets) > 500:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise ValueError("The dashboard body is invalid, there are 1 validation errors: the field \"widgets\" must be "
                         "a JSON array (Status Code: 400, Error Code: InvalidParameterInput)") from None


def _cfn_dashboard_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_dashboard(properties)
    name = properties.get("DashboardName")
    if name and name in cloudwatch._dashboards:
        raise already_exists("AWS::CloudWatch::Dashboard", name)
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
    table = provisioners._RESOURCE_HANDLERS
    table["AWS::Logs::LogGroup"].update(create=_cfn_group_create, update=_cfn_group_update)
    table["AWS::Logs::MetricFilter"].update(create=_cfn_filter_create)
    table["AWS::SNS::Topic"].update(create=_cfn_topic_create, update=_cfn_topic_update)
    table["AWS::SNS::Subscription"].update(create=_cfn_subscription_create)
    table["AWS::CloudWatch::Alarm"].update(create=_cfn_alarm_create)
    table["AWS::CloudWatch::Dashboard"].update(create=_cfn_dashboard_create, update=_cfn_dashboard_update)
    provisioners._STACK_TAG_PROPERTY["AWS::CloudWatch::Dashboard"] = ("Tags", "list")
    provisioners._REPLACING_PROPERTIES.update({
        "AWS::Logs::LogGroup": ("LogGroupName",),
        "AWS::Logs::MetricFilter": ("FilterName", "LogGroupName"),
        "AWS::SNS::Subscription": ("Endpoint", "Protocol", "TopicArn"),
        "AWS::CloudWatch::Alarm": ("AlarmName",),
        "AWS::CloudWatch::Dashboard": ("DashboardName",),
    })
