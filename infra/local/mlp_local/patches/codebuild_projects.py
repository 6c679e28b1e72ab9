"""CodeBuild projects with every property of the template, and the refusals that CreateProject gives.

Reason: ministack drops VPC, logs, cache and more, and checks neither role, source nor artifacts.
Source: CodeBuild API Reference, "CreateProject"; CloudFormation Template Reference, "AWS::CodeBuild::Project".
"""

from __future__ import annotations

import copy
import re
import time
from typing import Any

from .. import cfntype, roles
from ..emulator import codebuild
from ..jsonservice import JsonService

_MODEL = JsonService("codebuild", validation_code="InvalidInputException")

_PROPERTIES = (
    "Artifacts",
    "AutoRetryLimit",
    "BadgeEnabled",
    "BuildBatchConfig",
    "Cache",
    "ConcurrentBuildLimit",
    "Description",
    "EncryptionKey",
    "Environment",
    "FileSystemLocations",
    "LogsConfig",
    "Name",
    "QueuedTimeoutInMinutes",
    "ResourceAccessRole",
    "SecondaryArtifacts",
    "SecondarySourceVersions",
    "SecondarySources",
    "ServiceRole",
    "Source",
    "SourceVersion",
    "Tags",
    "TimeoutInMinutes",
    "Triggers",
    "Visibility",
    "VpcConfig",
)

_NUMBERS = ("TimeoutInMinutes", "QueuedTimeoutInMinutes", "ConcurrentBuildLimit", "AutoRetryLimit")

_shape = codebuild.project_shape

_original_update = codebuild.update_project


def _request(properties: dict, name: str) -> dict:
    cfntype.require(properties, _PROPERTIES, ("Artifacts", "Environment", "ServiceRole", "Source"))
    request: dict[str, Any] = {"name": name}
    for key, value in properties.items():
        if key in ("Name", "Tags", "BadgeEnabled", "Triggers", "Visibility", "ResourceAccessRole"):
            continue
        request[key[:1].lower() + key[1:]] = int(value) if key in _NUMBERS else _members(value)
    request["tags"] = [{"key": k, "value": v} for k, v in cfntype.tag_map(properties.get("Tags")).items()]
    _check(request)
    return request


def _members(value: Any) -> Any:
    """The API's spelling of a property: camelCase, and ``buildspec`` for BuildSpec."""
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            spelt = {"BuildSpec": "buildspec", "S3Logs": "s3Logs"}.get(key, key[:1].lower() + key[1:])
            item = _members(item)
            if key in (
                "PrivilegedMode",
                "EncryptionDisabled",
                "InsecureSsl",
                "ReportBuildStatus",
                "OverrideArtifactName",
            ) and isinstance(item, str):
                item = item.lower() == "true"
            result[spelt] = item
        return result
    if isinstance(value, list):
        return [_members(item) for item in value]
    return value


def _check(request: dict) -> None:
    public = {k: v for k, v in request.items() if not (k == "tags" and any(t["key"].startswith("aws:") for t in v))}
    _MODEL.validate("CreateProject", public)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}", request["name"]):
        raise ValueError(
            "Project name must be 2 to 150 letters, digits, hyphens or underscores, and start with a "
            "letter or digit (Status Code: 400, Error Code: InvalidInputException)"
        )
    if not roles.assumable_by(request["serviceRole"], "codebuild.amazonaws.com"):
        raise ValueError(
            "CodeBuild is not authorized to perform: sts:AssumeRole on service role. Please verify that: "
            "1) The provided service role exists, 2) The role name is case-sensitive and matches exactly, "
            "and 3) The role has the necessary trust policy configured. "
            f"Role: {request['serviceRole']} (Status Code: 400, Error Code: InvalidInputException)"
        )
    source, artifacts = request["source"]["type"], request["artifacts"]["type"]
    if (source == "CODEPIPELINE") != (artifacts == "CODEPIPELINE"):
        raise ValueError(
            "Invalid project source/artifacts: if one of them is CODEPIPELINE, both must be "
            "(Status Code: 400, Error Code: InvalidInputException)"
        )


def _store(name: str, request: dict) -> None:
    record = codebuild.projects[name]
    record["_definition"] = copy.deepcopy(request)
    for key, value in request.items():
        record[key] = copy.deepcopy(value)
    record["lastModified"] = int(time.time())


def _project_shape(project: dict) -> dict:
    known = {k: v for k, v in (project.get("_definition") or {}).items() if k not in ("name", "tags")}
    return {"queuedTimeoutInMinutes": 480, **_shape(project), **known, "tags": project.get("tags", [])}


def _update_project(data: dict) -> Any:
    """What somebody changes by hand holds beside what the template made."""
    answer = _original_update(data)
    project = codebuild.projects.get(data.get("name", ""))
    if answer[0] < 400 and project is not None and "_definition" in project:
        project["_definition"].update({key: copy.deepcopy(value) for key, value in data.items() if key != "name"})
    return answer


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("Name") or cfntype.generated_name(stack_name, logical_id, 150)
    request = _request(properties, name)
    status, _, body = codebuild.create_project(request)
    if status >= 400:
        raise ValueError(f"{body.decode()} (Status Code: {status})")
    _store(name, request)
    return name, {"Arn": codebuild.project_arn(name), "Id": name}


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    if physical_id not in codebuild.projects:
        raise ValueError(
            f"Project cannot be found: {codebuild.project_arn(physical_id)} "
            "(Status Code: 400, Error Code: ResourceNotFoundException)"
        )
    _store(physical_id, _request(new, physical_id))
    return physical_id, {"Arn": codebuild.project_arn(physical_id), "Id": physical_id}


def _cfn_delete(physical_id: str, properties: dict) -> None:
    codebuild.projects.pop(physical_id, None)


def install() -> None:
    codebuild.project_shape = _project_shape
    codebuild.update_project = _update_project
    cfntype.register(
        "AWS::CodeBuild::Project", _cfn_create, _cfn_update, _cfn_delete, replaces_on=("Name",), custom_name="Name"
    )
