"""Adds the service role, the change set and resolved SSM parameters to what DescribeStacks answers.

Reason: ministack leaves all three out, and shows the value that a look-up found as the parameter's value.
Source: CloudFormation API Reference, data types "Stack" and "Parameter" (``ResolvedValue``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ..emulator import cloudformation, handlers, helpers


def _describe_stacks(original: Callable[..., Any]) -> Callable[..., Any]:
    def describe(params: dict) -> Any:
        answer = original(params)
        if answer[0] != 200:
            return answer
        body = answer[2].decode()
        by_id = {stack["StackId"]: stack for stack in cloudformation.stacks.values()}
        for stack_id, stack in by_id.items():
            marker = f"<StackId>{stack_id}</StackId>"
            if marker not in body:
                continue
            extra = "".join(
                f"<{tag}>{escape(stack[key])}</{tag}>"
                for key, tag in (("_role", "RoleARN"), ("ChangeSetId", "ChangeSetId"))
                if stack.get(key)
            )
            body = body.replace(marker, marker + extra)
            # A parameter that is looked up shows the name that was given and, beside it, what it found.
            start = body.index(marker)
            end = body.find("<StackId>", start + 1)
            part = body[start : end if end > 0 else None]
            told = part
            for name, entry in (stack.get("_resolved_params") or {}).items():
                if "SsmName" in entry:
                    told = told.replace(
                        f"<ParameterKey>{escape(name)}</ParameterKey><ParameterValue>"
                        f"{helpers.escape(str(entry['Value']))}</ParameterValue>",
                        f"<ParameterKey>{escape(name)}</ParameterKey><ParameterValue>"
                        f"{escape(entry['SsmName'])}</ParameterValue><ResolvedValue>"
                        f"{helpers.escape(str(entry['Value']))}</ResolvedValue>",
                    )
            body = body[:start] + told + (body[end:] if end > 0 else "")
        return answer[0], answer[1], body.encode()

    return describe


def install() -> None:
    table = handlers.ACTION_HANDLERS
    table["DescribeStacks"] = _describe_stacks(table["DescribeStacks"])
