"""The seeds' own tests, as a build runs them, and its requests against the API's models of botocore.

A request that the model refuses would be refused by AWS as well; a real client checks it before it sends anything.
"""

import json
import pathlib
import re
import subprocess
import sys

import botocore.session
from botocore.stub import Stubber
from botocore.validate import ParamValidator

SEEDS = pathlib.Path(__file__).resolve().parent.parent.parent / "seeds"
SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")
sys.path[:0] = [str(SEEDS / "model-build"), str(SEEDS / "model-deploy")]

import deploy
import pipeline

BUILD = {
    "AWS_REGION": "eu-west-1",
    "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/acme-prod-a001-churn-ml-sagemaker-role",
    "MODEL_PACKAGE_GROUP_NAME": "acme-prod-a001-eu-west-1-churn-ml-models",
    "RESOURCE_PREFIX": "churn-f5j2j12jvjhysf--",
    "ARTIFACTS_BUCKET": "acme-prod-a001-eu-west-1-churn-ml-artifacts",
}
NETWORK = {
    "KMS_KEY_ARN": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000",
    "VPC_SUBNET_IDS": "subnet-0a1b2c3d4e5f60718,subnet-1a1b2c3d4e5f60718",
    "VPC_SECURITY_GROUP_IDS": "sg-0a1b2c3d4e5f60718",
}
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/acme-prod-a001-eu-west-1-churn-ml-models/3"
# What the definition leaves to SageMaker, which names jobs itself.
NAMED_BY_SAGEMAKER = {"CreateTrainingJob": {"TrainingJobName": "t"}, "CreateProcessingJob": {"ProcessingJobName": "p"}}


def resolved(value):
    """A definition's value with a text in the place of each reference to an earlier step."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            return "s3://bucket/key"
        return {key: resolved(entry) for key, entry in value.items()}
    return [resolved(entry) for entry in value] if isinstance(value, list) else value


class TestOwn:
    def test_its_own_tests_pass_in_both_trees(self, subtests):
        for tree in ("model-build", "model-deploy"):
            with subtests.test(tree):
                done = subprocess.run(
                    [sys.executable, "-m", "unittest", "discover", "--start-directory", "tests"],
                    cwd=SEEDS / tree, capture_output=True, text=True, timeout=120,
                )
                assert done.returncode == 0, done.stderr
                assert re.search(r"Ran [1-9][0-9]* tests", done.stderr)


class TestRequests:
    def valid(self, operation, given):
        shape = SAGEMAKER.operation_model(operation).input_shape
        report = ParamValidator().validate({**NAMED_BY_SAGEMAKER.get(operation, {}), **given}, shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"

    def test_the_steps_of_the_pipeline_are_requests_that_sagemaker_takes(self):
        for environment in (BUILD, {**BUILD, **NETWORK}):
            place = pipeline.Place(environment)
            made = pipeline.definition(place, pipeline.settings(), "s3://bucket/models/now")
            json.loads(json.dumps(made))
            steps = {step["Name"]: resolved(step["Arguments"]) for step in made["Steps"]}
            self.valid("CreateTrainingJob", steps["Train"])
            self.valid("CreateProcessingJob", steps["Evaluate"])
            (register,) = steps["GoodEnough"]["IfSteps"]
            self.valid("CreateModelPackage", register["Arguments"])
            self.valid("CreatePipeline", {
                "PipelineName": place.name, "RoleArn": place.role, "PipelineDefinition": json.dumps(made),
                "ClientRequestToken": "0" * 32,
            })

    def test_the_endpoint_is_a_request_that_sagemaker_takes(self):
        instances = {"type": "ml.m5.large", "count": 1}
        for environment in (BUILD, {**BUILD, **NETWORK}):
            for chosen in (deploy.settings(), {**deploy.settings(), "instances": instances}):
                model, config = deploy.plan(deploy.Place(environment), chosen, PACKAGE, True)
                self.valid("CreateModel", model)
                self.valid("CreateEndpointConfig", config)

    def test_absence_is_recognized_by_what_a_real_client_raises(self):
        client = botocore.session.get_session().create_client(
            "sagemaker", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        with Stubber(client) as stub:
            stub.add_client_error("describe_endpoint", "ValidationException", 'Could not find endpoint "e".')
            assert deploy.exists(client.describe_endpoint, EndpointName="e") is None

