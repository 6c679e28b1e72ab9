"""Checks the values of template parameters, and looks up those of SSM types.

Reason: ministack ignores unknown parameters, applies constraints to what a look-up found, and accepts ids of VPCs, subnets
and security groups that don't exist.
Source: CloudFormation User Guide, "Parameters section", "CloudFormation-supplied parameter types".
"""

from __future__ import annotations

import re

from ..emulator import RESOLVE_PARAMETERS, ec2, engine, ssm

_original_parameters = engine.resolve_parameters

_STORES = {
    "AWS::EC2::VPC::Id": "vpcs",
    "AWS::EC2::Subnet::Id": "subnets",
    "AWS::EC2::SecurityGroup::Id": "security_groups",
}

_SSM_TYPE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


def _resolve_parameters(template: dict, provided_params: list, previous_params: dict | None = None) -> dict:
    definitions = template.get("Parameters") or {}
    unknown = sorted({p["Key"] for p in provided_params if "Key" in p} - set(definitions))
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    given = {p["Key"]: p for p in provided_params if "Key" in p}
    missing = sorted(name for name, body in definitions.items() if name not in given and "Default" not in body)
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")
    adjusted = {}
    unreadable = []
    for name, body in definitions.items():
        if not _SSM_TYPE.fullmatch(str(body.get("Type", ""))):
            adjusted[name] = body
            continue
        # The constraints of such a parameter are those of the name that is looked up, not of what it finds.
        adjusted[name] = {
            key: value
            for key, value in body.items()
            if key not in ("AllowedValues", "AllowedPattern", "MinLength", "MaxLength")
        }
        key = _parameter_key(name, body, given.get(name), previous_params or {})
        if body.get("AllowedValues") and key not in [str(v) for v in body["AllowedValues"]]:
            raise ValueError(f"Parameter '{name}' must be one of AllowedValues")
        if body.get("AllowedPattern") and not re.fullmatch(str(body["AllowedPattern"]), key):
            raise ValueError(f"Parameter '{name}' must match pattern {body['AllowedPattern']}")
        record = ssm.lookup_parameter(key.split(":")[0])[1] if key else None
        if record is None:
            unreadable.append(key)
        elif record.get("Type") == "SecureString":
            raise ValueError(f"Parameters [{key}] referenced by template have types not supported by CloudFormation.")
    if unreadable:
        raise ValueError(
            f"Unable to fetch parameters [{','.join(sorted(unreadable))}] from parameter store for this account."
        )
    resolved = _original_parameters({**template, "Parameters": adjusted}, provided_params, previous_params)
    for name, entry in resolved.items():
        _check_exists(name, entry)
    return resolved


def _parameter_key(name: str, body: dict, given: dict | None, previous: dict) -> str:
    if given is not None and given.get("UsePreviousValue"):
        entry = previous.get(name) or {}
        return str(entry.get("SsmName", body.get("Default", "")))
    return str(given["Value"] if given is not None else body.get("Default", ""))


def _check_exists(name: str, entry: dict) -> None:
    """VPCs, subnets and groups that a parameter names must be there, whether given or found in Parameter Store."""
    inner, is_list = engine.rule_inner_type(entry.get("Type", "String"))
    match = _SSM_TYPE.fullmatch(entry.get("Type", ""))
    if match:
        inner = match.group(1)
        is_list = inner.startswith("List<")
        inner = inner[5:-1] if is_list else inner
    store = _STORES.get(inner)
    if store is None:
        return
    ec2.ensure_defaults_initialized()
    for value in entry["Value"].split(",") if is_list else [entry["Value"]]:
        if value.strip() not in getattr(ec2, store):
            raise ValueError(
                f"Parameter validation failed: parameter value {value.strip()} for parameter name {name} does not exist"
            )


def install() -> None:
    RESOLVE_PARAMETERS.replace(_resolve_parameters)
