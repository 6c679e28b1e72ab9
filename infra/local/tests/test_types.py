"""The product's resource types: a template with all of them, and the refusals of each."""

import os
import re

import suite

with open(os.path.join(suite.HERE, "fixtures", "product.yaml"), encoding="utf-8") as _handle:
    PRODUCT = _handle.read()
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def network():
    """A VPC with what the product needs of it, published in Parameter Store; returns the template's parameters."""
    ec2, ssm = suite.client("ec2"), suite.client("ssm")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{i}.0/24", AvailabilityZone=f"{suite.REGION}{z}")[
        "Subnet"]["SubnetId"] for i, z in enumerate("ab")]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    path = f"/{suite.unique('net')}"
    for name, value, kind in (("VpcId", vpc, "String"), ("SubnetIds", ",".join(subnets), "StringList"),
                              ("Extra", "hello", "String"), ("Routes", table, "StringList")):
        ssm.put_parameter(Name=f"{path}/{name}", Value=value, Type=kind)
    return {name: f"{path}/{name}" for name in ("VpcId", "SubnetIds", "Extra", "Routes")}, vpc, subnets, table


class Product(suite.StackCase):
    def test_every_type_gives_aws_s_references_and_goes_away_again(self):
        parameters, vpc, subnets, _ = network()
        name = suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters})
        account, region = suite.ACCOUNT, suite.REGION
        expected = {
            "Key": UUID, "KeyArn": f"arn:aws:kms:{region}:{account}:key/{UUID}", "KeyAlias": f"alias/{name}",
            "Bucket": f"{name}-artifacts", "BucketArn": f"arn:aws:s3:::{name}-artifacts",
            "BucketDomain": f"{name}-artifacts.s3.{region}.amazonaws.com",
            "Group": f"arn:aws:sagemaker:{region}:{account}:model-package-group/{name}", "GroupStatus": "Completed",
            "GroupTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
            "Repository": UUID, "RepositoryArn": f"arn:aws:codecommit:{region}:{account}:{name}-build",
            "RepositoryName": f"{name}-build",
            "CloneUrl": f"https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}-build",
            "CloneSsh": f"ssh://git-codecommit.{region}.amazonaws.com/v1/repos/{name}-build",
            "Boundary": f"arn:aws:iam::{account}:policy/{name}-boundary",
            "BoundaryArn": f"arn:aws:iam::{account}:policy/{name}-boundary", "BoundaryId": "ANPA[A-Z0-9]+",
            "Role": f"{name}-role", "RoleArn": f"arn:aws:iam::{account}:role/{name}-role", "RoleId": "AROA[A-Z0-9]+",
            "LogGroup": f"/ml/{name}", "LogGroupArn": rf"arn:aws:logs:{region}:{account}:log-group:/ml/{name}:\*",
            "Filter": "root", "Topic": f"arn:aws:sns:{region}:{account}:{name}-alerts",
            "TopicArn": f"arn:aws:sns:{region}:{account}:{name}-alerts", "TopicName": f"{name}-alerts",
            "Subscription": f"arn:aws:sns:{region}:{account}:{name}-alerts:{UUID}",
            "SubscriptionArn": f"arn:aws:sns:{region}:{account}:{name}-alerts:{UUID}",
            "Alarm": f"{name}-root", "AlarmArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}-root",
            "Dashboard": f"{name}-dashboard", "SecurityGroup": "sg-[0-9a-f]{17}",
            "SecurityGroupId": "sg-[0-9a-f]{17}", "SecurityGroupVpc": vpc, "Interface": "vpce-[0-9a-f]{17}",
            "InterfaceId": "vpce-[0-9a-f]{17}", "InterfaceCreated": r"\d{4}-\d\d-.+",
            "InterfaceDns": rf"vpce-.+\.sts\.{region}\.vpce\.amazonaws\.com",
            "InterfaceEni": "eni-[0-9a-f]{17},eni-[0-9a-f]{17}", "Gateway": "vpce-[0-9a-f]{17}",
            "Project": f"{name}-build", "ProjectArn": f"arn:aws:codebuild:{region}:{account}:project/{name}-build",
            "Pipeline": f"{name}-deploy", "PipelineVersion": "1", "Approved": f"{name}-approved",
            "ApprovedArn": f"arn:aws:events:{region}:{account}:rule/{name}-approved",
            "GroupParameter": f"/ml/{name}/ModelPackageGroupArn",
            "GroupParameterValue": f"arn:aws:sagemaker:{region}:{account}:model-package-group/{name}",
            "GroupParameterType": "String", "Extra": "hello", "Subnets": re.escape("|".join(subnets)), "Here": "2",
            "Suffix": rf"amazonaws\.com {body['StackName']} \$\{{literal\}}"}
        outputs = self.outputs(body)
        self.assertEqual(sorted(outputs), sorted(expected))
        for key, pattern in expected.items():
            self.assertRegex(outputs[key], f"^{pattern}$", key)

        self.cloudformation.detect_stack_drift(StackName=body["StackName"])
        drifts = self.cloudformation.describe_stack_resource_drifts(StackName=body["StackName"])["StackResourceDrifts"]
        self.assertEqual([d for d in drifts if d["StackResourceDriftStatus"] != "IN_SYNC"], [])
        # CodeBuild projects can't be checked; everything else is.
        resources = self.cloudformation.list_stack_resources(StackName=body["StackName"])["StackResourceSummaries"]
        unchecked = {r["LogicalResourceId"] for r in resources} - {d["LogicalResourceId"] for d in drifts}
        self.assertEqual(unchecked, {"Project"})

        s3 = suite.client("s3")
        version = s3.put_object(Bucket=f"{name}-artifacts", Key="left", Body=b"x")["VersionId"]
        failed = self.delete(body["StackName"])
        self.assertEqual(failed["StackStatus"], "DELETE_FAILED")
        self.assertIn("not empty", " ".join(self.reasons(body["StackId"])))
        s3.delete_object(Bucket=f"{name}-artifacts", Key="left", VersionId=version)
        self.assertEqual(self.delete(body["StackName"])["StackStatus"], "DELETE_COMPLETE")
        self.refused("PipelineNotFoundException", suite.client("codepipeline").get_pipeline, name=f"{name}-deploy")
        key = suite.client("kms").describe_key(KeyId=outputs["Key"])["KeyMetadata"]
        self.assertEqual(key["KeyState"], "PendingDeletion")

    def test_properties_that_the_emulator_drops_are_kept(self):
        parameters, *_ = network()
        name = suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters}, Tags=[{"Key": "Cost", "Value": "1"}])
        outputs, bucket = self.outputs(body), f"{name}-artifacts"
        s3 = suite.client("s3")
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        self.assertEqual(rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"], outputs["KeyArn"])
        rule = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
        self.assertEqual((rule["Expiration"]["Days"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
                          rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]), (90, 90, 7))
        tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        self.assertEqual((tags["Owner"], tags["Cost"]), ("team", "1"))
        self.assertEqual(s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"],
                         [{"ObjectOwnership": "BucketOwnerEnforced"}])
        project = suite.client("codebuild").batch_get_projects(names=[f"{name}-build"])["projects"][0]
        self.assertEqual(project["logsConfig"]["cloudWatchLogs"]["groupName"], f"/ml/{name}")
        self.assertEqual(project["encryptionKey"], outputs["KeyArn"])
        self.assertEqual(project["vpcConfig"]["securityGroupIds"], [outputs["SecurityGroup"]])
        role = suite.client("iam").get_role(RoleName=f"{name}-role")["Role"]
        self.assertEqual(role["PermissionsBoundary"]["PermissionsBoundaryArn"], outputs["Boundary"])
        topic = suite.client("sns").get_topic_attributes(TopicArn=outputs["Topic"])["Attributes"]
        self.assertEqual((topic["KmsMasterKeyId"], topic["SubscriptionsPending"]), (outputs["Key"], "1"))
        tagged = suite.client("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "aws:cloudformation:stack-name", "Values": [body["StackName"]]}],
            ResourceTypeFilters=["codepipeline", "codecommit", "sagemaker", "codebuild", "ssm"])
        self.assertEqual(len(tagged["ResourceTagMappingList"]), 5)
        found = suite.client("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "Cost", "Values": ["1"]}], ResourceTypeFilters=["cloudformation:stack"])
        self.assertIn(body["StackId"], [r["ResourceARN"] for r in found["ResourceTagMappingList"]])

    def test_every_type_takes_an_update(self):
        parameters, *_ = network()
        name = suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters})
        changed = PRODUCT
        for old, new in (("Value: team", "Value: crew"), ("Owner: team", "Owner: crew"),
                         ("RetentionInDays: 365", "RetentionInDays: 400"), ("TimeoutInMinutes: 60",
                                                                            "TimeoutInMinutes: 90"),
                         ("RepositoryDescription: build", "RepositoryDescription: other"),
                         ("ExpirationInDays: 90", "ExpirationInDays: 30"), ("Threshold: 1", "Threshold: 2"),
                         ("BranchName: main", "BranchName: trunk"), ("State: ENABLED", "State: DISABLED"),
                         ('Action: "s3:*"', 'Action: "s3:Get*"'), ("CidrIp: 10.0.0.0/8", "CidrIp: 10.1.0.0/16"),
                         ('MetricValue: "1"', 'MetricValue: "2"'), ("EnableKeyRotation: true",
                                                                    "EnableKeyRotation: false"),
                         ("PrivateDnsEnabled: true", "PrivateDnsEnabled: false")):
            self.assertIn(old, changed)
            changed = changed.replace(old, new)
        described = self.change_set(body["StackName"], changed, "UPDATE", {"Name": name, **parameters})
        replaced = [c["ResourceChange"]["LogicalResourceId"] for c in described["Changes"]
                    if c["ResourceChange"].get("Replacement") == "True"]
        self.assertEqual(replaced, [])
        after = self.execute(described)
        self.assertEqual(after["StackStatus"], "UPDATE_COMPLETE", self.reasons(body["StackId"]))
        before = self.outputs(body)
        for key, value in self.outputs(after).items():
            if key not in ("PipelineVersion", "InterfaceDns"):
                self.assertEqual(value, before[key], key)
        self.assertEqual(self.outputs(after)["PipelineVersion"], "2")
        self.cloudformation.detect_stack_drift(StackName=body["StackName"])
        drifts = self.cloudformation.describe_stack_resource_drifts(StackName=body["StackName"])["StackResourceDrifts"]
        self.assertEqual([(d["LogicalResourceId"], d.get("PropertyDifferences")) for d in drifts
                          if d["StackResourceDriftStatus"] != "IN_SYNC"], [])
        group = suite.client("logs").describe_log_groups(logGroupNamePrefix=f"/ml/{name}")["logGroups"][0]
        self.assertEqual(group["retentionInDays"], 400)
        project = suite.client("codebuild").batch_get_projects(names=[f"{name}-build"])["projects"][0]
        self.assertEqual(project["timeoutInMinutes"], 90)
        suite.client("codebuild").update_project(
            name=project["name"], environment={**project["environment"], "privilegedMode": True})
        by_hand = suite.client("codebuild").batch_get_projects(names=[project["name"]])["projects"][0]
        self.assertEqual((by_hand["environment"]["privilegedMode"], by_hand["timeoutInMinutes"]), (True, 90))

    def test_a_second_product_in_the_same_vpc_meets_aws_s_conflicts(self):
        parameters, vpc, _, table = network()
        self.deploy(PRODUCT, parameters={"Name": suite.unique("acme-"), **parameters})
        described = self.change_set(suite.unique("stack-"), PRODUCT,
                                    parameters={"Name": suite.unique("acme-"), **parameters})
        body = self.execute(described)
        self.assertEqual(body["StackStatus"], "ROLLBACK_COMPLETE")
        reasons = " ".join(self.reasons(body["StackId"]))
        self.assertTrue("conflicting DNS domain for sts." in reasons or f"route table {table} already" in reasons)


class Refusals(suite.StackCase):
    def reason(self, kind, properties, **resources):
        described = self.change_set(suite.unique("stack-"),
                                    {"Resources": {"X": {"Type": kind, "Properties": properties}, **resources}})
        self.assertEqual(described["Status"], "CREATE_COMPLETE", described.get("StatusReason"))
        body = self.execute(described)
        self.assertEqual(body["StackStatus"], "ROLLBACK_COMPLETE")
        return " ".join(self.reasons(body["StackId"]))

    def test_names_that_are_taken(self):
        name = suite.unique("taken-")
        suite.client("codecommit").create_repository(repositoryName=name)
        self.assertIn("already exists", self.reason("AWS::CodeCommit::Repository", {"RepositoryName": name}))
        suite.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
        self.assertIn("already exists", self.reason("AWS::SageMaker::ModelPackageGroup",
                                                    {"ModelPackageGroupName": name}))
        suite.client("logs").create_log_group(logGroupName=name)
        self.assertIn("already exists", self.reason("AWS::Logs::LogGroup", {"LogGroupName": name}))
        suite.client("sns").create_topic(Name=name)
        self.assertIn("already exists", self.reason("AWS::SNS::Topic", {"TopicName": name}))
        role = suite.role("lambda.amazonaws.com").rsplit("/", 1)[-1]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "lambda.amazonaws.com"}}]}
        self.assertIn("already exists", self.reason("AWS::IAM::Role", {
            "RoleName": role, "AssumeRolePolicyDocument": trust}))

    def test_a_policy_s_document_and_size(self):
        def policy(**statement):
            return {"ManagedPolicyName": suite.unique("p-"), "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
                                                        "Resource": "arn:aws:s3:::b/*", **statement}]}}
        kind = "AWS::IAM::ManagedPolicy"
        self.assertIn("PolicySize: 6144", self.reason(kind, policy(Resource=["arn:aws:s3:::b/" + "k" * 6200])))
        self.assertIn("MalformedPolicyDocument", self.reason(kind, policy(Resource="b")))
        self.assertIn("MalformedPolicyDocument", self.reason(kind, policy(Action="GetObject")))
        self.assertIn("MalformedPolicyDocument", self.reason(kind, policy(Sid="with space")))

    def test_a_role_names_policies_that_exist(self):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "lambda.amazonaws.com"}}]}
        missing = f"arn:aws:iam::{suite.ACCOUNT}:policy/none"
        for member in ({"ManagedPolicyArns": [missing]}, {"PermissionsBoundary": missing}):
            self.assertIn("does not exist", self.reason("AWS::IAM::Role", {
                "RoleName": suite.unique("r-"), "AssumeRolePolicyDocument": trust, **member}))
        self.assertIn("64", self.reason("AWS::IAM::Role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": trust}))

    def test_a_key_must_let_its_users_in(self):
        root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{suite.ACCOUNT}:root"}, "Action": "kms:*",
                "Resource": "*"}
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root]}}}
        self.assertIn("is not allowed to be used", self.reason("AWS::Logs::LogGroup", {
            "LogGroupName": suite.unique(), "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}, Key=key))
        self.assertIn("will not allow you to update the key policy", self.reason("AWS::KMS::Key", {
            "KeyPolicy": {"Version": "2012-10-17", "Statement": [{**root, "Action": "kms:Decrypt"}]}}))

    def test_a_build_project_s_role_and_pairing(self):
        project = {"Name": suite.unique("b-"), "Source": {"Type": "CODEPIPELINE"},
                   "Artifacts": {"Type": "CODEPIPELINE"}, "ServiceRole": suite.role("codebuild.amazonaws.com"),
                   "Environment": {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "i"}}
        self.assertIn("not authorized to perform: sts:AssumeRole", self.reason(
            "AWS::CodeBuild::Project", {**project, "ServiceRole": suite.role("codepipeline.amazonaws.com")}))
        self.assertIn("CODEPIPELINE", self.reason(
            "AWS::CodeBuild::Project", {**project, "Artifacts": {"Type": "NO_ARTIFACTS"}}))
        self.assertIn("validation error", self.reason(
            "AWS::CodeBuild::Project", {**project, "TimeoutInMinutes": 1}))

    def test_endpoints_belong_to_their_vpc(self):
        _, vpc, subnets, _ = network()
        other = network()
        endpoint = {"VpcId": vpc, "VpcEndpointType": "Interface", "SubnetIds": subnets,
                    "ServiceName": f"com.amazonaws.{suite.REGION}.sts"}
        self.assertIn("does not belong", self.reason("AWS::EC2::VPCEndpoint", {**endpoint, "SubnetIds": other[2]}))
        self.assertIn("does not exist", self.reason("AWS::EC2::VPCEndpoint", {
            **endpoint, "ServiceName": "com.amazonaws.mars-1.sts"}))
        self.assertIn("does not exist", self.reason("AWS::EC2::VPCEndpoint", {**endpoint, "VpcId": "vpc-none"}))

    def test_schedules_rules_and_functions_need_their_roles(self):
        wrong = suite.role("ec2.amazonaws.com")
        self.assertIn("assume the role", self.reason("AWS::Scheduler::Schedule", {
            "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": f"arn:aws:sqs:{suite.REGION}:{suite.ACCOUNT}:q", "RoleArn": wrong}}))
        self.assertIn("RoleArn is required", self.reason("AWS::Events::Rule", {
            "EventPattern": {"source": ["x"]}, "Targets": [
                {"Id": "p", "Arn": f"arn:aws:codepipeline:{suite.REGION}:{suite.ACCOUNT}:p"}]}))
        self.assertIn("cannot be assumed by Lambda", self.reason("AWS::Lambda::Function", {
            "Role": wrong, "Code": {"S3Bucket": "b", "S3Key": "k"}, "Runtime": "provided.al2023",
            "Handler": "bootstrap"}))

    def test_properties_that_a_type_does_not_have(self):
        self.assertIn("extraneous key [Nmae] is not permitted", self.reason(
            "AWS::SageMaker::ModelPackageGroup", {"ModelPackageGroupName": suite.unique(), "Nmae": "x"}))
        self.assertIn("extraneous key [Name] is not permitted", self.reason(
            "AWS::CodeCommit::Repository", {"RepositoryName": suite.unique(), "Name": "x"}))


if __name__ == "__main__":
    suite.unittest.main()
