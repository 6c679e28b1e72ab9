"""AWS CodeCommit repositories: the API and ``AWS::CodeCommit::Repository``. There is no git behind them."""

from __future__ import annotations

import re
import time
from typing import Any

from .. import cfntype
from ..emulator import AccountRegionScopedDict, get_account_id, get_region, new_uuid
from ..jsonservice import ApiError, JsonService, page

SERVICE = JsonService(
    "codecommit",
    validation_code="InvalidRepositoryNameException",
    pattern_codes={"tags": "InvalidTagsMapException", "repositoryDescription": "InvalidRepositoryDescriptionException"},
)

_repositories = AccountRegionScopedDict()  # name -> metadata, as the API spells it

tags_by_name = AccountRegionScopedDict()  # name -> {key: value}

_NAME = re.compile(r"[\w.-]{1,100}")


def arn_of(name: str) -> str:
    return f"arn:aws:codecommit:{get_region()}:{get_account_id()}:{name}"


def _checked_name(name: Any) -> str:
    if not name:
        raise ApiError("RepositoryNameRequiredException", "A repository name is required.")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith(".git"):
        raise ApiError(
            "InvalidRepositoryNameException",
            "The specified repository name is not valid. Repository names can be up to 100 characters, "
            "contain letters, digits, periods, underscores and hyphens, and must not end in .git.",
        )
    return name


def _found(name: Any) -> dict:
    name = _checked_name(name)
    if name not in _repositories:
        raise ApiError("RepositoryDoesNotExistException", f"{name} does not exist")
    return _repositories[name]


def create_repository(name: Any, description: str | None = None, tags: dict | None = None, kms_key: Any = None) -> dict:
    name = _checked_name(name)
    if name in _repositories:
        raise ApiError("RepositoryNameExistsException", f"Repository named {name} already exists")
    if description is not None and len(description) > 1000:
        raise ApiError("InvalidRepositoryDescriptionException", "The description has more than 1000 characters.")
    _check_tags(tags or {})
    host = f"git-codecommit.{get_region()}.amazonaws.com/v1/repos/{name}"
    now = time.time()
    record = {
        "accountId": get_account_id(),
        "repositoryId": new_uuid(),
        "repositoryName": name,
        "lastModifiedDate": now,
        "creationDate": now,
        "cloneUrlHttp": f"https://{host}",
        "cloneUrlSsh": f"ssh://{host}",
        "Arn": arn_of(name),
        "kmsKeyId": kms_key or f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/codecommit",
    }
    if description is not None:
        record["repositoryDescription"] = description
    _repositories[name] = record
    tags_by_name[name] = dict(tags or {})
    return record


def _check_tags(tags: dict) -> None:
    if len(tags) > 50:
        raise ApiError("TooManyTagsException", "A resource can have at most 50 tags.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(str(value)) > 256:
            raise ApiError("InvalidTagsMapException", f"The tag {key[:32]} is not valid.")


@SERVICE.operation("CreateRepository")
def _create(request: dict) -> dict:
    for key in request.get("tags") or {}:
        if key.lower().startswith("aws:"):
            raise ApiError("InvalidSystemTagUsageException", "System tags can't be set.")
    return {
        "repositoryMetadata": create_repository(
            request.get("repositoryName"),
            request.get("repositoryDescription"),
            request.get("tags"),
            request.get("kmsKeyId"),
        )
    }


@SERVICE.operation("GetRepository")
def _get(request: dict) -> dict:
    return {"repositoryMetadata": _found(request.get("repositoryName"))}


@SERVICE.operation("BatchGetRepositories")
def _batch(request: dict) -> dict:
    names = request.get("repositoryNames") or []
    if not names:
        raise ApiError("RepositoryNamesRequiredException", "At least one repository name is required.")
    return {
        "repositories": [_repositories[n] for n in names if n in _repositories],
        "repositoriesNotFound": [n for n in names if n not in _repositories],
    }


@SERVICE.operation("ListRepositories")
def _list(request: dict) -> dict:
    key = "lastModifiedDate" if request.get("sortBy") == "lastModifiedDate" else "repositoryName"
    items = sorted(_repositories.values(), key=lambda r: r[key], reverse=request.get("order") == "descending")
    items, token = page(items, request, 1000, invalid="InvalidContinuationTokenException")
    answer: dict[str, Any] = {
        "repositories": [{"repositoryName": r["repositoryName"], "repositoryId": r["repositoryId"]} for r in items]
    }
    if token:
        answer["nextToken"] = token
    return answer


@SERVICE.operation("DeleteRepository")
def _delete(request: dict) -> dict:
    # AWS answers a repository that is not there with success and no id.
    name = _checked_name(request.get("repositoryName"))
    record = _repositories.pop(name, None)
    tags_by_name.pop(name, None)
    return {"repositoryId": record["repositoryId"]} if record else {}


@SERVICE.operation("UpdateRepositoryDescription")
def _describe(request: dict) -> dict:
    record = _found(request.get("repositoryName"))
    text = request.get("repositoryDescription")
    if text:
        record["repositoryDescription"] = text
    else:
        record.pop("repositoryDescription", None)
    record["lastModifiedDate"] = time.time()
    return {}


@SERVICE.operation("UpdateRepositoryName")
def _rename(request: dict) -> dict:
    record = _found(request.get("oldName"))
    _rename_to(record, request.get("newName"))
    return {}


def _rename_to(record: dict, new: Any) -> None:
    old = record["repositoryName"]
    _checked_name(new)
    if new in _repositories:
        raise ApiError("RepositoryNameExistsException", f"Repository named {new} already exists")
    _repositories.pop(old)
    host = f"git-codecommit.{get_region()}.amazonaws.com/v1/repos/{new}"
    record.update(
        repositoryName=new,
        Arn=arn_of(new),
        cloneUrlHttp=f"https://{host}",
        cloneUrlSsh=f"ssh://{host}",
        lastModifiedDate=time.time(),
    )
    _repositories[new] = record
    tags_by_name[new] = tags_by_name.pop(old, {})


def _by_arn(arn: Any) -> dict:
    if not arn:
        raise ApiError("ResourceArnRequiredException", "A resource ARN is required.")
    parts = str(arn).split(":")
    if len(parts) != 6 or parts[2] != "codecommit":
        raise ApiError("InvalidResourceArnException", f"Invalid resource ARN {arn}")
    return _found(parts[5])


@SERVICE.operation("ListTagsForResource")
def _list_tags(request: dict) -> dict:
    return {"tags": dict(tags_by_name.get(_by_arn(request.get("resourceArn"))["repositoryName"], {}))}


@SERVICE.operation("TagResource")
def _tag(request: dict) -> dict:
    name = _by_arn(request.get("resourceArn"))["repositoryName"]
    tags = {**tags_by_name.get(name, {}), **(request.get("tags") or {})}
    _check_tags(tags)
    tags_by_name[name] = tags
    return {}


@SERVICE.operation("UntagResource")
def _untag(request: dict) -> dict:
    name = _by_arn(request.get("resourceArn"))["repositoryName"]
    tags_by_name[name] = {k: v for k, v in tags_by_name.get(name, {}).items() if k not in request.get("tagKeys", [])}
    return {}


_PROPERTIES = ("RepositoryName", "RepositoryDescription", "Code", "KmsKeyId", "Tags", "Triggers")


def _attributes(record: dict) -> dict:
    return {
        "Arn": record["Arn"],
        "Name": record["repositoryName"],
        "CloneUrlHttp": record["cloneUrlHttp"],
        "CloneUrlSsh": record["cloneUrlSsh"],
        "RepositoryId": record["repositoryId"],
        "KmsKeyId": record["kmsKeyId"],
    }


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    cfntype.require(properties, _PROPERTIES, ("RepositoryName",))
    record = create_repository(
        properties["RepositoryName"],
        properties.get("RepositoryDescription"),
        cfntype.tag_map(properties.get("Tags")),
        properties.get("KmsKeyId"),
    )
    return record["repositoryId"], _attributes(record)


def by_id(repository_id: str) -> Any:
    return next((r for r in _repositories.values() if r["repositoryId"] == repository_id), None)


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    cfntype.require(new, _PROPERTIES, ("RepositoryName",))
    record = by_id(physical_id)
    if record is None:
        raise ApiError("RepositoryDoesNotExistException", f"{old.get('RepositoryName')} does not exist")
    if new["RepositoryName"] != record["repositoryName"]:
        _rename_to(record, new["RepositoryName"])
    if "RepositoryDescription" in new:
        record["repositoryDescription"] = new["RepositoryDescription"]
    else:
        record.pop("repositoryDescription", None)
    if new.get("KmsKeyId"):
        record["kmsKeyId"] = new["KmsKeyId"]
    tags = tags_by_name.setdefault(record["repositoryName"], {})
    for key in cfntype.tag_map(old.get("Tags")):
        tags.pop(key, None)
    tags.update(cfntype.tag_map(new.get("Tags")))
    record["lastModifiedDate"] = time.time()
    return physical_id, _attributes(record)


def _cfn_delete(physical_id: str, properties: dict) -> None:
    record = by_id(physical_id)
    if record:
        _repositories.pop(record["repositoryName"], None)
        tags_by_name.pop(record["repositoryName"], None)


def install() -> None:
    cfntype.register("AWS::CodeCommit::Repository", _cfn_create, _cfn_update, _cfn_delete, replaces_on=())
