"""Refuses references to nothing before a stack operation creates anything.

Reason: ministack takes the name of an unknown resource or parameter for its value.
Source: CloudFormation User Guide, "Ref", "Fn::GetAtt" and "DependsOn attribute"; the messages are CloudFormation's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..emulator import VALIDATE_TEMPLATE_SUPPORT, engine

PSEUDO = frozenset(
    {
        "AWS::AccountId",
        "AWS::NotificationARNs",
        "AWS::NoValue",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)

_original_support = engine.validate_template_support


def references(node: Any, conditions: dict | None = None) -> Iterator[tuple[str, str | None]]:
    """Every ``(name, attribute or None)`` that ``node`` refers to; with ``conditions``, only in the chosen branches."""
    if isinstance(node, list):
        for item in node:
            yield from references(item, conditions)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::If" and conditions is not None and isinstance(value, list) and len(value) == 3:
                yield from references(value[1 if conditions.get(value[0], True) else 2], conditions)
            elif key in ("Ref", "Fn::GetAtt", "Fn::Sub"):
                yield from engine.intrinsic_references({key: value})
            else:
                yield from references(value, conditions)


def check_references(template: dict, conditions: dict) -> None:
    """Raises CloudFormation's refusal of a reference to nothing."""
    resources = template.get("Resources") or {}
    active = {
        name
        for name, body in resources.items()
        if not isinstance(body, dict) or conditions.get(body.get("Condition"), True)
    }
    known = set(template.get("Parameters") or {}) | PSEUDO | active

    def check(node: Any, block: str) -> None:
        unresolved = []
        for name, attribute in references(node, conditions):
            if name in known:
                continue
            if attribute is not None and name not in resources:
                raise ValueError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
            if name not in unresolved:
                unresolved.append(name)
        if unresolved:
            raise ValueError(
                f"Template format error: Unresolved resource dependencies [{', '.join(unresolved)}] in "
                f"the {block} block of the template"
            )

    declared = set(template.get("Conditions") or {})
    for name, body in resources.items():
        if not isinstance(body, dict):
            continue
        if body.get("Condition") is not None and body["Condition"] not in declared:
            raise ValueError(
                f"Template format error: Unresolved condition dependency {body['Condition']} in the "
                "Resources block of the template"
            )
        if name not in active:
            continue
        depends = body.get("DependsOn") or []
        missing = [d for d in ([depends] if isinstance(depends, str) else depends) if d not in resources]
        if missing:
            raise ValueError(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the "
                "Resources block of the template"
            )
        for key in ("Properties", "CreationPolicy", "UpdatePolicy"):
            _check_conditions_named(body.get(key), declared)
            check(body.get(key), "Resources")
    for body in (template.get("Outputs") or {}).values():
        if isinstance(body, dict) and conditions.get(body.get("Condition"), True):
            _check_conditions_named(body.get("Value"), declared)
            check([body.get("Value"), body.get("Export")], "Outputs")


def _check_conditions_named(node: Any, declared: set) -> None:
    if isinstance(node, list):
        for item in node:
            _check_conditions_named(item, declared)
    elif isinstance(node, dict):
        choice = node.get("Fn::If")
        if isinstance(choice, list) and choice and isinstance(choice[0], str) and choice[0] not in declared:
            raise ValueError(f"Template error: unresolved condition dependency [{choice[0]}] in Fn::If")
        for item in node.values():
            _check_conditions_named(item, declared)


def _validate_template_support(template: dict, conditions: dict, params: dict | None = None) -> None:
    _original_support(template, conditions, params)
    if not template.get("Transform"):
        check_references(template, conditions)


def install() -> None:
    VALIDATE_TEMPLATE_SUPPORT.replace(_validate_template_support)
