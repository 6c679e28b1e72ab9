"""IAM's condition keys and policy variables as AWS evaluates them.

- ``aws:PrincipalArn`` of a role's session is the ARN of the role.
- ``aws:ResourceAccount`` of a bucket is the account that owns it, and of a bucket that doesn't exist yet the caller's.
- ``aws:ResourceTag/...`` works in every policy of the evaluation: attached, boundary, and of the resource.
- ``${aws:PrincipalTag/...}`` and the other variables are filled in ``Resource`` and in conditions. A variable that has no
  value makes its statement match nothing.

Reason: ministack knows fewer keys and compares variables as text.
Source: IAM User Guide, "AWS global condition context keys", "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ..emulator import iam, iam_evaluator, s3, tagging

_original_key = iam_evaluator.resolve_condition_key

_VARIABLE = re.compile(r"\$\{([^}]+)\}")

_SESSION_ARN = re.compile(r"arn:[a-z-]+:sts::(\d{12}):assumed-role/([^/]+)/.+")

_TAGS = "aws:resourcetag/"


def role_arn(arn: str) -> str:
    """The ARN that policies name: of a session the role's, of everybody else their own."""
    match = _SESSION_ARN.fullmatch(arn)
    if not match:
        return arn
    role = iam.roles.get_scoped(match.group(1), None, match.group(2)) or {}
    return role.get("Arn") or f"arn:aws:iam::{match.group(1)}:role/{match.group(2)}"


def _owner(context: Any) -> str | None:
    if not context.resource_arn.startswith("arn:aws:s3:::"):
        return None
    bucket = context.resource_arn.removeprefix("arn:aws:s3:::").split("/", 1)[0]
    return s3.bucket_owner_account(bucket) or context.principal_account


def _resource_tag(key: str, context: Any) -> str | None:
    known = context.service_context
    if "_tags" not in known:
        known["_tags"] = {
            name.lower(): value for name, value in (tagging.resource_tags(context.resource_arn) or {}).items()
        }
    return known["_tags"].get(key[len(_TAGS) :])


def _resolve_condition_key(key: str, context: Any) -> Any:
    name = key.lower()
    # Requests come over loopback without TLS; policies that insist on it mean those from elsewhere.
    if name == "aws:securetransport":
        return "true"
    if name == "aws:principalarn":
        return role_arn(context.principal_arn)
    if name in ("aws:resourceaccount", "s3:resourceaccount"):
        return _owner(context) or _original_key(key, context)
    if name.startswith(_TAGS) and name not in context.service_context:
        return _resource_tag(name, context)
    return _original_key(key, context)


def filled(text: str, context: Any) -> str | None:
    """A text of a policy with the values of its variables; None when one has no value.

    A value with a wildcard counts as none: IAM takes it literally, and no tag can have one (``TagRole``).
    """
    values = []
    for variable in _VARIABLE.findall(text):
        name, separator, default = variable.partition(",")
        value = _resolve_condition_key(name.strip(), context)
        if value is None and separator:
            value = default.strip().strip("'")
        if not isinstance(value, str) or "*" in value or "?" in value:
            return None
        values.append(value)
    return _VARIABLE.sub(lambda _: values.pop(0), text)


def _statement(statement: Any, context: Any) -> Any:
    """The statement with its variables filled; None when it can't match for lack of a value."""
    texts = [*statement.resources, *statement.not_resources]
    blocks = {operator: keys for operator, keys in statement.conditions.items() if isinstance(keys, dict)}
    texts += [value for keys in blocks.values() for values in keys.values() for value in _listed(values)]
    if not any("${" in text for text in texts):
        return statement
    if any(filled(text, context) is None for text in texts):
        return None
    return dataclasses.replace(
        statement,
        resources=[filled(text, context) for text in statement.resources],
        not_resources=[filled(text, context) for text in statement.not_resources],
        conditions={
            operator: {key: [filled(value, context) for value in _listed(values)] for key, values in keys.items()}
            for operator, keys in blocks.items()
        },
    )


def _listed(values: Any) -> list[str]:
    values = values if isinstance(values, list) else [values]
    # JSON's own true and false are what IAM's "true" and "false" mean.
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _first_match(context: Any, statements: Any, effect: str) -> Any:
    for statement in statements:
        if statement.effect != effect or not iam_evaluator.action_matches(
            context.action, statement.actions, statement.not_actions
        ):
            continue
        known = _statement(statement, context)
        if (
            known is not None
            and iam_evaluator.resource_matches(context.resource_arn, known.resources, known.not_resources)
            and iam_evaluator.conditions_met(known.conditions, context)
        ):
            return statement
    return None


def install() -> None:
    iam_evaluator.resolve_condition_key = _resolve_condition_key
    iam_evaluator.first_match = _first_match
