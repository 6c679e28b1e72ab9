"""Functions as CloudFormation provisions them: the refusals of CreateFunction.

Reason: ministack checks neither role, name, variables, limits nor code.
Source: Lambda API Reference, "CreateFunction"; Lambda Developer Guide, "Lambda quotas".
"""

from __future__ import annotations

import json
import re
from typing import Any

from .. import roles
from ..emulator import lambda_service, provisioners

_create, _update = provisioners.lambda_create, provisioners.RESOURCE_HANDLERS["AWS::Lambda::Function"]["update"]


def _check(properties: dict) -> None:
    role = properties.get("Role", "")
    if not roles.assumable_by(role, "lambda.amazonaws.com"):
        raise ValueError(
            "The role defined for the function cannot be assumed by Lambda. (Service: Lambda, Status "
            "Code: 400, Error Code: InvalidParameterValueException)"
        )
    name = properties.get("FunctionName")
    if name and not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", name):
        raise ValueError(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            "constraint: Member must have length less than or equal to 64 (Service: Lambda, Status Code: "
            "400, Error Code: ValidationException)"
        )
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(
        set(variables) & (set(lambda_service.RESERVED_RUNTIME_ENV_VARS) - {"AWS_LAMBDA_FUNCTION_TIMEOUT"})
    )
    if reserved:
        raise ValueError(
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)} (Service: Lambda, Status Code: "
            "400, Error Code: InvalidParameterValueException)"
        )
    if len(json.dumps(variables, separators=(",", ":"))) > 4096:
        raise ValueError(
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have provided exceeded the 4KB limit. (Service: Lambda, Status Code: 400, Error Code: "
            "InvalidParameterValueException)"
        )
    for member, least, most in (("Timeout", 1, 900), ("MemorySize", 128, 10240)):
        if member in properties and not least <= int(properties[member]) <= most:
            raise ValueError(
                f"'{member}' value failed to satisfy constraint: Member must have value from {least} to "
                f"{most} (Service: Lambda, Status Code: 400, Error Code: InvalidParameterValueException)"
            )


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check(properties)
    name = properties.get("FunctionName")
    if name and name in lambda_service.functions:
        raise ValueError(
            f"Function already exist: {name} (Service: Lambda, Status Code: 409, Error Code: ResourceConflictException)"
        )
    created = _create(logical_id, properties, stack_name)
    code = properties.get("Code") or {}
    if code.get("S3Bucket") and not lambda_service.functions[created[0]].get("code_zip"):
        lambda_service.functions.pop(created[0], None)
        raise ValueError(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified "
            "key does not exist. (Service: Lambda, Status Code: 400, Error Code: "
            "InvalidParameterValueException)"
        )
    return created


def _cfn_update(*args: Any) -> tuple:
    _check(args[2])
    return _update(*args)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::Lambda::Function"].update(create=_cfn_create, update=_cfn_update)
    provisioners.REPLACING_PROPERTIES["AWS::Lambda::EventInvokeConfig"] = ("FunctionName", "Qualifier")
