"""Amazon SageMaker's model registry: groups, their packages, and ``AWS::SageMaker::ModelPackageGroup``."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from .. import cfntype
from ..emulator import AccountRegionScopedDict, eventbridge, get_account_id, get_region, new_uuid
from ..jsonservice import ApiError, JsonService, page

SERVICE = JsonService("sagemaker")

groups = AccountRegionScopedDict()  # name -> record

_packages = AccountRegionScopedDict()  # arn -> record of one version

tags_by_arn = AccountRegionScopedDict()  # arn -> {key: value}


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:model-package-group/{name}"


def _found(name_or_arn: str) -> dict:
    name = name_or_arn.rsplit("/", 1)[-1]
    if name not in groups:
        # SageMaker has no "not found" exception for groups: it answers ValidationException.
        raise ApiError("ValidationException", f"ModelPackageGroup {_arn(name)} does not exist.")
    return groups[name]


def create_group(name: str, description: str | None = None, tags: dict | None = None) -> dict:
    SERVICE.validate(
        "CreateModelPackageGroup", {"ModelPackageGroupName": name, "ModelPackageGroupDescription": description}
    )
    if name in groups:
        raise ApiError("ValidationException", f"Model Package Group already exists: {_arn(name)}")
    record = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": _arn(name),
        "CreationTime": time.time(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }
    if description:
        record["ModelPackageGroupDescription"] = description
    groups[name] = record
    tags_by_arn[_arn(name)] = dict(tags or {})
    return record


@SERVICE.operation("CreateModelPackageGroup")
def _create(request: dict) -> dict:
    tags = cfntype.tag_map(request.get("Tags"))
    for key in tags:
        if key.lower().startswith("aws:"):
            raise ApiError("ValidationException", "aws: prefixed tag key names are not allowed for external use.")
    record = create_group(request["ModelPackageGroupName"], request.get("ModelPackageGroupDescription"), tags)
    return {"ModelPackageGroupArn": record["ModelPackageGroupArn"]}


@SERVICE.operation("DescribeModelPackageGroup")
def _describe(request: dict) -> dict:
    return {k: v for k, v in _found(request["ModelPackageGroupName"]).items() if not k.startswith("_")}


@SERVICE.operation("ListModelPackageGroups")
def _list(request: dict) -> dict:
    items = list(groups.values())
    if request.get("NameContains"):
        items = [g for g in items if request["NameContains"] in g["ModelPackageGroupName"]]
    for member, keep in (
        ("CreationTimeAfter", lambda at, limit: at > limit),
        ("CreationTimeBefore", lambda at, limit: at < limit),
    ):
        if request.get(member) is not None:
            items = [g for g in items if keep(g["CreationTime"], float(request[member]))]
    by = "ModelPackageGroupName" if request.get("SortBy") == "Name" else "CreationTime"
    items.sort(key=lambda g: g[by], reverse=request.get("SortOrder") == "Descending")
    items, token = page(items, request, request.get("MaxResults") or 10, "NextToken", "ValidationException")
    keys = (
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "ModelPackageGroupDescription",
        "CreationTime",
        "ModelPackageGroupStatus",
    )
    answer: dict[str, Any] = {"ModelPackageGroupSummaryList": [{k: g[k] for k in keys if k in g} for g in items]}
    if token:
        answer["NextToken"] = token
    return answer


@SERVICE.operation("DeleteModelPackageGroup")
def _delete(request: dict) -> dict:
    record = _found(request["ModelPackageGroupName"])
    _check_empty(record)
    groups.pop(record["ModelPackageGroupName"])
    tags_by_arn.pop(record["ModelPackageGroupArn"], None)
    return {}


def _package(arn: str) -> dict:
    if arn not in _packages:
        raise ApiError("ValidationException", f"ModelPackage {arn} does not exist.")
    return _packages[arn]


def _announce(record: dict, fields: list) -> None:
    """The event that EventBridge gets when a package is made or changed."""
    iso = {
        key: datetime.fromtimestamp(record[key], tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for key in ("CreationTime", "LastModifiedTime")
        if key in record
    }
    detail = {
        **{k: v for k, v in record.items() if k != "CreatedBy"},
        **iso,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        **({"UpdatedModelPackageFields": fields} if fields else {}),
    }
    event = {
        "EventId": new_uuid(),
        "Source": "aws.sagemaker",
        "DetailType": "SageMaker Model Package State Change",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": int(time.time()),
        "Resources": [record["ModelPackageArn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    eventbridge.dispatch_event(event)
    eventbridge.archive_event(event)


@SERVICE.operation("CreateModelPackage")
def _create_package(request: dict) -> dict:
    if not request.get("ModelPackageGroupName"):
        raise ApiError("ValidationException", "the local suite knows versioned model packages only: name a group")
    group = _found(request["ModelPackageGroupName"])
    group["_versions"] = group.get("_versions", 0) + 1
    name, version = group["ModelPackageGroupName"], group["_versions"]
    arn = f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:model-package/{name}/{version}"
    keys = (
        "ModelPackageDescription",
        "InferenceSpecification",
        "MetadataProperties",
        "ModelMetrics",
        "CustomerMetadataProperties",
        "Task",
        "Domain",
    )
    _packages[arn] = {
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "CertifyForMarketplace": False,
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        "CreationTime": time.time(),
        **{k: request[k] for k in keys if k in request},
    }
    _announce(_packages[arn], [])
    return {"ModelPackageArn": arn}


@SERVICE.operation("DescribeModelPackage")
def _describe_package(request: dict) -> dict:
    return _package(request["ModelPackageName"])


@SERVICE.operation("UpdateModelPackage")
def _update_package(request: dict) -> dict:
    record = _package(request["ModelPackageArn"])
    fields = [k for k in ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties") if k in request]
    record.update({k: request[k] for k in fields}, LastModifiedTime=time.time())
    _announce(record, fields)
    return {"ModelPackageArn": record["ModelPackageArn"]}


@SERVICE.operation("ListModelPackages")
def _list_packages(request: dict) -> dict:
    items = list(_packages.values())
    if request.get("ModelPackageGroupName"):
        name = _found(request["ModelPackageGroupName"])["ModelPackageGroupName"]
        items = [p for p in items if p["ModelPackageGroupName"] == name]
    if request.get("ModelApprovalStatus"):
        items = [p for p in items if p["ModelApprovalStatus"] == request["ModelApprovalStatus"]]
    items.sort(key=lambda p: p["CreationTime"], reverse=request.get("SortOrder") != "Ascending")
    items, token = page(items, request, request.get("MaxResults") or 10, "NextToken", "ValidationException")
    keys = (
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "CreationTime",
        "ModelPackageStatus",
        "ModelApprovalStatus",
    )
    answer: dict[str, Any] = {"ModelPackageSummaryList": [{k: p[k] for k in keys if k in p} for p in items]}
    if token:
        answer["NextToken"] = token
    return answer


@SERVICE.operation("DeleteModelPackage")
def _delete_package(request: dict) -> dict:
    _packages.pop(_package(request["ModelPackageName"])["ModelPackageArn"])
    return {}


def _check_empty(record: dict) -> None:
    if any(p["ModelPackageGroupName"] == record["ModelPackageGroupName"] for p in _packages.values()):
        raise ApiError(
            "ConflictException",
            f"Model Package Group {record['ModelPackageGroupName']} cannot be deleted "
            "because it still contains Model Packages.",
        )


@SERVICE.operation("GetModelPackageGroupPolicy")
def _policy(request: dict) -> dict:
    record = _found(request["ModelPackageGroupName"])
    if not record.get("_policy"):
        raise ApiError("ValidationException", f"Cannot find resource policy for: {record['ModelPackageGroupArn']}")
    return {"ResourcePolicy": record["_policy"]}


def _tagged(arn: str) -> dict:
    if arn not in tags_by_arn:
        raise ApiError("ValidationException", f"Resource {arn} does not exist.")
    return tags_by_arn[arn]


@SERVICE.operation("ListTags")
def _list_tags(request: dict) -> dict:
    return {"Tags": [{"Key": k, "Value": v} for k, v in _tagged(request["ResourceArn"]).items()]}


@SERVICE.operation("AddTags")
def _add_tags(request: dict) -> dict:
    _tagged(request["ResourceArn"]).update(cfntype.tag_map(request["Tags"]))
    return _list_tags(request)


@SERVICE.operation("DeleteTags")
def _delete_tags(request: dict) -> dict:
    tags = _tagged(request["ResourceArn"])
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


_PROPERTIES = ("ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy", "Tags")


def _attributes(record: dict) -> dict:
    created = datetime.fromtimestamp(record["CreationTime"], tz=UTC)
    return {
        "ModelPackageGroupArn": record["ModelPackageGroupArn"],
        "ModelPackageGroupStatus": record["ModelPackageGroupStatus"],
        "CreationTime": created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03d}Z",
    }


def _policy_text(properties: dict) -> Any:
    policy = properties.get("ModelPackageGroupPolicy")
    return policy if policy is None or isinstance(policy, str) else json.dumps(policy)


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    cfntype.require(properties, _PROPERTIES, ("ModelPackageGroupName",))
    record = create_group(
        properties["ModelPackageGroupName"],
        properties.get("ModelPackageGroupDescription"),
        cfntype.tag_map(properties.get("Tags")),
    )
    record["_policy"] = _policy_text(properties)
    return record["ModelPackageGroupArn"], _attributes(record)


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    cfntype.require(new, _PROPERTIES, ("ModelPackageGroupName",))
    record = _found(physical_id)
    record["_policy"] = _policy_text(new)
    tags = tags_by_arn.setdefault(physical_id, {})
    for key in cfntype.tag_map(old.get("Tags")):
        tags.pop(key, None)
    tags.update(cfntype.tag_map(new.get("Tags")))
    return physical_id, _attributes(record)


def _cfn_delete(physical_id: str, properties: dict) -> None:
    record = groups.get(physical_id.rsplit("/", 1)[-1])
    if record:
        _check_empty(record)
    groups.pop(physical_id.rsplit("/", 1)[-1], None)
    tags_by_arn.pop(physical_id, None)


def install() -> None:
    cfntype.register(
        "AWS::SageMaker::ModelPackageGroup",
        _cfn_create,
        _cfn_update,
        _cfn_delete,
        replaces_on=("ModelPackageGroupName", "ModelPackageGroupDescription"),
        custom_name="ModelPackageGroupName",
    )
