"""Faults on demand, and IAM checks when they are asked for."""

import pytest

from mlp_tests import local_suite

TOPIC = {"Type": "AWS::SNS::Topic"}


class TestFaults(local_suite.StackCase):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite, cleanup):
        cleanup(self.suite.control, "faults", {"clear": True})

    def test_a_call_is_refused_as_often_as_asked(self):
        name = local_suite.unique("/p/")
        self.suite.client("ssm").put_parameter(Name=name, Value="1", Type="String")
        for service, operation, call in (
            ("cloudformation", "DescribeStacks", self.cloudformation.describe_stacks),
            ("ssm", "GetParameter", lambda: self.suite.client("ssm").get_parameter(Name=name)),
            ("s3", "*", lambda: self.suite.client("s3").list_buckets()),
            ("ec2", "DescribeVpcs", lambda: self.suite.client("ec2").describe_vpcs()),
        ):
            self.suite.control(
                "faults",
                {
                    "service": service,
                    "operation": operation,
                    "error": "Throttling",
                    "message": "Rate exceeded",
                    "times": 2,
                },
            )
            for _ in range(2):
                assert self.refused("Throttling", call) == "Rate exceeded"
            call()

    def test_a_bucket_can_refuse_to_be_emptied(self):
        s3, bucket = self.suite.client("s3"), local_suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION})
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        for operation, call in (
            ("ListObjectVersions", lambda: s3.list_object_versions(Bucket=bucket)),
            ("DeleteObjects", lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})),
        ):
            self.suite.control(
                "faults",
                {
                    "service": "s3",
                    "operation": operation,
                    "error": "AccessDenied",
                    "status": 403,
                    "message": "Access Denied",
                    "times": 1,
                },
            )
            s3.list_objects_v2(Bucket=bucket)
            assert self.refused("AccessDenied", call) == "Access Denied"
            call()

    def test_a_resource_fails_and_the_stack_rolls_back(self):
        self.suite.control("faults", {"resource_type": "AWS::SNS::Topic", "action": "create", "message": "no capacity"})
        body = self.execute(self.change_set(local_suite.unique("stack-"), {"Resources": {"T": TOPIC}}))
        assert body["StackStatus"] == "ROLLBACK_COMPLETE"
        assert self.reasons(body["StackId"])[-1] == "T: no capacity"

    def test_a_rollback_that_fails_is_stuck(self):
        name = local_suite.unique("/p/")

        def parameters(value):
            return {
                "Resources": {
                    "A": {
                        "Type": "AWS::SSM::Parameter",
                        "Properties": {"Name": name, "Type": "String", "Value": value},
                    },
                    "Z": {**TOPIC, "DependsOn": "A", "Properties": {"DisplayName": value}},
                }
            }

        stack = self.deploy(parameters("1"))["StackName"]
        described = self.change_set(stack, parameters("2"), "UPDATE")
        self.suite.control("faults", {"resource_type": "AWS::SNS::Topic", "action": "update", "message": "first"})
        # The update of A passes, the one that takes it back doesn't.
        self.suite.control(
            "faults", {"resource_type": "AWS::SSM::Parameter", "action": "update", "message": "second", "after": 1}
        )
        body = self.execute(described)
        assert body["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
        self.refused("ValidationError", self.change_set, stack=stack, template=parameters("3"), kind="UPDATE")
        self.cloudformation.continue_update_rollback(StackName=stack)
        assert self.settled(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert self.suite.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "1"

    def test_a_stack_takes_its_time(self):
        self.suite.control("faults", {"stack_seconds": 0.4})
        described = self.change_set(local_suite.unique("stack-"), {"Resources": {"T": TOPIC}})
        self.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])
        stack = described["StackName"]
        assert self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
        self.refused(
            "ValidationError", self.change_set, stack=stack, template={"Resources": {"U": TOPIC}}, kind="UPDATE"
        )
        assert self.settled(stack)["StackStatus"] == "CREATE_COMPLETE"
