"""Topics and subscriptions: all attributes of a topic, and e-mail subscriptions that wait for their confirmation.

Reason: ministack drops the key and other attributes, confirms e-mail addresses, and subscribes to topics that don't exist.
Source: SNS API Reference, "SetTopicAttributes" and "Subscribe"; CloudFormation Template Reference, "AWS::SNS::Topic".
"""

from __future__ import annotations

import re

from .. import cfntype
from ..emulator import get_account_id, get_region, provisioners, sns

_topic_create, _topic_update = provisioners.sns_create, provisioners.sns_update

_subscription_create = provisioners.sns_sub_create

# What SetTopicAttributes calls the properties that ministack's provisioner leaves out.
_TOPIC_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig", "FifoTopic", "ContentBasedDeduplication")


def _topic_attributes(arn: str, properties: dict) -> None:
    attributes = sns.topics[arn]["attributes"]
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
    if name and arn in sns.topics:
        raise cfntype.already_exists("AWS::SNS::Topic", arn)
    arn, attributes = _topic_create(logical_id, properties, stack_name)
    _topic_attributes(arn, properties)
    for subscription in sns.topics[arn]["subscriptions"]:
        _pending(subscription)
    return arn, attributes


def _cfn_topic_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    arn, attributes = _topic_update(physical_id, old, new, stack_name, logical_id)
    _topic_attributes(arn, new)
    return arn, attributes


def _pending(subscription: dict) -> None:
    """Nobody reads mail here, so an address stays unconfirmed, as it is on AWS until its owner clicks."""
    if subscription.get("protocol") in ("email", "email-json"):
        subscription["confirmed"] = False


def _cfn_subscription_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    topic = properties.get("TopicArn", "")
    if topic not in sns.topics:
        raise ValueError("Topic does not exist (Service: Sns, Status Code: 404, Error Code: NotFound)")
    protocol, endpoint = properties.get("Protocol"), properties.get("Endpoint", "")
    if protocol in ("email", "email-json") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", endpoint):
        raise ValueError(
            "Invalid parameter: Email address (Service: Sns, Status Code: 400, Error Code: InvalidParameter)"
        )
    arn, attributes = _subscription_create(logical_id, properties, stack_name)
    for subscription in sns.topics[topic]["subscriptions"]:
        if subscription["arn"] == arn:
            _pending(subscription)
    return arn, attributes


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::SNS::Topic"].update(create=_cfn_topic_create, update=_cfn_topic_update)
    provisioners.RESOURCE_HANDLERS["AWS::SNS::Subscription"].update(create=_cfn_subscription_create)
    provisioners.REPLACING_PROPERTIES["AWS::SNS::Subscription"] = ("Endpoint", "Protocol", "TopicArn")
