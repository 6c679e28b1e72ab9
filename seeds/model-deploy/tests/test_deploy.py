"""The deployment, with a double for SageMaker that keeps models, configurations and one endpoint."""

import io
import os
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

try:
    import botocore.exceptions  # noqa: F401
except ImportError:
    # The tests need the class only, so they also run where boto3 isn't installed.
    class ClientError(Exception):
        def __init__(self, response, operation):
            super().__init__(response)
            self.response = response

    sys.modules["botocore"] = types.ModuleType("botocore")
    sys.modules["botocore.exceptions"] = types.ModuleType("botocore.exceptions")
    sys.modules["botocore.exceptions"].ClientError = ClientError

import deploy  # noqa: E402

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/acme-ml-models"
PLAIN = {
    "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
    "MODEL_PACKAGE_GROUP_NAME": "acme-ml-models",
    "RESOURCE_PREFIX": "churn-1--",
}
INSIDE = {**PLAIN, "KMS_KEY_ARN": "arn:key", "VPC_SUBNET_IDS": "subnet-1,subnet-2", "VPC_SECURITY_GROUP_IDS": "sg-1"}


def missing(name):
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find %s." % name}}, "Describe")


class SageMaker:
    def __init__(self, approved=(), statuses=None, env="dev"):
        self.approved, self.env = list(approved), env
        self.statuses = statuses or {}
        self.models, self.configs, self.endpoint, self.calls = {}, {}, None, []
        self.fails = False

    def list_model_packages(self, **given):
        assert given["ModelApprovalStatus"] == "Approved" and given["SortOrder"] == "Descending"
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in self.approved[:1]]}

    def describe_model_package(self, ModelPackageName):
        return {
            "ModelPackageArn": ModelPackageName,
            "ModelPackageGroupName": ModelPackageName.split("/")[1],
            "ModelApprovalStatus": self.statuses.get(ModelPackageName, "Approved"),
        }

    def list_tags(self, ResourceArn):
        assert ":model-package-group/acme-ml-models" in ResourceArn
        return {"Tags": [{"Key": "ml-provisioner:environment", "Value": self.env}]}

    def create_model(self, **given):
        self.calls.append("create_model")
        self.models[given["ModelName"]] = given

    def describe_model(self, ModelName):
        if ModelName not in self.models:
            raise missing("model")
        return self.models[ModelName]

    def delete_model(self, ModelName):
        del self.models[ModelName]

    def create_endpoint_config(self, **given):
        self.configs[given["EndpointConfigName"]] = given

    def describe_endpoint_config(self, EndpointConfigName):
        if EndpointConfigName not in self.configs:
            raise missing("endpoint configuration")
        return self.configs[EndpointConfigName]

    def delete_endpoint_config(self, EndpointConfigName):
        del self.configs[EndpointConfigName]

    def create_endpoint(self, EndpointName, EndpointConfigName):
        assert self.endpoint is None
        self.calls.append("create_endpoint")
        status = "Failed" if self.fails else "InService"
        self.endpoint = {"EndpointName": EndpointName, "EndpointConfigName": EndpointConfigName, "EndpointStatus": status,
                         "FailureReason": "no capacity"}

    def update_endpoint(self, EndpointName, EndpointConfigName):
        self.calls.append("update_endpoint")
        self.endpoint["EndpointConfigName"] = EndpointConfigName

    def delete_endpoint(self, EndpointName):
        self.calls.append("delete_endpoint")
        self.endpoint = None

    def describe_endpoint(self, EndpointName):
        if self.endpoint is None:
            raise missing("endpoint")
        return dict(self.endpoint)


class Runtime:
    def __init__(self, *answers):
        self.answers = list(answers) or ['{"probabilities": [0.9, 0.1]}']

    def invoke_endpoint(self, **given):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {"Body": io.BytesIO(answer.encode())}


def run(sagemaker, environment=PLAIN, runtime=None):
    return deploy.run(environment, sagemaker, runtime or Runtime(), wait=0)


class Deploy(unittest.TestCase):
    def test_nothing_approved_is_no_failure_and_changes_nothing(self):
        sagemaker = SageMaker()
        self.assertEqual(run(sagemaker)["outcome"], "nothing-approved")
        self.assertEqual(sagemaker.calls, [])

    def test_the_newest_approved_version_is_deployed_and_the_same_one_only_once(self):
        sagemaker = SageMaker([GROUP + "/2", GROUP + "/1"])
        self.assertEqual(run(sagemaker)["outcome"], "created")
        before = list(sagemaker.calls)
        self.assertEqual(run(sagemaker)["outcome"], "unchanged")
        self.assertEqual(sagemaker.calls, before)

    def test_another_version_updates_and_what_is_unused_goes(self):
        sagemaker = SageMaker()
        run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP + "/1"})
        self.assertEqual(run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP + "/2"})["outcome"], "updated")
        self.assertEqual(len(sagemaker.models), 1)
        self.assertEqual(len(sagemaker.configs), 1)

    def test_a_version_that_is_not_approved_or_of_another_group_changes_nothing(self):
        sagemaker = SageMaker(statuses={GROUP + "/3": "Rejected"})
        with self.assertRaisesRegex(deploy.Failed, "Rejected"):
            run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP + "/3"})
        with self.assertRaisesRegex(deploy.Failed, "not a version of"):
            run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP.replace("acme", "other") + "/1"})
        self.assertEqual(sagemaker.calls, [])

    def test_an_endpoint_that_answers_wrong_goes_back(self):
        sagemaker = SageMaker()
        run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP + "/1"})
        before = sagemaker.endpoint["EndpointConfigName"]
        with self.assertRaisesRegex(deploy.Failed, "served before"):
            run(sagemaker, {**PLAIN, "MODEL_PACKAGE_ARN": GROUP + "/2"}, Runtime('{"probabilities": [7]}'))
        self.assertEqual(sagemaker.endpoint["EndpointConfigName"], before)

    def test_an_endpoint_that_never_served_is_created_again(self):
        sagemaker = SageMaker([GROUP + "/1"])
        sagemaker.fails = True
        with self.assertRaisesRegex(deploy.Failed, "no capacity"):
            run(sagemaker)
        sagemaker.fails = False
        self.assertEqual(run(sagemaker)["outcome"], "created")
        self.assertIn("delete_endpoint", sagemaker.calls)

    def test_other_errors_of_the_api_are_not_taken_for_absence(self):
        from botocore.exceptions import ClientError

        def denied(**given):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "Could not find"}}, "Describe")

        with self.assertRaises(ClientError):
            deploy.exists(denied, EndpointName="x")


class Plan(unittest.TestCase):
    def plan(self, environment, in_prod=False, **changes):
        chosen = {**deploy.settings(), **changes}
        return deploy.plan(deploy.Place(environment), chosen, GROUP + "/1", in_prod)

    def test_without_a_network_the_endpoint_is_serverless(self):
        model, config = self.plan(PLAIN)
        self.assertEqual(config["ProductionVariants"][0]["ServerlessConfig"], {"MemorySizeInMB": 2048, "MaxConcurrency": 5})
        self.assertEqual((model["EnableNetworkIsolation"], "VpcConfig" in model, "KmsKeyId" in config), (False, False, False))

    def test_with_a_network_it_runs_on_isolated_instances_with_the_key(self):
        model, config = self.plan(INSIDE)
        self.assertTrue(model["EnableNetworkIsolation"])
        self.assertEqual(model["VpcConfig"], {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
        self.assertEqual(config["KmsKeyId"], "arn:key")

    def test_in_prod_there_are_two_instances_at_least(self):
        one = {"type": "ml.m5.xlarge", "count": 1}
        for in_prod, count in ((False, 1), (True, 2)):
            served = self.plan(PLAIN, in_prod, instances=one)[1]["ProductionVariants"][0]
            self.assertEqual((served["InstanceType"], served["InitialInstanceCount"]), ("ml.m5.xlarge", count))

    def test_names_begin_with_the_prefix_and_fit_into_63_characters(self):
        long = {**PLAIN, "RESOURCE_PREFIX": "x" * 21 + "--", "STAGE": "s" * 20}
        model, config = self.plan(long)
        for name in (model["ModelName"], config["EndpointConfigName"], deploy.Place(long).endpoint):
            self.assertTrue(name.startswith(long["RESOURCE_PREFIX"]), name)
            self.assertRegex(name, r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")

    def test_every_missing_variable_is_named_at_once(self):
        with self.assertRaises(deploy.Failed) as failed:
            deploy.Place({})
        for name in deploy.NEEDED:
            self.assertIn(name, str(failed.exception))


if __name__ == "__main__":
    unittest.main()
