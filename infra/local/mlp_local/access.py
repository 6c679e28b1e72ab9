"""IAM checks (``--enforce-iam``): actions and resources of the services that the launcher adds, and loopback for TLS."""

from __future__ import annotations

import json

from ministack.core import iam_actions, iam_evaluator

from . import codecommit, codepipeline, license_manager, sagemaker

_original_arn = iam_actions.extract_resource_arn
_original_key = iam_evaluator._resolve_condition_key
_original_context = iam_actions.request_tag_context

# Services with calls that name several resources: the request's member, and the resource type in the ARN.
_BY_NAMES = {"ssm": ("Names", "parameter"), "codebuild": ("names", "project")}

# Condition keys of CloudFormation's own, by the request's parameter (Service Authorization Reference).
_CLOUDFORMATION_KEYS = {
    "cloudformation:RoleArn": "RoleARN",
    "cloudformation:TemplateUrl": "TemplateURL",
    "cloudformation:ChangeSetName": "ChangeSetName",
}


def _json(body) -> dict:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
    prefix = f"arn:aws:{service}:{region}:{account_id}"
    if service in ("codecommit", "codepipeline", "sagemaker"):
        request = _json(body)
        for member in ("resourceArn", "ResourceArn", "ModelPackageArn"):
            if request.get(member):
                return request[member]
        name = (request.get("repositoryName") or request.get("oldName") or request.get("name")
                or request.get("pipelineName") or (request.get("pipeline") or {}).get("name"))
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
    if service == "cloudformation":
        change_set = iam_actions._param(body, query_params, "ChangeSetName")
        if change_set.startswith("arn:") and not iam_actions._param(body, query_params, "StackName"):
            return change_set
    return _original_arn(service, method, path, headers, body, query_params, region, account_id)


def _resolve_condition_key(key, context):
    # Requests come over loopback without TLS; policies that insist on it mean those from elsewhere.
    return "true" if key.lower() == "aws:securetransport" else _original_key(key, context)


def _request_context(service, action, body, params):
    context = _original_context(service, action, body, params)
    if service == "cloudformation":
        values = {key: iam_actions._param(body, params, name) for key, name in _CLOUDFORMATION_KEYS.items()}
        context.update({key: value for key, value in values.items() if value})
    if action == "events:PutEvents":
        sources = {entry.get("Source", "") for entry in _json(body).get("Entries", [])}
        # AWS checks every entry; here several sources are nobody's.
        context["events:source"] = sources.pop() if len(sources) == 1 else ""
    return context


def install() -> None:
    for service in (codecommit.SERVICE, codepipeline.SERVICE, sagemaker.SERVICE, license_manager.SERVICE):
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service.scope] = service.scope
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_actions.request_tag_context = _request_context
    iam_evaluator._resolve_condition_key = _resolve_condition_key
