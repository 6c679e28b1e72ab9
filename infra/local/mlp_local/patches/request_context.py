"""Actions, resources and condition keys of requests, for IAM checks (``--enforce-iam``).

Reason: ministack doesn't know the services that this package adds, nor the condition keys of CloudFormation, EventBridge and IAM.
Source: Service Authorization Reference, one page for each service.
"""

from __future__ import annotations

import json
from typing import Any

from ..emulator import get_region, iam, iam_actions
from ..services import codecommit, codepipeline, license_manager, sagemaker
from .resource_tags import NETWORK_KINDS

_original_arn = iam_actions.extract_resource_arn

_original_context = iam_actions.request_tag_context

# Services with calls that name several resources: the request's member, and the resource type in the ARN.
_BY_NAMES = {"ssm": ("Names", "parameter"), "codebuild": ("names", "project")}

# Condition keys of CloudFormation's own, by the request's parameter (Service Authorization Reference).
_CLOUDFORMATION_KEYS = {
    "cloudformation:RoleArn": "RoleARN",
    "cloudformation:TemplateUrl": "TemplateURL",
    "cloudformation:ChangeSetName": "ChangeSetName",
}

# The suite's own address, which stands for that of every service.
_endpoint = ""  # set by install


def _json(body: Any) -> dict:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _extract_resource_arn(
    service: str, method: str, path: str, headers: dict, body: Any, query_params: dict, region: str, account_id: str
) -> str:
    prefix = f"arn:aws:{service}:{region}:{account_id}"
    if service in ("codecommit", "codepipeline", "sagemaker"):
        request = _json(body)
        for member in ("resourceArn", "ResourceArn", "ModelPackageArn"):
            if request.get(member):
                return request[member]
        name = (
            request.get("repositoryName")
            or request.get("oldName")
            or request.get("name")
            or request.get("pipelineName")
            or (request.get("pipeline") or {}).get("name")
        )
        if name:
            return f"{prefix}:{name}"
        group = request.get("ModelPackageGroupName")
        if group:
            return group if group.startswith("arn:") else f"{prefix}:model-package-group/{group}"
        return "*"
    if service == license_manager.SERVICE.scope:
        return "*"
    if service in _BY_NAMES:
        # AWS checks every name; here the first stands for all.
        member, kind = _BY_NAMES[service]
        names = _json(body).get(member) or []
        if names and isinstance(names[0], str):
            return f"{prefix}:{kind}/{names[0].removeprefix('/')}"
    if service == "ec2":
        for member in ("VpcEndpointId", "ResourceId.1"):
            resource_id = iam_actions.parameter(body, query_params, member)
            network = NETWORK_KINDS.get(resource_id.split("-")[0])
            if network:
                return f"{prefix}:{network}/{resource_id}"
    if service == "cloudformation":
        change_set = iam_actions.parameter(body, query_params, "ChangeSetName")
        if change_set.startswith("arn:") and not iam_actions.parameter(body, query_params, "StackName"):
            return change_set
    return _original_arn(service, method, path, headers, body, query_params, region, account_id)


def _iam_keys(action: str, body: Any, params: dict) -> dict:
    """``iam:PolicyARN``, and ``iam:PermissionsBoundary``: the one that is set, else the one that the role has."""
    policy, role = iam_actions.parameter(body, params, "PolicyArn"), iam_actions.parameter(body, params, "RoleName")
    keys = {"iam:PolicyARN": policy} if policy and role else {}
    if action in ("iam:CreateRole", "iam:PutRolePermissionsBoundary"):
        boundary = iam_actions.parameter(body, params, "PermissionsBoundary")
    else:
        boundary = (iam.roles.get(role) or {}).get("PermissionsBoundary") if role else None
    return {**keys, **({"iam:PermissionsBoundary": boundary} if boundary else {})}


def _request_context(service: str, action: str, body: Any, params: dict) -> Any:
    context = _original_context(service, action, body, params)
    if service == "cloudformation":
        values = {key: iam_actions.parameter(body, params, name) for key, name in _CLOUDFORMATION_KEYS.items()}
        context.update({key: value for key, value in values.items() if value})
        # A template is in S3, wherever that listens.
        url = context.get("cloudformation:TemplateUrl", "")
        if url.startswith(f"{_endpoint}/"):
            context["cloudformation:TemplateUrl"] = f"https://s3.{get_region()}.amazonaws.com{url[len(_endpoint) :]}"
    if service == "iam":
        context.update(_iam_keys(action, body, params))
    if action == "events:PutEvents":
        sources = {entry.get("Source", "") for entry in _json(body).get("Entries", [])}
        # AWS checks every entry; here several sources are nobody's.
        context["events:source"] = sources.pop() if len(sources) == 1 else ""
    return context


def install(endpoint: str) -> None:
    global _endpoint
    _endpoint = endpoint
    for service in (codecommit.SERVICE, codepipeline.SERVICE, sagemaker.SERVICE, license_manager.SERVICE):
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service.scope] = service.scope
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_actions.request_tag_context = _request_context
