"""IAM checks (``--enforce-iam``) for the services that the launcher adds: their actions and resources."""

from __future__ import annotations

import json

from ministack.core import iam_actions

from . import codecommit, codepipeline, license_manager, sagemaker

_original_arn = iam_actions.extract_resource_arn


def _extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
    prefix = f"arn:aws:{service}:{region}:{account_id}"
    if service in ("codecommit", "codepipeline", "sagemaker"):
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            request = {}
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
    return _original_arn(service, method, path, headers, body, query_params, region, account_id)


def install() -> None:
    for service in (codecommit.SERVICE, codepipeline.SERVICE, sagemaker.SERVICE, license_manager.SERVICE):
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service.scope] = service.scope
    iam_actions.extract_resource_arn = _extract_resource_arn
