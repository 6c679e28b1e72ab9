"""``aws-sdk`` integrations of every service that the suite has.

Reason: ministack dispatches a fixed list of services, and loses members of some XML answers.
Source: Step Functions Developer Guide, "Learning to use AWS SDK service integrations".
"""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import botocore.model
from botocore.config import Config

from ..emulator import get_account_id, get_region, stepfunctions
from ..jsonservice import SESSION

_original_sdk = stepfunctions.invoke_aws_sdk_integration

_endpoint = ""  # set by install


# Step Functions spells services as the Java SDK does.
_SERVICES = {
    "cloudwatchevents": "events",
    "resourcegroupstaggingapi": "resourcegroupstaggingapi",
    "licensemanager": "license-manager",
    "sesv2": "sesv2",
    "costexplorer": "ce",
}

# Answers whose shape ministack's own dispatcher doesn't get from their XML.
_BY_MODEL = {
    ("ec2", "describevpcattribute"),
    ("ec2", "describevpcendpoints"),
    ("ec2", "describevpcendpointservices"),
    ("iam", "getaccountsummary"),
    ("route53", "listhostedzonesbyvpc"),
    ("sns", "gettopicattributes"),
}


def _invoke_sdk(resource: str, input_data: Any) -> Any:
    parts = resource.replace(".sync", "").replace(".waitForTaskToken", "").split(":")
    service = parts[6].lower() if len(parts) > 7 else ""
    by_model = len(parts) > 7 and (service, parts[7].lower()) in _BY_MODEL
    if not service or service in stepfunctions.AWS_SDK_SERVICE_MAP and not by_model:
        return _original_sdk(resource, input_data)
    name = _SERVICES.get(service, service)
    if name not in SESSION.get_available_services():
        return _original_sdk(resource, input_data)
    client = SESSION.create_client(
        name,
        region_name=get_region(),
        endpoint_url=_endpoint,
        aws_access_key_id=get_account_id(),
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    operation = parts[7][:1].upper() + parts[7][1:]
    prefix = client.meta.service_model.service_id.replace(" ", "")
    try:
        members = client.meta.service_model.operation_model(operation).input_shape
        # By its name in the model: a client's methods have Python's spelling of it.
        parameters = _api_members(input_data or {}, members)
        answer = client._make_api_call(operation, parameters)  # type: ignore[attr-defined]  # noqa: SLF001
    except botocore.exceptions.ClientError as error:
        detail = error.response["Error"]
        code = detail["Code"]
        raise stepfunctions.ExecutionError(
            f"{prefix}.{code}" if code.endswith("Exception") else f"{prefix}.{prefix}Exception",
            f"{detail['Message']} (Service: {prefix}, Status Code: "
            f"{error.response['ResponseMetadata']['HTTPStatusCode']}, Error Code: {code})",
        ) from None
    except (botocore.exceptions.ParamValidationError, botocore.model.OperationNotFoundError) as error:
        raise stepfunctions.ExecutionError("States.Runtime", str(error)) from None
    answer.pop("ResponseMetadata", None)
    return _state_members(answer)


def _api_members(value: Any, shape: Any) -> Any:
    """Parameters, which a state may spell as ``StackName`` or ``RoleArn``, in the spelling of the API's model."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {member.lower(): member for member in shape.members}
        return {
            names.get(k.lower(), k): _api_members(v, shape.members.get(names.get(k.lower(), k)))
            for k, v in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_api_members(item, shape.member) for item in value]
    return value


def _state_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {stepfunctions.api_name_to_sfn_key(k[:1].upper() + k[1:]): _state_members(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_state_members(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def install(endpoint: str) -> None:
    global _endpoint
    _endpoint = endpoint
    stepfunctions.invoke_aws_sdk_integration = _invoke_sdk
