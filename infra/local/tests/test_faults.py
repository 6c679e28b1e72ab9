"""Faults on demand, and IAM checks when they are asked for."""

import json
import tempfile

import suite

TOPIC = {"Type": "AWS::SNS::Topic"}


class Faults(suite.StackCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(suite.control, "faults", {"clear": True})

    def test_a_call_is_refused_as_often_as_asked(self):
        name = suite.unique("/p/")
        suite.client("ssm").put_parameter(Name=name, Value="1", Type="String")
        for service, operation, call in (
                ("cloudformation", "DescribeStacks", lambda: self.cloudformation.describe_stacks()),
                ("ssm", "GetParameter", lambda: suite.client("ssm").get_parameter(Name=name)),
                ("s3", "*", lambda: suite.client("s3").list_buckets()),
                ("ec2", "DescribeVpcs", lambda: suite.client("ec2").describe_vpcs())):
            suite.control("faults", {"service": service, "operation": operation, "error": "Throttling",
                                     "message": "Rate exceeded", "times": 2})
            for _ in range(2):
                self.assertEqual(self.refused("Throttling", call), "Rate exceeded")
            call()

    def test_a_bucket_can_refuse_to_be_emptied(self):
        s3, bucket = suite.client("s3"), suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        for operation, call in (
                ("ListObjectVersions", lambda: s3.list_object_versions(Bucket=bucket)),
                ("DeleteObjects", lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]}))):
            suite.control("faults", {"service": "s3", "operation": operation, "error": "AccessDenied", "status": 403,
                                     "message": "Access Denied", "times": 1})
            s3.list_objects_v2(Bucket=bucket)
            self.assertEqual(self.refused("AccessDenied", call), "Access Denied")
            call()

    def test_a_resource_fails_and_the_stack_rolls_back(self):
        suite.control("faults", {"resource_type": "AWS::SNS::Topic", "action": "create", "message": "no capacity"})
        body = self.execute(self.change_set(suite.unique("stack-"), {"Resources": {"T": TOPIC}}))
        self.assertEqual(body["StackStatus"], "ROLLBACK_COMPLETE")
        self.assertEqual(self.reasons(body["StackId"])[-1], "T: no capacity")

    def test_a_rollback_that_fails_is_stuck(self):
        name = suite.unique("/p/")

        def parameters(value):
            return {"Resources": {
                "A": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}},
                "Z": {**TOPIC, "DependsOn": "A", "Properties": {"DisplayName": value}}}}
        stack = self.deploy(parameters("1"))["StackName"]
        described = self.change_set(stack, parameters("2"), "UPDATE")
        suite.control("faults", {"resource_type": "AWS::SNS::Topic", "action": "update", "message": "first"})
        # The update of A passes, the one that takes it back doesn't.
        suite.control("faults", {"resource_type": "AWS::SSM::Parameter", "action": "update", "message": "second",
                                 "after": 1})
        body = self.execute(described)
        self.assertEqual(body["StackStatus"], "UPDATE_ROLLBACK_FAILED")
        self.refused("ValidationError", self.change_set, stack=stack, template=parameters("3"), kind="UPDATE")
        self.cloudformation.continue_update_rollback(StackName=stack)
        self.assertEqual(self.settled(stack)["StackStatus"], "UPDATE_ROLLBACK_COMPLETE")
        self.assertEqual(suite.client("ssm").get_parameter(Name=name)["Parameter"]["Value"], "1")

    def test_a_stack_takes_its_time(self):
        suite.control("faults", {"stack_seconds": 0.4})
        described = self.change_set(suite.unique("stack-"), {"Resources": {"T": TOPIC}})
        self.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])
        stack = described["StackName"]
        self.assertEqual(self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"],
                         "CREATE_IN_PROGRESS")
        self.refused("ValidationError", self.change_set, stack=stack, template={"Resources": {"U": TOPIC}},
                     kind="UPDATE")
        self.assertEqual(self.settled(stack)["StackStatus"], "CREATE_COMPLETE")


class Access(suite.Case):
    def test_policies_are_enforced_when_asked_for(self):
        with tempfile.TemporaryDirectory(prefix="mlp-iam-") as directory:
            process, ready = suite.start(directory, "--enforce-iam")
            self.addCleanup(suite.stop, process)
            endpoint = ready["endpoint"]
            root = suite.client("codecommit", endpoint)
            for name in ("mine", "other"):
                root.create_repository(repositoryName=name)
            iam = suite.client("iam", endpoint)
            iam.create_user(UserName="operator")
            iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": "codecommit:GetRepository",
                    "Resource": f"arn:aws:codecommit:{suite.REGION}:{suite.ACCOUNT}:mine"}]}))
            key = iam.create_access_key(UserName="operator")["AccessKey"]
            operator = suite.boto3.client("codecommit", endpoint_url=endpoint, region_name=suite.REGION,
                                          aws_access_key_id=key["AccessKeyId"],
                                          aws_secret_access_key=key["SecretAccessKey"])
            self.assertEqual(operator.get_repository(repositoryName="mine")["repositoryMetadata"]["repositoryName"],
                             "mine")
            self.refused("AccessDeniedException", operator.get_repository, repositoryName="other")
            self.refused("AccessDeniedException", operator.list_repositories)


if __name__ == "__main__":
    suite.unittest.main()
