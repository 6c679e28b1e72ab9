"""Keys as services use them: whom a key policy permits, and policies that would lock everyone out.

Reason: ministack checks neither the policy of a new key nor the name and the target of an alias.
Source: KMS Developer Guide, "Default key policy"; KMS API Reference, "CreateKey" and "CreateAlias".
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from ..emulator import get_account_id, kms, provisioners

_key_create, _key_update = provisioners.kms_key_create, provisioners.kms_key_update

_alias_create = provisioners.kms_alias_create


def find(key: str) -> dict | None:
    """The key behind an id, ARN, alias name or alias ARN of this account and region."""
    return kms.resolve_key(key)


def allows(key: dict, service: str, actions: tuple, context: dict) -> bool:
    """Whether the key's policy lets the service principal do all of ``actions`` with these condition values."""
    policy = key.get("Policy")
    document = json.loads(policy) if isinstance(policy, str) else policy or {}
    statements = document.get("Statement") or []
    statements = statements if isinstance(statements, list) else [statements]

    def matches(statement: dict, action: str) -> bool:
        principal = statement.get("Principal")
        services = principal.get("Service") if isinstance(principal, dict) else None
        named = principal == "*" or service in _list(services)
        return (
            named
            and any(fnmatch.fnmatchcase(action.lower(), str(a).lower()) for a in _list(statement.get("Action")))
            and _conditions(statement.get("Condition"), context)
        )

    for action in actions:
        applying = [s for s in statements if matches(s, action)]
        if any(s.get("Effect") == "Deny" for s in applying) or not any(s.get("Effect") == "Allow" for s in applying):
            return False
    return True


def _conditions(conditions: Any, context: dict) -> bool:
    folded = {key.lower(): value for key, value in context.items()}
    for operator, keys in (conditions or {}).items():
        optional = operator.endswith("IfExists")
        base = operator.removesuffix("IfExists")
        for key, expected in keys.items():
            actual = folded.get(key.lower())
            if actual is None:
                if optional:
                    continue
                return False
            values = [str(v) for v in _list(expected)]
            if base == "StringEquals":
                hit = actual in values
            elif base in ("StringLike", "ArnLike", "ArnEquals"):
                hit = any(fnmatch.fnmatchcase(actual, v) for v in values)
            else:
                return False
            if not hit:
                return False
    return True


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _check_policy(properties: dict) -> None:
    policy = properties.get("KeyPolicy")
    if policy is None:
        return
    document = json.loads(policy) if isinstance(policy, str) else policy
    if len(json.dumps(document)) > 32_768:
        raise ValueError(
            "Policy exceeds 32768 bytes (Service: Kms, Status Code: 400, Error Code: LimitExceededException)"
        )
    if properties.get("BypassPolicyLockoutSafetyCheck") is True:
        return
    for statement in _list(document.get("Statement")):
        principal = statement.get("Principal")
        names = [str(p) for p in _list(principal.get("AWS") if isinstance(principal, dict) else principal)]
        if (
            statement.get("Effect") == "Allow"
            and any(_names_account(n) for n in names)
            and any(fnmatch.fnmatchcase("kms:putkeypolicy", str(a).lower()) for a in _list(statement.get("Action")))
        ):
            return
    raise ValueError(
        "The new key policy will not allow you to update the key policy in the future. (Service: Kms, "
        "Status Code: 400, Error Code: MalformedPolicyDocumentException)"
    )


def _names_account(principal: str) -> bool:
    return principal in ("*", get_account_id()) or f":{get_account_id()}:" in principal


def _cfn_key_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_policy(properties)
    return _key_create(logical_id, properties, stack_name)


def _cfn_key_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    _check_policy(new)
    return _key_update(physical_id, old, new, stack_name)


def _cfn_alias_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("AliasName", "")
    arn = kms.alias_arn(name)
    if arn in kms.aliases:
        raise ValueError(
            f"An alias with the name {arn} already exists (Service: Kms, Status Code: 400, Error Code: "
            "AlreadyExistsException)"
        )
    if find(properties.get("TargetKeyId", "")) is None:
        raise ValueError(
            f"Key '{properties.get('TargetKeyId')}' does not exist (Service: Kms, Status Code: 400, "
            "Error Code: NotFoundException)"
        )
    return _alias_create(logical_id, properties, stack_name)


def install() -> None:
    table = provisioners.RESOURCE_HANDLERS
    table["AWS::KMS::Key"].update(create=_cfn_key_create, update=_cfn_key_update)
    table["AWS::KMS::Alias"].update(create=_cfn_alias_create)
    provisioners.REPLACING_PROPERTIES["AWS::KMS::Key"] = ()
    provisioners.REPLACING_PROPERTIES["AWS::KMS::Alias"] = ("AliasName",)
