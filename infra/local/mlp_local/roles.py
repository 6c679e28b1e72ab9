"""What services check about the IAM role that they are handed: that it exists and that they may assume it."""

from __future__ import annotations

import json
import re

from .emulator import iam

_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\x21-\x7e]*/)?([\w+=,.@-]{1,64})")


def assumable_by(role_arn: str, service: str) -> bool:
    """Whether a role exists and its trust policy lets ``service`` (``codebuild.amazonaws.com``) assume it."""
    match = _ARN.fullmatch(str(role_arn))
    if not match:
        return False
    role = iam.roles.get(match.group(2))
    if role is None:
        return False
    document = role.get("AssumeRolePolicyDocument")
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            from urllib.parse import unquote

            document = json.loads(unquote(document))
    statements = (document or {}).get("Statement") or []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service") if isinstance(principal, dict) else None
        services = services if isinstance(services, list) else [services]
        actions = statement.get("Action")
        actions = actions if isinstance(actions, list) else [actions]
        if (
            statement.get("Effect") == "Allow"
            and service in services
            and any(str(a).lower() in ("sts:assumerole", "sts:*", "*") for a in actions)
        ):
            return True
    return False
