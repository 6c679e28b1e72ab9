"""AWS CodePipeline: definitions, executions that start and never run, and ``AWS::CodePipeline::Pipeline``."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

from .. import cfntype, roles
from ..emulator import AccountRegionScopedDict, get_account_id, get_region, new_uuid
from ..jsonservice import ApiError, JsonService, lower_first, page

SERVICE = JsonService("codepipeline")

pipelines = AccountRegionScopedDict()  # name -> {"versions": [definition, ...], "created", "updated", "tags"}

_executions = AccountRegionScopedDict()  # name -> [execution, ...], newest first

# How many artifacts an action takes and gives: (category, provider) -> (least in, most in, least out, most out).
# https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
_ARTIFACTS = {
    ("Source", "S3"): (0, 0, 1, 1),
    ("Source", "CodeCommit"): (0, 0, 1, 1),
    ("Source", "ECR"): (0, 0, 1, 1),
    ("Source", "CodeStarSourceConnection"): (0, 0, 1, 1),
    ("Source", "GitHub"): (0, 0, 1, 1),
    ("Build", "CodeBuild"): (1, 5, 0, 5),
    ("Test", "CodeBuild"): (1, 5, 0, 5),
    ("Approval", "Manual"): (0, 0, 0, 0),
    ("Deploy", "S3"): (1, 1, 0, 0),
    ("Deploy", "CloudFormation"): (0, 10, 0, 1),
    ("Invoke", "Lambda"): (0, 5, 0, 5),
    ("Invoke", "StepFunctions"): (0, 1, 0, 1),
}

_REQUIRED_CONFIGURATION = {
    ("Source", "S3"): ("S3Bucket", "S3ObjectKey"),
    ("Source", "CodeCommit"): ("RepositoryName", "BranchName"),
    ("Build", "CodeBuild"): ("ProjectName",),
    ("Test", "CodeBuild"): ("ProjectName",),
    ("Source", "CodeStarSourceConnection"): ("ConnectionArn", "FullRepositoryId", "BranchName"),
}


def arn_of(name: str) -> str:
    return f"arn:aws:codepipeline:{get_region()}:{get_account_id()}:{name}"


def _found(name: str) -> dict:
    if name not in pipelines:
        raise ApiError(
            "PipelineNotFoundException", f"Account '{get_account_id()}' does not have a pipeline with name '{name}'"
        )
    return pipelines[name]


def check_definition(definition: dict) -> None:
    """The rules of a pipeline's structure that a definition can break while it fits the model."""
    stages = definition["stages"]
    if len(stages) < 2:
        raise ApiError(
            "InvalidStructureException",
            f"Pipeline has {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline",
        )
    if ("artifactStore" in definition) == ("artifactStores" in definition):
        raise ApiError(
            "InvalidStructureException", "Pipeline should have exactly one of artifactStore and artifactStores"
        )
    _no_duplicates("stage", [s["name"] for s in stages])
    outputs: dict[str, str] = {}
    for index, stage in enumerate(stages):
        actions = stage["actions"]
        if not actions:
            raise ApiError("InvalidStageDeclarationException", f"Stage '{stage['name']}' has no actions")
        _no_duplicates(f"action in stage '{stage['name']}'", [a["name"] for a in actions])
        # Within a stage an action may read what an action of a lower runOrder made.
        for action in sorted(actions, key=lambda a: a.get("runOrder", 1)):
            _check_action(action, stage["name"], first=index == 0, outputs=outputs)
    if definition.get("triggers") and definition.get("pipelineType") != "V2":
        raise ApiError("InvalidStructureException", "Triggers are only available for V2 pipelines")
    if definition.get("variables") and definition.get("pipelineType") != "V2":
        raise ApiError("InvalidStructureException", "Variables are only available for V2 pipelines")
    if definition.get("executionMode", "SUPERSEDED") != "SUPERSEDED" and definition.get("pipelineType") != "V2":
        raise ApiError("InvalidStructureException", "QUEUED and PARALLEL modes are only available for V2 pipelines")
    if not roles.assumable_by(definition["roleArn"], "codepipeline.amazonaws.com"):
        raise ApiError(
            "InvalidStructureException",
            f"CodePipeline is not authorized to perform AssumeRole on role {definition['roleArn']}",
        )


def _no_duplicates(what: str, names: list) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ApiError("InvalidStructureException", f"The name '{name}' is used by more than one {what}")


def _check_action(action: dict, stage: str, first: bool, outputs: dict) -> None:
    kind = action["actionTypeId"]
    label = f"Action '{action['name']}' in stage '{stage}'"
    category, provider = kind["category"], kind["provider"]
    if first and category != "Source":
        raise ApiError(
            "InvalidStructureException",
            f"Pipeline stage '{stage}' should only contain Source actions: {action['name']} is {category}",
        )
    if not first and category == "Source":
        raise ApiError(
            "InvalidStructureException",
            f"Source action {action['name']} may only occur in the first stage, not in '{stage}'",
        )
    if (category, provider) in _ARTIFACTS and kind["owner"] not in ("AWS", "ThirdParty"):
        raise ApiError(
            "InvalidActionDeclarationException",
            f"ActionType ({category}, {kind['owner']}, {provider}, "
            f"{kind['version']}) in action '{action['name']}' is not available in region {get_region()}",
        )
    limits = _ARTIFACTS.get((category, provider))
    if limits:
        for member, least, most in (("inputArtifacts", *limits[:2]), ("outputArtifacts", *limits[2:])):
            count = len(action.get(member) or [])
            if not least <= count <= most:
                word = "input" if member == "inputArtifacts" else "output"
                raise ApiError(
                    "InvalidActionDeclarationException",
                    f"{label} has {count} {word} artifact(s): {provider} takes {least} to {most}",
                )
    for artifact in action.get("inputArtifacts") or []:
        if artifact["name"] not in outputs:
            raise ApiError(
                "InvalidActionDeclarationException",
                f"Input Artifact Bundle {artifact['name']} in action {action['name']} is declared as input "
                "but is not declared as an output of an earlier action",
            )
    for artifact in action.get("outputArtifacts") or []:
        if artifact["name"] in outputs:
            raise ApiError(
                "InvalidActionDeclarationException",
                f"Output Artifact Bundle name must be unique within the pipeline. {artifact['name']} is "
                f"declared by {outputs[artifact['name']]} and by {action['name']}",
            )
        outputs[artifact["name"]] = action["name"]
    for key in _REQUIRED_CONFIGURATION.get((category, provider), ()):
        if not (action.get("configuration") or {}).get(key):
            raise ApiError(
                "InvalidActionDeclarationException",
                f"{label}: Action configuration for action '{action['name']}' is missing required "
                f"configuration '{key}'",
            )


def create_pipeline(definition: dict, tags: dict) -> dict:
    SERVICE.validate("CreatePipeline", {"pipeline": definition})
    name = definition["name"]
    if name in pipelines:
        raise ApiError(
            "PipelineNameInUseException",
            f"A pipeline with the name '{name}' already exists in account '{get_account_id()}'",
        )
    check_definition(definition)
    now = time.time()
    definition = {"pipelineType": "V1", "executionMode": "SUPERSEDED", **copy.deepcopy(definition), "version": 1}
    pipelines[name] = {"versions": [definition], "created": now, "updated": now, "tags": dict(tags)}
    _executions[name] = []
    # A new pipeline runs once by itself.
    start_execution(name, {"triggerType": "CreatePipeline", "triggerDetail": ""})
    return definition


def update_pipeline(definition: dict) -> dict:
    SERVICE.validate("UpdatePipeline", {"pipeline": definition})
    record = _found(definition["name"])
    check_definition(definition)
    version = record["versions"][-1]["version"] + 1
    definition = {"pipelineType": "V1", "executionMode": "SUPERSEDED", **copy.deepcopy(definition), "version": version}
    record["versions"].append(definition)
    record["updated"] = time.time()
    return definition


def start_execution(name: str, trigger: dict) -> str:
    record = _found(name)
    execution = {
        "pipelineExecutionId": new_uuid(),
        "status": "InProgress",
        "startTime": time.time(),
        "lastUpdateTime": time.time(),
        "sourceRevisions": [],
        "trigger": trigger,
        "executionMode": record["versions"][-1]["executionMode"],
        "pipelineVersion": record["versions"][-1]["version"],
    }
    _executions.setdefault(name, []).insert(0, execution)
    return execution["pipelineExecutionId"]


def _tag_list(tags: dict) -> list:
    return [{"key": k, "value": v} for k, v in tags.items()]


@SERVICE.operation("CreatePipeline")
def _create(request: dict) -> dict:
    tags = {t["key"]: t["value"] for t in request.get("tags") or []}
    if len(tags) > 50:
        raise ApiError("TooManyTagsException", "A pipeline can have at most 50 tags.")
    if any(k.lower().startswith("aws:") for k in tags):
        raise ApiError("InvalidTagsException", "System tags can't be set.")
    return {"pipeline": create_pipeline(request["pipeline"], tags), "tags": _tag_list(tags)}


@SERVICE.operation("GetPipeline")
def _get(request: dict) -> dict:
    record = _found(request["name"])
    definition = record["versions"][-1]
    if request.get("version"):
        definition = next((d for d in record["versions"] if d["version"] == request["version"]), None)
        if definition is None:
            raise ApiError(
                "PipelineVersionNotFoundException",
                f"The pipeline '{request['name']}' has no version {request['version']}",
            )
    return {
        "pipeline": definition,
        "metadata": {
            "pipelineArn": arn_of(request["name"]),
            "created": record["created"],
            "updated": record["updated"],
        },
    }


@SERVICE.operation("UpdatePipeline")
def _update(request: dict) -> dict:
    return {"pipeline": update_pipeline(request["pipeline"])}


@SERVICE.operation("DeletePipeline")
def _delete(request: dict) -> dict:
    pipelines.pop(request["name"], None)  # AWS answers an unknown name with success
    _executions.pop(request["name"], None)
    return {}


@SERVICE.operation("ListPipelines")
def _list(request: dict) -> dict:
    items, token = page(sorted(pipelines.items()), request, request.get("maxResults") or 1000)
    answer: dict[str, Any] = {
        "pipelines": [
            {
                "name": n,
                "version": r["versions"][-1]["version"],
                "pipelineType": r["versions"][-1]["pipelineType"],
                "executionMode": r["versions"][-1]["executionMode"],
                "created": r["created"],
                "updated": r["updated"],
            }
            for n, r in items
        ]
    }
    if token:
        answer["nextToken"] = token
    return answer


@SERVICE.operation("GetPipelineState")
def _state(request: dict) -> dict:
    record = _found(request["name"])
    definition = record["versions"][-1]
    latest = _executions.get(request["name"]) or []
    stages = [
        {
            "stageName": s["name"],
            "inboundTransitionState": {"enabled": True},
            "actionStates": [{"actionName": a["name"]} for a in s["actions"]],
        }
        for s in definition["stages"]
    ]
    if latest:
        stages[0]["latestExecution"] = {
            "pipelineExecutionId": latest[0]["pipelineExecutionId"],
            "status": latest[0]["status"],
        }
    return {
        "pipelineName": request["name"],
        "pipelineVersion": definition["version"],
        "stageStates": stages,
        "created": record["created"],
        "updated": record["updated"],
    }


@SERVICE.operation("StartPipelineExecution")
def _start(request: dict) -> dict:
    return {
        "pipelineExecutionId": start_execution(
            request["name"],
            {"triggerType": "StartPipelineExecution", "triggerDetail": f"arn:aws:iam::{get_account_id()}:root"},
        )
    }


@SERVICE.operation("StopPipelineExecution")
def _stop(request: dict) -> dict:
    _found(request["pipelineName"])
    for execution in _executions.get(request["pipelineName"]) or []:
        if execution["pipelineExecutionId"] == request["pipelineExecutionId"]:
            if execution["status"] != "InProgress":
                raise ApiError("PipelineExecutionNotStoppableException", "The execution has already ended.")
            execution.update(status="Stopped", lastUpdateTime=time.time())
            return {"pipelineExecutionId": execution["pipelineExecutionId"]}
    raise ApiError("PipelineExecutionNotStoppableException", "The execution does not exist.")


@SERVICE.operation("ListPipelineExecutions")
def _executions_of(request: dict) -> dict:
    _found(request["pipelineName"])
    items, token = page(_executions.get(request["pipelineName"]) or [], request, request.get("maxResults") or 100)
    answer: dict[str, Any] = {
        "pipelineExecutionSummaries": [{k: v for k, v in e.items() if k != "pipelineVersion"} for e in items]
    }
    if token:
        answer["nextToken"] = token
    return answer


@SERVICE.operation("GetPipelineExecution")
def _execution(request: dict) -> dict:
    _found(request["pipelineName"])
    for execution in _executions.get(request["pipelineName"]) or []:
        if execution["pipelineExecutionId"] == request["pipelineExecutionId"]:
            return {
                "pipelineExecution": {
                    "pipelineName": request["pipelineName"],
                    "pipelineVersion": execution["pipelineVersion"],
                    "pipelineExecutionId": execution["pipelineExecutionId"],
                    "status": execution["status"],
                    "trigger": execution["trigger"],
                    "executionMode": execution["executionMode"],
                    "artifactRevisions": [],
                }
            }
    raise ApiError("PipelineExecutionNotFoundException", "The execution does not exist.")


def _by_arn(arn: str) -> dict:
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "codepipeline":
        raise ApiError("InvalidArnException", f"The ARN {arn} is not a pipeline's.")
    if parts[5] not in pipelines:
        raise ApiError("ResourceNotFoundException", f"The resource {arn} does not exist.")
    return pipelines[parts[5]]


@SERVICE.operation("ListTagsForResource")
def _list_tags(request: dict) -> dict:
    return {"tags": _tag_list(_by_arn(request["resourceArn"])["tags"])}


@SERVICE.operation("TagResource")
def _tag(request: dict) -> dict:
    _by_arn(request["resourceArn"])["tags"].update({t["key"]: t["value"] for t in request["tags"]})
    return {}


@SERVICE.operation("UntagResource")
def _untag(request: dict) -> dict:
    tags = _by_arn(request["resourceArn"])["tags"]
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


_PROPERTIES = (
    "ArtifactStore",
    "ArtifactStores",
    "DisableInboundStageTransitions",
    "ExecutionMode",
    "Name",
    "PipelineType",
    "RestartExecutionOnUpdate",
    "RoleArn",
    "Stages",
    "Tags",
    "Triggers",
    "Variables",
)

# Members that the template spells in PascalCase; an action's Configuration is a free map and keeps its keys.
_STRUCTURE = ("ArtifactStore", "ExecutionMode", "Name", "PipelineType", "RoleArn", "Triggers", "Variables")


def _definition(properties: dict, name: str) -> dict:
    cfntype.require(properties, _PROPERTIES, ("RoleArn", "Stages"))
    definition = {key[:1].lower() + key[1:]: lower_first(properties[key]) for key in _STRUCTURE if key in properties}
    definition["name"] = name
    if "ArtifactStores" in properties:
        definition["artifactStores"] = {
            s["Region"]: lower_first(s["ArtifactStore"]) for s in properties["ArtifactStores"]
        }
    stages = []
    for stage in properties["Stages"]:
        actions = []
        for action in stage.get("Actions") or []:
            converted = {
                key[:1].lower() + key[1:]: lower_first(value) for key, value in action.items() if key != "Configuration"
            }
            if "Configuration" in action:
                converted["configuration"] = _configuration(action["Configuration"])
            for member in ("runOrder", "timeoutInMinutes"):
                if member in converted:
                    converted[member] = int(converted[member])
            actions.append(converted)
        stages.append(
            {
                **{key[:1].lower() + key[1:]: lower_first(value) for key, value in stage.items() if key != "Actions"},
                "actions": actions,
            }
        )
    definition["stages"] = stages
    return definition


def _configuration(value: Any) -> dict:
    if isinstance(value, str):
        value = json.loads(value)
    result = {}
    for key, item in value.items():
        if isinstance(item, bool):
            item = str(item).lower()
        elif not isinstance(item, str):
            # EnvironmentVariables and the like are JSON texts in the API; CloudFormation writes them as such.
            item = json.dumps(item)
        result[key] = item
    return result


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("Name") or cfntype.generated_name(stack_name, logical_id, 100)
    definition = create_pipeline(_definition(properties, name), cfntype.tag_map(properties.get("Tags")))
    return name, {"Version": str(definition["version"]), "Arn": arn_of(name)}


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    record = _found(physical_id)
    definition = _definition(new, physical_id)
    if definition != _definition(old, physical_id):
        update_pipeline(definition)
    for key in cfntype.tag_map(old.get("Tags")):
        record["tags"].pop(key, None)
    record["tags"].update(cfntype.tag_map(new.get("Tags")))
    return physical_id, {"Version": str(record["versions"][-1]["version"]), "Arn": arn_of(physical_id)}


def _cfn_delete(physical_id: str, properties: dict) -> None:
    pipelines.pop(physical_id, None)
    _executions.pop(physical_id, None)


def install() -> None:
    cfntype.register(
        "AWS::CodePipeline::Pipeline", _cfn_create, _cfn_update, _cfn_delete, replaces_on=("Name",), custom_name="Name"
    )
