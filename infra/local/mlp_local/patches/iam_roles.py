"""Roles as CloudFormation provisions them: permissions boundaries, and what IAM refuses.

Reason: ministack drops the boundary, overwrites an existing role, and deletes a role that has a policy attached by hand.
Source: CloudFormation Template Reference, "AWS::IAM::Role"; IAM API Reference, "CreateRole" and "DeleteRole".
"""

from __future__ import annotations

from ..emulator import iam, provisioners
from .iam_policies import TRUST_CHARACTERS, check_document, check_name, check_policies, check_policy, refuse

_role_create, _role_update = provisioners.iam_role_create, provisioners.iam_role_update


def _check_role(properties: dict) -> None:
    check_name(properties.get("RoleName"), 64, "roleName")
    check_document(properties.get("AssumeRolePolicyDocument") or {}, TRUST_CHARACTERS, "ACLSizePerRole", trust=True)
    check_policies(properties.get("ManagedPolicyArns"))
    if properties.get("PermissionsBoundary"):
        check_policy(properties["PermissionsBoundary"])


def _keep_boundary(name: str, properties: dict) -> None:
    boundary = properties.get("PermissionsBoundary")
    params = {"RoleName": name, **({"PermissionsBoundary": boundary} if boundary else {})}
    (iam.put_role_permissions_boundary if boundary else iam.delete_role_permissions_boundary)(params)


def _cfn_role_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_role(properties)
    name = properties.get("RoleName")
    if name and name in iam.roles:
        raise refuse(f"Role with name {name} already exists.", "EntityAlreadyExists", 409)
    created = _role_create(logical_id, properties, stack_name)
    if properties.get("PermissionsBoundary"):
        _keep_boundary(created[0], properties)
    return created


def _cfn_role_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    _check_role(new)
    updated = _role_update(physical_id, old, new, stack_name, logical_id)
    if new.get("PermissionsBoundary") != old.get("PermissionsBoundary"):
        _keep_boundary(updated[0], new)
    return updated


def _cfn_role_delete(physical_id: str, properties: dict) -> None:
    """A policy that somebody attached by hand keeps the role from being deleted."""
    role = iam.roles.get(physical_id)
    if role is None:
        return
    foreign = [
        arn for arn in role.get("AttachedPolicies", []) if arn not in (properties.get("ManagedPolicyArns") or [])
    ]
    if foreign:
        raise refuse("Cannot delete entity, must detach all policies first.", "DeleteConflict", 409)
    provisioners.iam_role_delete(physical_id, properties)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::IAM::Role"].update(
        create=_cfn_role_create, update=_cfn_role_update, delete=_cfn_role_delete
    )
