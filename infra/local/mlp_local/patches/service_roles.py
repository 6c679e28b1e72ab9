"""Refuses a service role that doesn't exist or doesn't trust CloudFormation, and remembers the stack's role.

Reason: ministack ignores ``RoleARN``.
Source: CloudFormation User Guide, "CloudFormation service role".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import roles
from ..emulator import handlers, helpers


def role_problem(role: str) -> tuple | None:
    if role and not roles.assumable_by(role, "cloudformation.amazonaws.com"):
        return helpers.error("ValidationError", f"Role {role} is invalid or cannot be assumed")
    return None


def _with_role(original: Callable[..., Any]) -> Callable[..., Any]:
    """CreateStack, UpdateStack and DeleteStack: the service role must be one that CloudFormation can assume."""

    def run(params: dict) -> Any:
        role = helpers.parameter(params, "RoleARN")
        if problem := role_problem(role):
            return problem
        answer = original(params)
        stack = handlers.resolve_stack(helpers.parameter(params, "StackName"))
        if answer[0] == 200 and stack is not None and role:
            stack["_role"] = role
        return answer

    return run


def install() -> None:
    table = handlers.ACTION_HANDLERS
    for action in ("CreateStack", "UpdateStack", "DeleteStack"):
        table[action] = _with_role(table[action])
