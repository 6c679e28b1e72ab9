"""Sets the tags ``aws:cloudformation:...`` only on types that CloudFormation tags.

Reason: ministack also sets them on roles, users and keys.
Source: the resource schemas, ``tagging.cloudFormationSystemTags``.
"""

from __future__ import annotations

from typing import Any

from ..emulator import stacks

_original_tags = stacks.with_stack_tags

# Types whose schema says `cloudFormationSystemTags: false`.
_WITHOUT_SYSTEM_TAGS = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::KMS::Key"})


def _with_stack_tags(resource_type: str, props: dict, *more: Any) -> Any:
    """The tags ``aws:cloudformation:...`` only where CloudFormation sets them."""
    tagged = _original_tags(resource_type, props, *more)
    if resource_type not in _WITHOUT_SYSTEM_TAGS or tagged is props:
        return tagged
    return {**tagged, "Tags": [tag for tag in tagged["Tags"] if not tag["Key"].startswith("aws:")]}


def install() -> None:
    stacks.with_stack_tags = _with_stack_tags
