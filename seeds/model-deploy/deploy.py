"""Deploys an approved model version to the product's endpoint. CodeBuild runs this file (buildspec.yml).

MODEL_PACKAGE_ARN names the version. The approval event gives it. Without an event it is `newest-approved`. When nothing
is approved yet, the build ends successfully and deploys nothing.

The endpoint answers a sample after each change. If it doesn't, it goes back to what it served before, and the build fails.
"""

import hashlib
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# AWS: serverless endpoints have neither a VPC nor network isolation (SageMaker Developer Guide, "Deploy models with
# Amazon SageMaker Serverless Inference", feature exclusions; aws/amazon-sagemaker-examples#3102).
IN_A_NETWORK = {"type": "ml.m5.large", "count": 1}
LEAST_IN_PROD = 2


class Failed(Exception):
    """What a person must read. It ends the build without a stack trace."""


class Place:
    """What the build gets from its environment (README.md, "What a build gets")."""

    def __init__(self, environment):
        missing = [name for name in NEEDED if not environment.get(name)]
        if missing:
            raise Failed("these variables are missing; CodeBuild sets them in the product's projects: " + ", ".join(missing))
        self.role = environment["SAGEMAKER_ROLE_ARN"]
        self.group = environment["MODEL_PACKAGE_GROUP_NAME"]
        # SageMaker names must begin with the prefix; the product's policies allow no other names.
        self.prefix = environment["RESOURCE_PREFIX"]
        self.stage = environment.get("STAGE") or None
        self.endpoint = self.prefix + "endpoint" + ("-" + self.stage if self.stage else "")
        self.wanted = environment.get("MODEL_PACKAGE_ARN") or "newest-approved"
        self.kms_key = environment.get("KMS_KEY_ARN") or None
        self.subnets = _words(environment.get("VPC_SUBNET_IDS"))
        self.groups = _words(environment.get("VPC_SECURITY_GROUP_IDS"))


NEEDED = ["SAGEMAKER_ROLE_ARN", "MODEL_PACKAGE_GROUP_NAME", "RESOURCE_PREFIX"]


def _words(text):
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def settings():
    with open(os.path.join(HERE, "endpoint.json")) as file:
        return json.load(file)


def version(sagemaker, place):
    """The model version to deploy, or None when nothing is approved yet."""
    if place.wanted == "newest-approved":
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=place.group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        return found[0]["ModelPackageArn"] if found else None
    package = sagemaker.describe_model_package(ModelPackageName=place.wanted)
    if package.get("ModelPackageGroupName") != place.group:
        raise Failed("%s is not a version of %s" % (place.wanted, place.group))
    if package.get("ModelApprovalStatus") != "Approved":
        raise Failed("%s is %s; only an approved version is deployed" % (place.wanted, package.get("ModelApprovalStatus")))
    return package["ModelPackageArn"]


def environment_of(sagemaker, place, package):
    """The product's environment, such as `prod`, which is a tag of the model registry's group."""
    group = package.replace(":model-package/", ":model-package-group/").rsplit("/", 1)[0]
    tags = sagemaker.list_tags(ResourceArn=group).get("Tags", [])
    return next((tag["Value"] for tag in tags if tag["Key"] == "ml-provisioner:environment"), None)


def variant(place, chosen, in_prod):
    """How the endpoint serves: serverless, or on instances inside of the network."""
    instances = chosen.get("instances")
    if place.subnets and not instances:
        # The product has a network, and a serverless endpoint can't be in one.
        instances = IN_A_NETWORK
    if not instances:
        serverless = chosen["serverless"]
        return {
            "VariantName": "main",
            "ServerlessConfig": {
                "MemorySizeInMB": serverless["memory_mb"],
                "MaxConcurrency": serverless["max_concurrency"],
            },
        }
    count = max(instances["count"], LEAST_IN_PROD) if in_prod else instances["count"]
    return {"VariantName": "main", "InstanceType": instances["type"], "InitialInstanceCount": count, "InitialVariantWeight": 1}


def plan(place, chosen, package, in_prod):
    """The model and the endpoint configuration. Equal plans have equal names, so one approval deploys once."""
    served = variant(place, chosen, in_prod)
    isolated = "ServerlessConfig" not in served
    model = {
        "ExecutionRoleArn": place.role,
        "Containers": [{"ModelPackageName": package}],
        "EnableNetworkIsolation": isolated,
    }
    if isolated and place.subnets:
        model["VpcConfig"] = {"Subnets": place.subnets, "SecurityGroupIds": place.groups}
    config = {"ProductionVariants": [served]}
    if isolated and place.kms_key:
        # Serverless endpoints have no volume of the account's to encrypt.
        config["KmsKeyId"] = place.kms_key
    text = json.dumps([model, config], sort_keys=True)
    name = "%sv%s-%s" % (place.prefix, package.rsplit("/", 1)[1], hashlib.sha256(text.encode()).hexdigest()[:8])
    model["ModelName"] = config["EndpointConfigName"] = served["ModelName"] = name
    return model, config


def exists(call, **arguments):
    """What a describe call says, or None when there is nothing of this name."""
    from botocore.exceptions import ClientError

    try:
        return call(**arguments)
    except ClientError as error:
        # SageMaker answers ValidationException "Could not find ..." for models, endpoints and configurations.
        if error.response["Error"]["Code"] == "ValidationException" and "Could not find" in error.response["Error"]["Message"]:
            return None
        raise


def wait_for(sagemaker, endpoint, wait, sleep=time.sleep):
    while True:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        if described["EndpointStatus"] not in ("Creating", "Updating", "SystemUpdating", "RollingBack"):
            return described
        sleep(wait)


def answers(runtime, endpoint, sample):
    """Asks the endpoint about the sample. Returns its answer, or raises `Failed`."""
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Accept="application/json", Body=json.dumps(sample)
        )
        text = answer["Body"].read().decode()
        values = json.loads(text)["probabilities"]
    except Exception as error:
        raise Failed("the endpoint doesn't answer the sample of endpoint.json: %s" % error) from error
    if len(values) != len(sample["rows"]) or not all(0 <= value <= 1 for value in values):
        raise Failed("the endpoint's answer to the sample is wrong: %s" % text[:200])
    return values


def run(environment, sagemaker, runtime, wait=15):
    """The whole build. Returns what `deployment.json` says."""
    place, chosen = Place(environment), settings()
    package = version(sagemaker, place)
    if package is None:
        print("no version of %s is approved yet, so there is nothing to deploy" % place.group)
        return {"outcome": "nothing-approved", "endpoint": None, "model_package": None}
    in_prod = environment_of(sagemaker, place, package) == "prod"
    model, config = plan(place, chosen, package, in_prod)
    name = config["EndpointConfigName"]

    current = exists(sagemaker.describe_endpoint, EndpointName=place.endpoint)
    if current and current["EndpointStatus"] in ("Creating", "Updating", "SystemUpdating", "RollingBack"):
        current = wait_for(sagemaker, place.endpoint, wait)
    before = current and current["EndpointConfigName"]
    if before == name and current["EndpointStatus"] == "InService":
        print("%s serves %s already" % (place.endpoint, package))
        return _done("unchanged", place, package, answers(runtime, place.endpoint, chosen["sample"]))

    if not exists(sagemaker.describe_model, ModelName=name):
        sagemaker.create_model(**model)
    if not exists(sagemaker.describe_endpoint_config, EndpointConfigName=name):
        sagemaker.create_endpoint_config(**config)
    if current and current["EndpointStatus"] == "Failed":
        # "DeleteEndpoint is the only operation that can be performed on a failed endpoint" (API reference, DescribeEndpoint).
        sagemaker.delete_endpoint(EndpointName=place.endpoint)
        while exists(sagemaker.describe_endpoint, EndpointName=place.endpoint):
            time.sleep(wait)
        current = before = None
    change = sagemaker.update_endpoint if current else sagemaker.create_endpoint
    change(EndpointName=place.endpoint, EndpointConfigName=name)
    print("%s %s with %s" % ("updating" if current else "creating", place.endpoint, package), flush=True)
    described = wait_for(sagemaker, place.endpoint, wait)
    if described["EndpointStatus"] != "InService" or described["EndpointConfigName"] != name:
        raise Failed("%s is %s: %s" % (place.endpoint, described["EndpointStatus"], described.get("FailureReason", "no reason given")))
    try:
        values = answers(runtime, place.endpoint, chosen["sample"])
    except Failed as failure:
        if before and before != name:
            sagemaker.update_endpoint(EndpointName=place.endpoint, EndpointConfigName=before)
            wait_for(sagemaker, place.endpoint, wait)
            raise Failed("%s; the endpoint serves what it served before" % failure) from failure
        raise
    if before and before != name:
        _remove(sagemaker, before)
    print("%s serves %s" % (place.endpoint, package))
    return _done("updated" if current else "created", place, package, values)


def _remove(sagemaker, name):
    """Deletes a configuration and a model that the endpoint doesn't use any more. They cost nothing, so a failure only warns."""
    for call, arguments in (
        (sagemaker.delete_endpoint_config, {"EndpointConfigName": name}),
        (sagemaker.delete_model, {"ModelName": name}),
    ):
        try:
            call(**arguments)
        except Exception as error:
            print("warning: %s stays: %s" % (name, error))


def _done(outcome, place, package, values):
    return {"outcome": outcome, "endpoint": place.endpoint, "model_package": package, "answer": values}


def main():
    import boto3

    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    try:
        made = run(os.environ, sagemaker, runtime, float(os.environ.get("POLL_SECONDS", "15")))
    except Failed as failure:
        print("error: %s" % failure, file=sys.stderr)
        return 1
    with open("deployment.json", "w") as file:
        json.dump(made, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
