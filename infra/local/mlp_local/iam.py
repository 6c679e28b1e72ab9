"""IAM as CloudFormation provisions it: boundaries are kept, names and sizes refused as IAM refuses them."""

from __future__ import annotations

import json
import re

from ministack.core.responses import get_account_id
from ministack.services import iam
from ministack.services.cloudformation import provisioners

_role_create, _role_update = provisioners._iam_role_create, provisioners._iam_role_update
_policy_create, _policy_update = provisioners._iam_managed_policy_create, provisioners._iam_managed_policy_update

_NAME = re.compile(r"[\w+=,.@-]+")
_POLICY_CHARACTERS = 6144
_TRUST_CHARACTERS = 2048
_ATTACHED = 10


def _refuse(message: str, code: str, status: int = 400) -> ValueError:
    return ValueError(f"{message} (Service: Iam, Status Code: {status}, Error Code: {code})")


def _check_name(name, longest: int, member: str) -> None:
    if name is None:
        return
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > longest:
        raise _refuse(f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: "
                      f"Member must have length less than or equal to {longest} and satisfy regular expression "
                      "pattern: [\\w+=,.@-]+", "ValidationError")


def _check_document(document, longest: int, quota: str, trust: bool = False) -> None:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            raise _refuse("Syntax errors in policy.", "MalformedPolicyDocument") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not statements:
        raise _refuse("Syntax errors in policy.", "MalformedPolicyDocument")
    sids = [s["Sid"] for s in statements if isinstance(s, dict) and s.get("Sid")]
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise _refuse("Syntax errors in policy.", "MalformedPolicyDocument")
        if not trust:
            if "Principal" in statement:
                raise _refuse("Policy document should not specify a principal.", "MalformedPolicyDocument")
            if not any(k in statement for k in ("Resource", "NotResource")):
                raise _refuse("Policy statement must contain resources.", "MalformedPolicyDocument")
            if not any(k in statement for k in ("Action", "NotAction")):
                raise _refuse("Policy statement must contain actions.", "MalformedPolicyDocument")
            for resource in _list(statement.get("Resource")) + _list(statement.get("NotResource")):
                if resource != "*" and (not isinstance(resource, str) or resource.count(":") < 5
                                        or not resource.startswith("arn:")):
                    raise _refuse(f"Resource {resource} must be in ARN format or \"*\".", "MalformedPolicyDocument")
        elif any(k in statement for k in ("Resource", "NotResource")):
            raise _refuse("Has prohibited field Resource", "MalformedPolicyDocument")
        for action in _list(statement.get("Action")) + _list(statement.get("NotAction")):
            if action != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", str(action)):
                raise _refuse(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}",
                              "MalformedPolicyDocument")
    for sid in sids:
        if not re.fullmatch(r"[A-Za-z0-9]+", sid):
            raise _refuse(f"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
                          f"expression [0-9A-Za-z]*: {sid}", "MalformedPolicyDocument")
        if sids.count(sid) > 1:
            raise _refuse("Statement IDs (SID) in a single policy must be unique.", "MalformedPolicyDocument")
    # White space does not count.
    size = len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"), ensure_ascii=False)))
    if size > longest:
        raise _refuse(f"Cannot exceed quota for {quota}: {longest}", "LimitExceeded", 409)


def _list(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _check_policies(arns) -> None:
    if len(arns or []) > _ATTACHED:
        raise _refuse(f"Cannot exceed quota for PoliciesPerRole: {_ATTACHED}", "LimitExceeded", 409)
    for arn in arns or []:
        _check_policy(arn)


def _check_policy(arn) -> None:
    match = re.fullmatch(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/\S+", str(arn))
    if not match:
        raise _refuse(f"ARN {arn} is not valid.", "InvalidInput")
    if match.group(1) == get_account_id() and arn not in iam._policies:
        raise _refuse(f"Policy {arn} does not exist or is not attachable.", "NoSuchEntity", 404)


def _check_role(properties: dict) -> None:
    _check_name(properties.get("RoleName"), 64, "roleName")
    _check_document(properties.get("AssumeRolePolicyDocument") or {}, _TRUST_CHARACTERS, "ACLSizePerRole", trust=True)
    _check_policies(properties.get("ManagedPolicyArns"))
    if properties.get("PermissionsBoundary"):
        _check_policy(properties["PermissionsBoundary"])


def _keep_boundary(name: str, properties: dict) -> None:
    boundary = properties.get("PermissionsBoundary")
    params = {"RoleName": name, **({"PermissionsBoundary": boundary} if boundary else {})}
    (iam._put_role_permissions_boundary if boundary else iam._delete_role_permissions_boundary)(params)


def _cfn_role_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_role(properties)
    name = properties.get("RoleName")
    if name and name in iam._roles:
        raise _refuse(f"Role with name {name} already exists.", "EntityAlreadyExists", 409)
    created = _role_create(logical_id, properties, stack_name)
    if properties.get("PermissionsBoundary"):
        _keep_boundary(created[0], properties)
    return created


def _cfn_role_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_role(new)
    updated = _role_update(physical_id, old, new, stack_name, logical_id)
    if new.get("PermissionsBoundary") != old.get("PermissionsBoundary"):
        _keep_boundary(updated[0], new)
    return updated


def _cfn_policy_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("ManagedPolicyName")
    _check_name(name, 128, "policyName")
    _check_document(properties.get("PolicyDocument") or {}, _POLICY_CHARACTERS, "PolicySize")
    if name and any(p["PolicyName"] == name for p in iam._policies.values()):
        raise _refuse(f"A policy called {name} already exists. Duplicate names are not allowed.",
                      "EntityAlreadyExists", 409)
    for member, store, kind in (("Roles", iam._roles, "role"), ("Users", iam._users, "user"),
                                ("Groups", iam._groups, "group")):
        for entity in properties.get(member) or []:
            if entity not in store:
                raise _refuse(f"The {kind} with name {entity} cannot be found.", "NoSuchEntity", 404)
    return _policy_create(logical_id, properties, stack_name)


def _cfn_policy_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_document(new.get("PolicyDocument") or {}, _POLICY_CHARACTERS, "PolicySize")
    return _policy_update(physical_id, old, new, stack_name, logical_id)


def _cfn_policy_delete(physical_id: str, properties: dict) -> None:
    provisioners._iam_policy_reconcile_entities(physical_id, properties, {})
    attached = [r["RoleName"] for r in iam._roles.values() if physical_id in r.get("AttachedPolicies", [])]
    if attached:
        raise _refuse("Cannot delete a policy attached to entities.", "DeleteConflict", 409)
    iam._policies.pop(physical_id, None)


def _cfn_role_delete(physical_id: str, properties: dict) -> None:
    """A policy that somebody attached by hand keeps the role from being deleted."""
    role = iam._roles.get(physical_id)
    if role is None:
        return
    foreign = [arn for arn in role.get("AttachedPolicies", [])
               if arn not in (properties.get("ManagedPolicyArns") or [])]
    if foreign:
        raise _refuse("Cannot delete entity, must detach all policies first.", "DeleteConflict", 409)
    provisioners._iam_role_delete(physical_id, properties)


def install() -> None:
    table = provisioners._RESOURCE_HANDLERS
    table["AWS::IAM::Role"].update(create=_cfn_role_create, update=_cfn_role_update, delete=_cfn_role_delete)
    table["AWS::IAM::ManagedPolicy"].update(create=_cfn_policy_create, update=_cfn_policy_update,
                                            delete=_cfn_policy_delete)
