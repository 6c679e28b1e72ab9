"""Tags that ministack leaves out: of the product's resources and stacks, in Resource Groups Tagging and in policies."""

from __future__ import annotations

import json

import ministack.services.cloudformation as cloudformation
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, codebuild, ec2, s3, tagging

from . import codecommit, codepipeline, sagemaker


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _tags(tags: dict) -> list:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _stacks():
    for stack in cloudformation._stacks.values():
        if stack.get("StackStatus") != "DELETE_COMPLETE" and stack.get("Tags"):
            yield stack["StackId"], list(stack["Tags"])


def _repositories():
    for name, tags in codecommit._tags.items():
        yield codecommit._arn(name), _tags(tags)


def _pipelines():
    for name, record in codepipeline._pipelines.items():
        yield codepipeline._arn(name), _tags(record["tags"])


def _groups():
    for arn, tags in sagemaker._tags.items():
        yield arn, _tags(tags)


def _projects():
    for project in codebuild._projects.values():
        yield project["arn"], [{"Key": t["key"], "Value": t["value"]} for t in project.get("tags", [])]


def _log_groups():
    for name, group in cloudwatch_logs._log_groups.items():
        yield _arn("logs", f"log-group:{name}"), _tags(group.get("tags") or {})


# The resource type in an ARN, by the beginning of an id.
NETWORK_KINDS = {"vpce": "vpc-endpoint", "sg": "security-group", "vpc": "vpc", "subnet": "subnet", "rtb": "route-table"}


def _network():
    for resource_id, tags in ec2._tags.items():
        kind = NETWORK_KINDS.get(resource_id.split("-")[0])
        if kind:
            yield _arn("ec2", f"{kind}/{resource_id}"), list(tags)


def _buckets():
    for name, tags in s3._bucket_tags.items():
        yield f"arn:aws:s3:::{name}", _tags(tags)


def install() -> None:
    # For aws:ResourceTag in policies; ministack knows those of other services.
    tagging._RESOURCE_TAG_COLLECTORS.update({
        "cloudformation": _stacks, "codebuild": _projects, "codecommit": _repositories, "codepipeline": _pipelines,
        "ec2": _network, "s3": _buckets, "sagemaker": _groups})
    tagging._COLLECTORS.update({
        "cloudformation": _stacks, "codecommit": _repositories, "codepipeline": _pipelines, "sagemaker": _groups,
        "codebuild": _projects, "logs": _log_groups, "ec2": _network, "ssm": tagging._collect_ssm})
    original = tagging._HANDLERS["GetResources"]

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
        answer = {"ResourceTagMappingList": found[start:start + size], "PaginationToken": token}
        return status, headers, json.dumps(answer).encode()

    tagging._HANDLERS["GetResources"] = get_resources
