"""Creates the product's SageMaker pipeline, runs it and waits for its end. CodeBuild runs this file (buildspec.yml).

The pipeline trains on a small generated table, evaluates the model with a second one, and registers it in the model
registry as PendingManualApproval. Somebody approves it there; that starts the deploy pipeline. Nothing but boto3 is
needed, which CodeBuild's images have.
"""

import io
import json
import os
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "code"))

import data  # noqa: E402


class Failed(Exception):
    """What a person must read. It ends the build without a stack trace."""


class Place:
    """What the build gets from its environment (README.md, "What a build gets")."""

    def __init__(self, environment):
        missing = [name for name in NEEDED if not environment.get(name)]
        if missing:
            raise Failed("these variables are missing; CodeBuild sets them in the product's projects: " + ", ".join(missing))
        self.region = environment["AWS_REGION"]
        self.role = environment["SAGEMAKER_ROLE_ARN"]
        self.group = environment["MODEL_PACKAGE_GROUP_NAME"]
        # SageMaker names must begin with the prefix; the product's policies allow no other names.
        self.name = environment["RESOURCE_PREFIX"] + "train"
        self.models = environment.get("MODEL_ARTIFACTS_URI") or "s3://" + environment["ARTIFACTS_BUCKET"] + "/models"
        self.kms_key = environment.get("KMS_KEY_ARN") or None
        self.subnets = _words(environment.get("VPC_SUBNET_IDS"))
        self.groups = _words(environment.get("VPC_SECURITY_GROUP_IDS"))


NEEDED = ["AWS_REGION", "SAGEMAKER_ROLE_ARN", "MODEL_PACKAGE_GROUP_NAME", "RESOURCE_PREFIX", "ARTIFACTS_BUCKET"]


def _words(text):
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def settings():
    with open(os.path.join(HERE, "pipeline.json")) as file:
        return json.load(file)


def image(name, region):
    """The URI of a SageMaker image in a region.

    AWS has one account for it in each region. The table is that of the SageMaker Python SDK 2.232.0
    (`image_uri_config/sklearn.json`), and stands in the guide "Docker Registry Paths and Example Code".
    """
    with open(os.path.join(HERE, "registries.json")) as file:
        registries = json.load(file)
    if region not in registries:
        raise Failed("AWS publishes no scikit-learn image in %s; put the URI of an image into pipeline.json as `image`" % region)
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return "%s.dkr.ecr.%s.%s/%s" % (registries[region], region, suffix, name)


def definition(place, chosen, uri):
    """The pipeline's definition. Schema: SageMaker Pipelines, "Pipeline definition JSON schema", version 2020-12-01.

    `uri` is the folder in S3 that holds this run's code and tables.
    """
    # An image with a host is complete; a name without one is AWS's, in this region.
    container = chosen["image"] if "/" in chosen["image"] else image(chosen["image"], place.region)
    resources = {"InstanceCount": 1, "InstanceType": chosen["instance_type"], "VolumeSizeInGB": 10}
    if place.kms_key:
        resources["VolumeKmsKeyId"] = place.kms_key
    network = {"Subnets": place.subnets, "SecurityGroupIds": place.groups} if place.subnets else None
    limit = {"MaxRuntimeInSeconds": 60 * chosen["minutes"]}

    train = {
        "AlgorithmSpecification": {"TrainingImage": container, "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": uri + "/code.tar.gz",
            **{name: str(value) for name, value in chosen["hyperparameters"].items()},
        },
        "InputDataConfig": [_channel("train", uri + "/data/train")],
        "OutputDataConfig": _with_key({"S3OutputPath": place.models}, "KmsKeyId", place.kms_key),
        "ResourceConfig": resources,
        "RoleArn": place.role,
        "StoppingCondition": limit,
        "ProfilerConfig": {"DisableProfiler": True},
    }
    evaluate = {
        "AppSpecification": {
            "ImageUri": container,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/evaluate.py"],
        },
        "ProcessingInputs": [
            _input("code", uri + "/code"),
            _input("test", uri + "/data/test"),
            _input("model", {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}),
        ],
        "ProcessingOutputConfig": _with_key(
            {
                "Outputs": [
                    {
                        "OutputName": "evaluation",
                        "S3Output": {
                            "S3Uri": uri + "/evaluation",
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "KmsKeyId",
            place.kms_key,
        ),
        "ProcessingResources": {"ClusterConfig": resources},
        "RoleArn": place.role,
        "StoppingCondition": limit,
    }
    if network:
        train["VpcConfig"] = network
        evaluate["NetworkConfig"] = {"VpcConfig": network}

    register = {
        "ModelPackageGroupName": place.group,
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": uri + "/evaluation/evaluation.json"}
            }
        },
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": container,
                    "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                        "SAGEMAKER_REGION": place.region,
                    },
                }
            ],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [chosen["instance_type"]],
            "SupportedTransformInstanceTypes": [chosen["instance_type"]],
        },
    }
    accuracy = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Evaluation"},
            "Path": "binary_classification_metrics.accuracy.value",
        }
    }
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [],
        # Without this, SageMaker makes an experiment for each pipeline.
        "PipelineExperimentConfig": None,
        "Steps": [
            {"Name": "Train", "Type": "Training", "Arguments": train},
            {
                "Name": "Evaluate",
                "Type": "Processing",
                "Arguments": evaluate,
                "PropertyFiles": [
                    {"PropertyFileName": "Evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}
                ],
            },
            {
                "Name": "GoodEnough",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [
                        {"Type": "GreaterThanOrEqualTo", "LeftValue": accuracy, "RightValue": chosen["least_accuracy"]}
                    ],
                    "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
                    "ElseSteps": [
                        {
                            "Name": "NotGoodEnough",
                            "Type": "Fail",
                            "Arguments": {
                                "ErrorMessage": "the accuracy is below %s, least_accuracy in pipeline.json"
                                % chosen["least_accuracy"]
                            },
                        }
                    ],
                },
            },
        ],
    }


def _with_key(value, name, key):
    return {**value, name: key} if key else value


def _channel(name, uri):
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def _input(name, uri):
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": "/opt/ml/processing/input/" + name,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def archive(folder):
    """The files of a folder as a gzipped tar file, the form that the training container takes."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                tar.add(os.path.join(folder, name), arcname=name)
    return held.getvalue()


def upload(s3, uri):
    """Puts this run's code and tables below `uri`. The bucket encrypts by default, so no key is named."""
    bucket, prefix = uri[len("s3://"):].split("/", 1)
    code = os.path.join(HERE, "code")
    s3.put_object(Bucket=bucket, Key=prefix + "/code.tar.gz", Body=archive(code))
    with tempfile.TemporaryDirectory() as folder:
        data.write(folder)
        for base, below in ((code, "code"), (folder, "data")):
            for path, _, names in os.walk(base):
                for name in sorted(names):
                    if name.endswith((".py", ".csv")):
                        file = os.path.join(path, name)
                        key = "/".join([prefix, below] + os.path.relpath(file, base).split(os.sep))
                        with open(file, "rb") as held:
                            s3.put_object(Bucket=bucket, Key=key, Body=held.read())


def store(sagemaker, place, body):
    """Creates the pipeline, or changes it. Returns which."""
    try:
        sagemaker.describe_pipeline(PipelineName=place.name)
    except sagemaker.exceptions.ResourceNotFound:
        sagemaker.create_pipeline(PipelineName=place.name, PipelineDefinition=body, RoleArn=place.role)
        return "created"
    sagemaker.update_pipeline(PipelineName=place.name, PipelineDefinition=body, RoleArn=place.role)
    return "changed"


def follow(sagemaker, execution, wait=15, sleep=time.sleep):
    """Waits for the end of an execution and prints each step once it has ended."""
    shown = set()
    while True:
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        steps = []
        token = {}
        while True:
            page = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution, **token)
            steps.extend(page["PipelineExecutionSteps"])
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        for step in sorted(steps, key=lambda it: it.get("StartTime", 0) or 0):
            ended = step["StepStatus"] in ("Succeeded", "Failed", "Stopped")
            if ended and step["StepName"] not in shown:
                shown.add(step["StepName"])
                print("  %-14s %s %s" % (step["StepName"], step["StepStatus"], step.get("FailureReason", "")), flush=True)
        if status["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            return status, steps
        sleep(wait)


def run(environment, s3, sagemaker, now=None, wait=15):
    """The whole build. Returns what `execution.json` says."""
    place = Place(environment)
    uri = "%s/%s" % (place.models, now or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    upload(s3, uri)
    body = json.dumps(definition(place, settings(), uri))
    print("pipeline %s %s" % (place.name, store(sagemaker, place, body)), flush=True)
    execution = sagemaker.start_pipeline_execution(PipelineName=place.name)["PipelineExecutionArn"]
    print("execution %s" % execution, flush=True)
    status, steps = follow(sagemaker, execution, wait)
    if status["PipelineExecutionStatus"] != "Succeeded":
        reasons = [step["FailureReason"] for step in steps if step.get("FailureReason")]
        raise Failed("the pipeline ended as %s: %s" % (
            status["PipelineExecutionStatus"], "; ".join(reasons) or status.get("FailureReason", "no reason given")))
    package = None
    for step in steps:
        package = step.get("Metadata", {}).get("RegisterModel", {}).get("Arn", package)
    print("registered %s; approve it in the model registry, and the deploy pipeline starts" % package)
    return {"execution": execution, "model_package": package}


def main():
    import boto3

    try:
        made = run(os.environ, boto3.client("s3"), boto3.client("sagemaker"), wait=float(os.environ.get("POLL_SECONDS", "15")))
    except Failed as failure:
        print("error: %s" % failure, file=sys.stderr)
        return 1
    with open("execution.json", "w") as file:
        json.dump(made, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
