"""The pipeline's definition and its run, with doubles for the clients."""

import io
import json
import os
import sys
import tarfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import pipeline  # noqa: E402

PLAIN = {
    "AWS_REGION": "eu-west-1",
    "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
    "MODEL_PACKAGE_GROUP_NAME": "acme-ml-models",
    "RESOURCE_PREFIX": "churn-1--",
    "ARTIFACTS_BUCKET": "acme-ml-artifacts",
}
INSIDE = {**PLAIN, "KMS_KEY_ARN": "arn:key", "VPC_SUBNET_IDS": "subnet-1,subnet-2", "VPC_SECURITY_GROUP_IDS": "sg-1"}


class S3:
    def __init__(self):
        self.kept = {}

    def put_object(self, Bucket, Key, Body):
        self.kept[Bucket, Key] = Body


class SageMaker:
    class exceptions:
        class ResourceNotFound(Exception):
            pass

    def __init__(self, statuses=("Executing", "Succeeded"), there=False, reason=None):
        self.statuses, self.there, self.reason, self.calls = list(statuses), there, reason, []

    def describe_pipeline(self, PipelineName):
        if not self.there:
            raise self.exceptions.ResourceNotFound()

    def create_pipeline(self, **given):
        self.calls.append(("create", given))

    def update_pipeline(self, **given):
        self.calls.append(("update", given))

    def start_pipeline_execution(self, PipelineName):
        return {"PipelineExecutionArn": "arn:execution"}

    def describe_pipeline_execution(self, PipelineExecutionArn):
        return {"PipelineExecutionStatus": self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]}

    def list_pipeline_execution_steps(self, PipelineExecutionArn, NextToken=None):
        if NextToken is None:
            step = {"StepName": "Train", "StepStatus": "Failed" if self.reason else "Succeeded"}
            if self.reason:
                step["FailureReason"] = self.reason
            return {"PipelineExecutionSteps": [step], "NextToken": "2"}
        made = {"RegisterModel": {"Arn": "arn:package/1"}}
        return {"PipelineExecutionSteps": [{"StepName": "Register", "StepStatus": "Succeeded", "Metadata": made}]}


def definition(environment, **changes):
    return pipeline.definition(pipeline.Place(environment), {**pipeline.settings(), **changes}, "s3://b/models/run")


def steps(made):
    return {step["Name"]: step["Arguments"] for step in made["Steps"]}


class Definition(unittest.TestCase):
    def test_a_model_is_registered_only_after_its_evaluation_and_waits_for_approval(self):
        condition = steps(definition(PLAIN))["GoodEnough"]
        (register,) = condition["IfSteps"]
        self.assertEqual(register["Arguments"]["ModelApprovalStatus"], "PendingManualApproval")
        self.assertEqual(condition["ElseSteps"][0]["Type"], "Fail")
        self.assertEqual(condition["Conditions"][0]["RightValue"], 0.8)

    def test_key_and_network_reach_every_job_where_the_product_has_them(self):
        made = steps(definition(INSIDE))
        self.assertEqual(made["Train"]["VpcConfig"], {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
        self.assertEqual(made["Evaluate"]["NetworkConfig"]["VpcConfig"], made["Train"]["VpcConfig"])
        self.assertEqual(made["Train"]["ResourceConfig"]["VolumeKmsKeyId"], "arn:key")
        self.assertEqual(made["Train"]["OutputDataConfig"]["KmsKeyId"], "arn:key")
        self.assertEqual(made["Evaluate"]["ProcessingOutputConfig"]["KmsKeyId"], "arn:key")
        self.assertNotIn("arn:key", json.dumps(definition(PLAIN)))
        self.assertNotIn("VpcConfig", json.dumps(definition(PLAIN)))

    def test_models_are_stored_where_nothing_expires(self):
        self.assertEqual(steps(definition(PLAIN))["Train"]["OutputDataConfig"]["S3OutputPath"], "s3://acme-ml-artifacts/models")
        elsewhere = {**PLAIN, "MODEL_ARTIFACTS_URI": "s3://other/models"}
        self.assertEqual(steps(definition(elsewhere))["Train"]["OutputDataConfig"]["S3OutputPath"], "s3://other/models")

    def test_images_are_those_of_the_region(self):
        self.assertEqual(
            pipeline.image("sagemaker-scikit-learn:1.2-1-cpu-py3", "cn-north-1"),
            "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1-cpu-py3",
        )
        with self.assertRaisesRegex(pipeline.Failed, "mx-central-1"):
            pipeline.image("sagemaker-scikit-learn:1.2-1-cpu-py3", "mx-central-1")
        own = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
        self.assertEqual(steps(definition(PLAIN, image=own))["Train"]["AlgorithmSpecification"]["TrainingImage"], own)

    def test_every_missing_variable_is_named_at_once(self):
        with self.assertRaises(pipeline.Failed) as failed:
            pipeline.Place({"AWS_REGION": "eu-west-1"})
        for name in pipeline.NEEDED[1:]:
            self.assertIn(name, str(failed.exception))


class Run(unittest.TestCase):
    def test_code_and_tables_are_uploaded_and_the_pipeline_is_run(self):
        s3, sagemaker = S3(), SageMaker()
        made = pipeline.run(PLAIN, s3, sagemaker, now="now", wait=0)
        self.assertEqual(made, {"execution": "arn:execution", "model_package": "arn:package/1"})
        keys = {key for _, key in s3.kept}
        self.assertLessEqual(
            {"models/now/code.tar.gz", "models/now/code/evaluate.py", "models/now/data/train/train.csv",
             "models/now/data/test/test.csv"}, keys)
        with tarfile.open(fileobj=io.BytesIO(s3.kept["acme-ml-artifacts", "models/now/code.tar.gz"])) as archive:
            self.assertIn("train.py", archive.getnames())
        ((call, given),) = sagemaker.calls
        self.assertEqual((call, given["PipelineName"]), ("create", "churn-1--train"))

    def test_a_pipeline_that_is_there_is_changed(self):
        sagemaker = SageMaker(there=True)
        pipeline.run(PLAIN, S3(), sagemaker, now="now", wait=0)
        self.assertEqual(sagemaker.calls[0][0], "update")

    def test_a_failure_says_the_steps_reason(self):
        with self.assertRaisesRegex(pipeline.Failed, "Failed: no capacity"):
            pipeline.run(PLAIN, S3(), SageMaker(statuses=["Failed"], reason="no capacity"), now="now", wait=0)


if __name__ == "__main__":
    unittest.main()
