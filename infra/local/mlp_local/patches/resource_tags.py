"""Tags of the product's resources and of stacks, in Resource Groups Tagging and in policies.

Reason: ministack leaves out stacks and several types, and answers everything on one page.
Source: Resource Groups Tagging API Reference, "GetResources".
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..emulator import cloudformation, cloudwatch_logs, codebuild, ec2, get_account_id, get_region, s3, tagging
from ..services import codecommit, codepipeline, sagemaker


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _tags(tags: dict) -> list:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _stacks() -> Iterator[tuple[str, list]]:
    for stack in cloudformation.stacks.values():
        if stack.get("StackStatus") != "DELETE_COMPLETE" and stack.get("Tags"):
            yield stack["StackId"], list(stack["Tags"])


def _repositories() -> Iterator[tuple[str, list]]:
    for name, tags in codecommit.tags_by_name.items():
        yield codecommit.arn_of(name), _tags(tags)


def _pipelines() -> Iterator[tuple[str, list]]:
    for name, record in codepipeline.pipelines.items():
        yield codepipeline.arn_of(name), _tags(record["tags"])


def _groups() -> Iterator[tuple[str, list]]:
    for arn, tags in sagemaker.tags_by_arn.items():
        yield arn, _tags(tags)


def _projects() -> Iterator[tuple[str, list]]:
    for project in codebuild.projects.values():
        yield project["arn"], [{"Key": t["key"], "Value": t["value"]} for t in project.get("tags", [])]


def _log_groups() -> Iterator[tuple[str, list]]:
    for name, group in cloudwatch_logs.log_groups.items():
        yield _arn("logs", f"log-group:{name}"), _tags(group.get("tags") or {})


# The resource type in an ARN, by the beginning of an id.
NETWORK_KINDS = {"vpce": "vpc-endpoint", "sg": "security-group", "vpc": "vpc", "subnet": "subnet", "rtb": "route-table"}


def _network() -> Iterator[tuple[str, list]]:
    for resource_id, tags in ec2.tags.items():
        kind = NETWORK_KINDS.get(resource_id.split("-")[0])
        if kind:
            yield _arn("ec2", f"{kind}/{resource_id}"), list(tags)


def _buckets() -> Iterator[tuple[str, list]]:
    for name, tags in s3.bucket_tags.items():
        yield f"arn:aws:s3:::{name}", _tags(tags)


def install() -> None:
    # For aws:ResourceTag in policies; ministack knows those of other services.
    tagging.RESOURCE_TAG_COLLECTORS.update(
        {
            "cloudformation": _stacks,
            "codebuild": _projects,
            "codecommit": _repositories,
            "codepipeline": _pipelines,
            "ec2": _network,
            "s3": _buckets,
            "sagemaker": _groups,
        }
    )
    tagging.COLLECTORS.update(
        {
            "cloudformation": _stacks,
            "codecommit": _repositories,
            "codepipeline": _pipelines,
            "sagemaker": _groups,
            "codebuild": _projects,
            "logs": _log_groups,
            "ec2": _network,
            "ssm": tagging.collect_ssm,
        }
    )
    original = tagging.HANDLERS["GetResources"]

    def get_resources(data: dict) -> tuple:
        """One page, as AWS gives it: 100 resources at most, untagged ones never."""
        status, headers, body = original(data)
        if status != 200:
            return status, headers, body
        found = [r for r in json.loads(body)["ResourceTagMappingList"] if r["Tags"]]
        found.sort(key=lambda r: r["ResourceARN"])
        size = int(data.get("ResourcesPerPage") or 100)
        start = int(data.get("PaginationToken") or 0)
        token = str(start + size) if start + size < len(found) else ""
        answer = {"ResourceTagMappingList": found[start : start + size], "PaginationToken": token}
        return status, headers, json.dumps(answer).encode()

    tagging.HANDLERS["GetResources"] = get_resources
