"""The product's resource types: a template with all of them, and the refusals of each."""

import re

from mlp_tests import local_suite

PRODUCT = (local_suite.FIXTURES / "product.yaml").read_text(encoding="utf-8")
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def network(suite):
    """A VPC with what the product needs of it, published in Parameter Store; returns the template's parameters."""
    ec2, ssm = suite.client("ec2"), suite.client("ssm")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{i}.0/24", AvailabilityZone=f"{local_suite.REGION}{z}")["Subnet"][
            "SubnetId"
        ]
        for i, z in enumerate("ab")
    ]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    path = f"/{local_suite.unique('net')}"
    for name, value, kind in (
        ("VpcId", vpc, "String"),
        ("SubnetIds", ",".join(subnets), "StringList"),
        ("Extra", "hello", "String"),
        ("Routes", table, "StringList"),
    ):
        ssm.put_parameter(Name=f"{path}/{name}", Value=value, Type=kind)
    return {name: f"{path}/{name}" for name in ("VpcId", "SubnetIds", "Extra", "Routes")}, vpc, subnets, table


class TestProduct(local_suite.StackCase):
    def test_every_type_gives_aws_s_references_and_goes_away_again(self):
        parameters, vpc, subnets, _ = network(self.suite)
        name = local_suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters})
        account, region = local_suite.ACCOUNT, local_suite.REGION
        expected = {
            "Key": UUID,
            "KeyArn": f"arn:aws:kms:{region}:{account}:key/{UUID}",
            "KeyAlias": f"alias/{name}",
            "Bucket": f"{name}-artifacts",
            "BucketArn": f"arn:aws:s3:::{name}-artifacts",
            "BucketDomain": f"{name}-artifacts.s3.{region}.amazonaws.com",
            "Group": f"arn:aws:sagemaker:{region}:{account}:model-package-group/{name}",
            "GroupStatus": "Completed",
            "GroupTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
            "Repository": UUID,
            "RepositoryArn": f"arn:aws:codecommit:{region}:{account}:{name}-build",
            "RepositoryName": f"{name}-build",
            "CloneUrl": f"https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}-build",
            "CloneSsh": f"ssh://git-codecommit.{region}.amazonaws.com/v1/repos/{name}-build",
            "Boundary": f"arn:aws:iam::{account}:policy/{name}-boundary",
            "BoundaryArn": f"arn:aws:iam::{account}:policy/{name}-boundary",
            "BoundaryId": "ANPA[A-Z0-9]+",
            "Role": f"{name}-role",
            "RoleArn": f"arn:aws:iam::{account}:role/{name}-role",
            "RoleId": "AROA[A-Z0-9]+",
            "LogGroup": f"/ml/{name}",
            "LogGroupArn": rf"arn:aws:logs:{region}:{account}:log-group:/ml/{name}:\*",
            "Filter": "root",
            "Topic": f"arn:aws:sns:{region}:{account}:{name}-alerts",
            "TopicArn": f"arn:aws:sns:{region}:{account}:{name}-alerts",
            "TopicName": f"{name}-alerts",
            "Subscription": f"arn:aws:sns:{region}:{account}:{name}-alerts:{UUID}",
            "SubscriptionArn": f"arn:aws:sns:{region}:{account}:{name}-alerts:{UUID}",
            "Alarm": f"{name}-root",
            "AlarmArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}-root",
            "Dashboard": f"{name}-dashboard",
            "SecurityGroup": "sg-[0-9a-f]{17}",
            "SecurityGroupId": "sg-[0-9a-f]{17}",
            "SecurityGroupVpc": vpc,
            "Interface": "vpce-[0-9a-f]{17}",
            "InterfaceId": "vpce-[0-9a-f]{17}",
            "InterfaceCreated": r"\d{4}-\d\d-.+",
            "InterfaceDns": rf"vpce-.+\.sts\.{region}\.vpce\.amazonaws\.com",
            "InterfaceEni": "eni-[0-9a-f]{17},eni-[0-9a-f]{17}",
            "Gateway": "vpce-[0-9a-f]{17}",
            "Project": f"{name}-build",
            "ProjectArn": f"arn:aws:codebuild:{region}:{account}:project/{name}-build",
            "Pipeline": f"{name}-deploy",
            "PipelineVersion": "1",
            "Approved": f"{name}-approved",
            "ApprovedArn": f"arn:aws:events:{region}:{account}:rule/{name}-approved",
            "GroupParameter": f"/ml/{name}/ModelPackageGroupArn",
            "GroupParameterValue": f"arn:aws:sagemaker:{region}:{account}:model-package-group/{name}",
            "GroupParameterType": "String",
            "Extra": "hello",
            "Subnets": re.escape("|".join(subnets)),
            "Here": "2",
            "Suffix": rf"amazonaws\.com {body['StackName']} \$\{{literal\}}",
        }
        outputs = self.outputs(body)
        assert sorted(outputs) == sorted(expected)
        for key, pattern in expected.items():
            assert re.search(f"^{pattern}$", outputs[key]), key

        self.cloudformation.detect_stack_drift(StackName=body["StackName"])
        drifts = self.cloudformation.describe_stack_resource_drifts(StackName=body["StackName"])["StackResourceDrifts"]
        assert [d for d in drifts if d["StackResourceDriftStatus"] != "IN_SYNC"] == []
        # CodeBuild projects can't be checked; everything else is.
        resources = self.cloudformation.list_stack_resources(StackName=body["StackName"])["StackResourceSummaries"]
        unchecked = {r["LogicalResourceId"] for r in resources} - {d["LogicalResourceId"] for d in drifts}
        assert unchecked == {"Project"}

        s3 = self.suite.client("s3")
        version = s3.put_object(Bucket=f"{name}-artifacts", Key="left", Body=b"x")["VersionId"]
        failed = self.delete(body["StackName"])
        assert failed["StackStatus"] == "DELETE_FAILED"
        assert "not empty" in " ".join(self.reasons(body["StackId"]))
        s3.delete_object(Bucket=f"{name}-artifacts", Key="left", VersionId=version)
        assert self.delete(body["StackName"])["StackStatus"] == "DELETE_COMPLETE"
        self.refused("PipelineNotFoundException", self.suite.client("codepipeline").get_pipeline, name=f"{name}-deploy")
        key = self.suite.client("kms").describe_key(KeyId=outputs["Key"])["KeyMetadata"]
        assert key["KeyState"] == "PendingDeletion"

    def test_properties_that_the_emulator_drops_are_kept(self):
        parameters, *_ = network(self.suite)
        name = local_suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters}, Tags=[{"Key": "Cost", "Value": "1"}])
        outputs, bucket = self.outputs(body), f"{name}-artifacts"
        s3 = self.suite.client("s3")
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["KeyArn"]
        rule = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
        assert (
            rule["Expiration"]["Days"],
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
            rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
        ) == (90, 90, 7)
        tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        assert (tags["Owner"], tags["Cost"]) == ("team", "1")
        assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
            {"ObjectOwnership": "BucketOwnerEnforced"}
        ]
        project = self.suite.client("codebuild").batch_get_projects(names=[f"{name}-build"])["projects"][0]
        assert project["logsConfig"]["cloudWatchLogs"]["groupName"] == f"/ml/{name}"
        assert project["encryptionKey"] == outputs["KeyArn"]
        assert project["vpcConfig"]["securityGroupIds"] == [outputs["SecurityGroup"]]
        role = self.suite.client("iam").get_role(RoleName=f"{name}-role")["Role"]
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == outputs["Boundary"]
        topic = self.suite.client("sns").get_topic_attributes(TopicArn=outputs["Topic"])["Attributes"]
        assert (topic["KmsMasterKeyId"], topic["SubscriptionsPending"]) == (outputs["Key"], "1")
        tagged = self.suite.client("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "aws:cloudformation:stack-name", "Values": [body["StackName"]]}],
            ResourceTypeFilters=["codepipeline", "codecommit", "sagemaker", "codebuild", "ssm"],
        )
        assert len(tagged["ResourceTagMappingList"]) == 5
        found = self.suite.client("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "Cost", "Values": ["1"]}], ResourceTypeFilters=["cloudformation:stack"]
        )
        assert body["StackId"] in [r["ResourceARN"] for r in found["ResourceTagMappingList"]]

    def test_every_type_takes_an_update(self):
        parameters, *_ = network(self.suite)
        name = local_suite.unique("acme-")
        body = self.deploy(PRODUCT, parameters={"Name": name, **parameters})
        changed = PRODUCT
        for old, new in (
            ("Value: team", "Value: crew"),
            ("Owner: team", "Owner: crew"),
            ("RetentionInDays: 365", "RetentionInDays: 400"),
            ("TimeoutInMinutes: 60", "TimeoutInMinutes: 90"),
            ("RepositoryDescription: build", "RepositoryDescription: other"),
            ("ExpirationInDays: 90", "ExpirationInDays: 30"),
            ("Threshold: 1", "Threshold: 2"),
            ("BranchName: main", "BranchName: trunk"),
            ("State: ENABLED", "State: DISABLED"),
            ('Action: "s3:*"', 'Action: "s3:Get*"'),
            ("CidrIp: 10.0.0.0/8", "CidrIp: 10.1.0.0/16"),
            ('MetricValue: "1"', 'MetricValue: "2"'),
            ("EnableKeyRotation: true", "EnableKeyRotation: false"),
            ("PrivateDnsEnabled: true", "PrivateDnsEnabled: false"),
        ):
            assert old in changed
            changed = changed.replace(old, new)
        described = self.change_set(body["StackName"], changed, "UPDATE", {"Name": name, **parameters})
        replaced = [
            c["ResourceChange"]["LogicalResourceId"]
            for c in described["Changes"]
            if c["ResourceChange"].get("Replacement") == "True"
        ]
        assert replaced == []
        after = self.execute(described)
        assert after["StackStatus"] == "UPDATE_COMPLETE", self.reasons(body["StackId"])
        before = self.outputs(body)
        for key, value in self.outputs(after).items():
            if key not in ("PipelineVersion", "InterfaceDns"):
                assert value == before[key], key
        assert self.outputs(after)["PipelineVersion"] == "2"
        self.cloudformation.detect_stack_drift(StackName=body["StackName"])
        drifts = self.cloudformation.describe_stack_resource_drifts(StackName=body["StackName"])["StackResourceDrifts"]
        assert [
            (d["LogicalResourceId"], d.get("PropertyDifferences"))
            for d in drifts
            if d["StackResourceDriftStatus"] != "IN_SYNC"
        ] == []
        group = self.suite.client("logs").describe_log_groups(logGroupNamePrefix=f"/ml/{name}")["logGroups"][0]
        assert group["retentionInDays"] == 400
        project = self.suite.client("codebuild").batch_get_projects(names=[f"{name}-build"])["projects"][0]
        assert project["timeoutInMinutes"] == 90
        self.suite.client("codebuild").update_project(
            name=project["name"], environment={**project["environment"], "privilegedMode": True}
        )
        by_hand = self.suite.client("codebuild").batch_get_projects(names=[project["name"]])["projects"][0]
        assert (by_hand["environment"]["privilegedMode"], by_hand["timeoutInMinutes"]) == (True, 90)

    def test_a_second_product_in_the_same_vpc_meets_aws_s_conflicts(self):
        parameters, _vpc, _, table = network(self.suite)
        self.deploy(PRODUCT, parameters={"Name": local_suite.unique("acme-"), **parameters})
        described = self.change_set(
            local_suite.unique("stack-"), PRODUCT, parameters={"Name": local_suite.unique("acme-"), **parameters}
        )
        body = self.execute(described)
        assert body["StackStatus"] == "ROLLBACK_COMPLETE"
        reasons = " ".join(self.reasons(body["StackId"]))
        assert "conflicting DNS domain for sts." in reasons or f"route table {table} already" in reasons


class TestRefusals(local_suite.StackCase):
    def reason(self, kind, properties, **resources):
        described = self.change_set(
            local_suite.unique("stack-"), {"Resources": {"X": {"Type": kind, "Properties": properties}, **resources}}
        )
        assert described["Status"] == "CREATE_COMPLETE", described.get("StatusReason")
        body = self.execute(described)
        assert body["StackStatus"] == "ROLLBACK_COMPLETE"
        return " ".join(self.reasons(body["StackId"]))

    def test_names_that_are_taken(self):
        name = local_suite.unique("taken-")
        self.suite.client("codecommit").create_repository(repositoryName=name)
        assert "already exists" in self.reason("AWS::CodeCommit::Repository", {"RepositoryName": name})
        self.suite.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
        assert "already exists" in self.reason("AWS::SageMaker::ModelPackageGroup", {"ModelPackageGroupName": name})
        self.suite.client("logs").create_log_group(logGroupName=name)
        assert "already exists" in self.reason("AWS::Logs::LogGroup", {"LogGroupName": name})
        self.suite.client("sns").create_topic(Name=name)
        assert "already exists" in self.reason("AWS::SNS::Topic", {"TopicName": name})
        role = self.suite.role("lambda.amazonaws.com").rsplit("/", 1)[-1]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        assert "already exists" in self.reason("AWS::IAM::Role", {"RoleName": role, "AssumeRolePolicyDocument": trust})

    def test_a_policy_s_document_and_size(self):
        def policy(**statement):
            return {
                "ManagedPolicyName": local_suite.unique("p-"),
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **statement}
                    ],
                },
            }

        kind = "AWS::IAM::ManagedPolicy"
        assert "PolicySize: 6144" in self.reason(kind, policy(Resource=["arn:aws:s3:::b/" + "k" * 6200]))
        assert "MalformedPolicyDocument" in self.reason(kind, policy(Resource="b"))
        assert "MalformedPolicyDocument" in self.reason(kind, policy(Action="GetObject"))
        assert "MalformedPolicyDocument" in self.reason(kind, policy(Sid="with space"))

    def test_a_role_names_policies_that_exist(self):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        missing = f"arn:aws:iam::{local_suite.ACCOUNT}:policy/none"
        for member in ({"ManagedPolicyArns": [missing]}, {"PermissionsBoundary": missing}):
            assert "does not exist" in self.reason(
                "AWS::IAM::Role", {"RoleName": local_suite.unique("r-"), "AssumeRolePolicyDocument": trust, **member}
            )
        assert "64" in self.reason("AWS::IAM::Role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": trust})

    def test_a_key_must_let_its_users_in(self):
        root = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{local_suite.ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root]}}}
        assert "is not allowed to be used" in self.reason(
            "AWS::Logs::LogGroup",
            {"LogGroupName": local_suite.unique(), "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
            Key=key,
        )
        assert "will not allow you to update the key policy" in self.reason(
            "AWS::KMS::Key", {"KeyPolicy": {"Version": "2012-10-17", "Statement": [{**root, "Action": "kms:Decrypt"}]}}
        )

    def test_a_build_project_s_role_and_pairing(self):
        project = {
            "Name": local_suite.unique("b-"),
            "Source": {"Type": "CODEPIPELINE"},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "ServiceRole": self.suite.role("codebuild.amazonaws.com"),
            "Environment": {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "i"},
        }
        assert "not authorized to perform: sts:AssumeRole" in self.reason(
            "AWS::CodeBuild::Project", {**project, "ServiceRole": self.suite.role("codepipeline.amazonaws.com")}
        )
        assert "CODEPIPELINE" in self.reason(
            "AWS::CodeBuild::Project", {**project, "Artifacts": {"Type": "NO_ARTIFACTS"}}
        )
        assert "validation error" in self.reason("AWS::CodeBuild::Project", {**project, "TimeoutInMinutes": 1})

    def test_endpoints_belong_to_their_vpc(self):
        _, vpc, subnets, _ = network(self.suite)
        other = network(self.suite)
        endpoint = {
            "VpcId": vpc,
            "VpcEndpointType": "Interface",
            "SubnetIds": subnets,
            "ServiceName": f"com.amazonaws.{local_suite.REGION}.sts",
        }
        assert "does not belong" in self.reason("AWS::EC2::VPCEndpoint", {**endpoint, "SubnetIds": other[2]})
        assert "does not exist" in self.reason(
            "AWS::EC2::VPCEndpoint", {**endpoint, "ServiceName": "com.amazonaws.mars-1.sts"}
        )
        assert "does not exist" in self.reason("AWS::EC2::VPCEndpoint", {**endpoint, "VpcId": "vpc-none"})

    def test_schedules_rules_and_functions_need_their_roles(self):
        wrong = self.suite.role("ec2.amazonaws.com")
        assert "assume the role" in self.reason(
            "AWS::Scheduler::Schedule",
            {
                "ScheduleExpression": "rate(1 hour)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": f"arn:aws:sqs:{local_suite.REGION}:{local_suite.ACCOUNT}:q", "RoleArn": wrong},
            },
        )
        assert "RoleArn is required" in self.reason(
            "AWS::Events::Rule",
            {
                "EventPattern": {"source": ["x"]},
                "Targets": [{"Id": "p", "Arn": f"arn:aws:codepipeline:{local_suite.REGION}:{local_suite.ACCOUNT}:p"}],
            },
        )
        assert "cannot be assumed by Lambda" in self.reason(
            "AWS::Lambda::Function",
            {
                "Role": wrong,
                "Code": {"S3Bucket": "b", "S3Key": "k"},
                "Runtime": "provided.al2023",
                "Handler": "bootstrap",
            },
        )

    def test_properties_that_a_type_does_not_have(self):
        assert "extraneous key [Nmae] is not permitted" in self.reason(
            "AWS::SageMaker::ModelPackageGroup", {"ModelPackageGroupName": local_suite.unique(), "Nmae": "x"}
        )
        assert "extraneous key [Name] is not permitted" in self.reason(
            "AWS::CodeCommit::Repository", {"RepositoryName": local_suite.unique(), "Name": "x"}
        )
