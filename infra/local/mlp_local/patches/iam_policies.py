"""Managed policies as CloudFormation provisions them, and the checks that all policy documents share.

Reason: ministack overwrites an existing policy and checks neither documents, sizes nor names.
Source: IAM User Guide, "IAM and AWS STS quotas", "IAM JSON policy elements reference".
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..emulator import get_account_id, iam, provisioners

_policy_create, _policy_update = provisioners.iam_managed_policy_create, provisioners.iam_managed_policy_update

_NAME = re.compile(r"[\w+=,.@-]+")

_POLICY_CHARACTERS = 6144

TRUST_CHARACTERS = 2048

_ATTACHED = 10


def refuse(message: str, code: str, status: int = 400) -> ValueError:
    return ValueError(f"{message} (Service: Iam, Status Code: {status}, Error Code: {code})")


def check_name(name: Any, longest: int, member: str) -> None:
    if name is None:
        return
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > longest:
        raise refuse(
            f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {longest} and satisfy regular expression "
            "pattern: [\\w+=,.@-]+",
            "ValidationError",
        )


def check_document(document: Any, longest: int, quota: str, trust: bool = False) -> None:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            raise refuse("Syntax errors in policy.", "MalformedPolicyDocument") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not statements:
        raise refuse("Syntax errors in policy.", "MalformedPolicyDocument")
    sids = [s["Sid"] for s in statements if isinstance(s, dict) and s.get("Sid")]
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise refuse("Syntax errors in policy.", "MalformedPolicyDocument")
        if not trust:
            if "Principal" in statement:
                raise refuse("Policy document should not specify a principal.", "MalformedPolicyDocument")
            if not any(k in statement for k in ("Resource", "NotResource")):
                raise refuse("Policy statement must contain resources.", "MalformedPolicyDocument")
            if not any(k in statement for k in ("Action", "NotAction")):
                raise refuse("Policy statement must contain actions.", "MalformedPolicyDocument")
            for resource in _list(statement.get("Resource")) + _list(statement.get("NotResource")):
                if resource != "*" and (
                    not isinstance(resource, str) or resource.count(":") < 5 or not resource.startswith("arn:")
                ):
                    raise refuse(f'Resource {resource} must be in ARN format or "*".', "MalformedPolicyDocument")
        elif any(k in statement for k in ("Resource", "NotResource")):
            raise refuse("Has prohibited field Resource", "MalformedPolicyDocument")
        for action in _list(statement.get("Action")) + _list(statement.get("NotAction")):
            if action != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", str(action)):
                raise refuse(
                    f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}",
                    "MalformedPolicyDocument",
                )
    for sid in sids:
        if not re.fullmatch(r"[A-Za-z0-9]+", sid):
            raise refuse(
                f"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
                f"expression [0-9A-Za-z]*: {sid}",
                "MalformedPolicyDocument",
            )
        if sids.count(sid) > 1:
            raise refuse("Statement IDs (SID) in a single policy must be unique.", "MalformedPolicyDocument")
    # White space does not count.
    size = len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"), ensure_ascii=False)))
    if size > longest:
        raise refuse(f"Cannot exceed quota for {quota}: {longest}", "LimitExceeded", 409)


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def check_policies(arns: Any) -> None:
    if len(arns or []) > _ATTACHED:
        raise refuse(f"Cannot exceed quota for PoliciesPerRole: {_ATTACHED}", "LimitExceeded", 409)
    for arn in arns or []:
        check_policy(arn)


def check_policy(arn: str) -> None:
    match = re.fullmatch(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/\S+", str(arn))
    if not match:
        raise refuse(f"ARN {arn} is not valid.", "InvalidInput")
    if match.group(1) == get_account_id() and arn not in iam.policies:
        raise refuse(f"Policy {arn} does not exist or is not attachable.", "NoSuchEntity", 404)


def _cfn_policy_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("ManagedPolicyName")
    check_name(name, 128, "policyName")
    check_document(properties.get("PolicyDocument") or {}, _POLICY_CHARACTERS, "PolicySize")
    if name and any(p["PolicyName"] == name for p in iam.policies.values()):
        raise refuse(
            f"A policy called {name} already exists. Duplicate names are not allowed.", "EntityAlreadyExists", 409
        )
    for member, store, kind in (
        ("Roles", iam.roles, "role"),
        ("Users", iam.users, "user"),
        ("Groups", iam.groups, "group"),
    ):
        for entity in properties.get(member) or []:
            if entity not in store:
                raise refuse(f"The {kind} with name {entity} cannot be found.", "NoSuchEntity", 404)
    return _policy_create(logical_id, properties, stack_name)


def _cfn_policy_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    check_document(new.get("PolicyDocument") or {}, _POLICY_CHARACTERS, "PolicySize")
    return _policy_update(physical_id, old, new, stack_name, logical_id)


def _cfn_policy_delete(physical_id: str, properties: dict) -> None:
    provisioners.iam_policy_reconcile_entities(physical_id, properties, {})
    attached = [r["RoleName"] for r in iam.roles.values() if physical_id in r.get("AttachedPolicies", [])]
    if attached:
        raise refuse("Cannot delete a policy attached to entities.", "DeleteConflict", 409)
    iam.policies.pop(physical_id, None)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::IAM::ManagedPolicy"].update(
        create=_cfn_policy_create, update=_cfn_policy_update, delete=_cfn_policy_delete
    )
