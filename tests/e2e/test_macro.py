"""`Transform: MLProvisioner` on the running suite, with the clients that users have."""

import json
import pathlib
import re
import subprocess
import tempfile
import time
import uuid

import pytest

from mlp_tests import suite
from mlp_tests.vpc import network

HOLD_DATA = {
    "AWS::S3::Bucket", "AWS::CodeCommit::Repository", "AWS::SageMaker::ModelPackageGroup", "AWS::Logs::LogGroup", "AWS::KMS::Key",
}  # fmt: skip
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

TWO_PRODUCTS = """
Transform: MLProvisioner
Parameters:
  Email: {Type: String}
  Vpc: {Type: "AWS::EC2::VPC::Id"}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
  ChurnTier: {Type: String, Default: starter}
Resources:
  Churn:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: techcorp
      TenantId: TENANT
      Environment: prod
      UseCase: churn
      Tier: !Ref ChurnTier
      SourceControl: codecommit
      Tags: {cost_center: CRM, project: Churn, owner: crm-ml}
  Fraud:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: globalbank
      TenantId: TENANT
      Environment: prod
      UseCase: fraud
      Tier: enterprise
      SourceControl: codecommit
      AlertsEmail: !Ref Email
      VpcIntegration: {Mode: standalone, VpcId: !Ref Vpc, SubnetIds: !Ref Subnets}
      Tags: {cost_center: Fraud, project: Cards, owner: fraud-team}
  Reports:
    Type: AWS::S3::Bucket
    DependsOn: Churn
    Properties:
      BucketName: !Sub "${Fraud}-reports"
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: "aws:kms", KMSMasterKeyID: !GetAtt Fraud.KmsKeyArn}
      Tags: [{Key: registry, Value: !GetAtt Churn.ModelPackageGroupArn}]
Outputs:
  Churn: {Value: !Ref Churn}
  ChurnRepository: {Value: !GetAtt Churn.RepositoryUrl}
  FraudRegistry: {Value: !GetAtt Fraud.ModelPackageGroupArn}
  FraudKey: {Value: !Sub "key ${Fraud.KmsKeyArn}"}
  FraudArtifacts: {Value: !GetAtt Fraud.ArtifactsBucket.Arn}
  Reports: {Value: !GetAtt Reports.Arn}
"""

FROM_PARAMETER_STORE = """
Transform: MLProvisioner
Resources:
  Fraud:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: globalbank
      TenantId: TENANT
      Environment: prod
      UseCase: fraud
      Tier: enterprise
      SourceControl: codecommit
      AlertsEmail: ml-alerts@globalbank.example
      VpcIntegration: {Mode: standalone, VpcParameterStorePath: /vpc/TENANT/vpc, SubnetParameterStorePath: /vpc/TENANT/subnets}
      Tags: {cost_center: Fraud, project: Cards, owner: fraud-team}
Outputs:
  Group: {Value: !GetAtt Fraud.SecurityGroupId}
"""

TWO_MISTAKES = """
Transform: MLProvisioner
Resources:
  Fraud:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: globalbank
      Environment: prod
      UseCase: fraud
      Tier: gold
      SourceControl: codecommit
      Tags: {cost_center: Fraud, project: Cards, owner: fraud-team}
"""

WITH_SAM = """
Transform: TRANSFORMS
Resources:
  Churn:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: techcorp
      TenantId: TENANT
      Environment: prod
      UseCase: churn
      Tier: starter
      SourceControl: codecommit
      Tags: {cost_center: CRM, project: Churn, owner: crm-ml}
  Score:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: code/
      Environment: {Variables: {REGISTRY: !GetAtt Churn.ModelPackageGroupArn}}
Outputs:
  Score: {Value: !Ref Score}
  Registry: {Value: !GetAtt Churn.ModelPackageGroupArn}
"""


def unique():
    """A tenant that no other test has."""
    return "t" + uuid.uuid4().hex[:7]


def stack(name):
    return suite.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]


def settled(name):
    """The stack when nothing happens to it any more."""

    def found():
        it = stack(name)
        return None if it["StackStatus"].endswith("_IN_PROGRESS") else it

    return suite.wait("end of the stack operation", found, 90)


def outputs(name):
    return {output["OutputKey"]: output["OutputValue"] for output in stack(name).get("Outputs", [])}


def ids(name, types=HOLD_DATA):
    """Logical to physical ids of what holds data."""
    resources = suite.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources if it["ResourceType"] in types}


def processed(name):
    """The template that CloudFormation works on."""
    body = suite.client("cloudformation").get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    return body if isinstance(body, dict) else json.loads(body)


class Templates:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        self.tenant = unique()
        self.name = f"macro-{self.tenant}"
        folder = tempfile.TemporaryDirectory()
        cleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        cleanup(self.delete)

    def delete(self):
        suite.client("cloudformation").delete_stack(StackName=self.name)

    def file(self, text, **replacements):
        """The template as a file."""
        for old, new in {"TENANT": self.tenant, **replacements}.items():
            text = text.replace(old, new)
        path = self.folder / "template.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def run_client(self, *command):
        """What a real client said, and whether it was content."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=self.folder, check=False)
        return done.returncode, done.stdout + done.stderr

    def aws_deploy(self, path, *more):
        # The client calls its change set after the second, and deployments are faster than that here.
        time.sleep(1.1)
        # Enterprise products don't fit into a request, so the template goes through a bucket.
        return self.run_client(
            "aws", "cloudformation", "deploy", "--template-file", str(path), "--stack-name", self.name,
            "--s3-bucket", suite.bucket(), "--s3-prefix", "macro-test", "--capabilities", *CAPABILITIES, *more,
        )  # fmt: skip

    def change_set(self, path):
        """The reason why a change set for a new stack failed, or None."""
        cfn, key = suite.client("cloudformation"), f"macro-test/{self.name}.yaml"
        suite.client("s3").put_object(Bucket=suite.bucket(), Key=key, Body=path.read_bytes())
        url = f"{suite.setting('AWS_ENDPOINT_URL')}/{suite.bucket()}/{key}"
        name = "c" + uuid.uuid4().hex
        cfn.create_change_set(
            StackName=self.name, ChangeSetName=name, ChangeSetType="CREATE", TemplateURL=url, Capabilities=CAPABILITIES
        )

        def done():
            answer = cfn.describe_change_set(StackName=self.name, ChangeSetName=name)
            return answer if answer["Status"] in ("CREATE_COMPLETE", "FAILED") else None

        answer = suite.wait("change set", done, 60)
        return answer["StatusReason"] if answer["Status"] == "FAILED" else None


class TestAwsCli(Templates):
    def test_two_products_and_a_bucket_deploy_and_a_higher_tier_replaces_nothing_that_holds_data(self):
        path, (vpc, subnets) = self.file(TWO_PRODUCTS), network()
        given = [f"Email=ml-alerts@{self.tenant}.example", f"Vpc={vpc}", f"Subnets={','.join(subnets)}"]
        code, said = self.aws_deploy(path, "--parameter-overrides", *given)
        assert code == 0, said
        assert stack(self.name)["StackStatus"] == "CREATE_COMPLETE"

        churn = f"techcorp-prod-{self.tenant}-us-west-2-churn-ml"
        fraud = f"globalbank-prod-{self.tenant}-us-west-2-fraud-ml"
        made, data = outputs(self.name), ids(self.name)
        account = suite.client("sts").get_caller_identity()["Account"]
        assert made["Churn"] == churn
        assert made["ChurnRepository"].startswith("https://git-codecommit.us-west-2.amazonaws.com/"), made
        assert churn in made["ChurnRepository"]
        assert made["FraudRegistry"] == f"arn:aws:sagemaker:us-west-2:{account}:model-package-group/{fraud}-models"
        assert re.search(rf"^key arn:aws:kms:us-west-2:{account}:key/{data['FraudKmsKey']}$", made["FraudKey"])
        assert made["FraudArtifacts"] == f"arn:aws:s3:::{data['FraudArtifactsBucket']}"
        assert made["Reports"] == f"arn:aws:s3:::{fraud}-reports"
        tags = suite.client("s3").get_bucket_tagging(Bucket=f"{fraud}-reports")["TagSet"]
        assert {
            "Key": "registry",
            "Value": f"arn:aws:sagemaker:us-west-2:{account}:model-package-group/{churn}-models",
        } in tags
        assert len(data) >= 9, data

        code, said = self.aws_deploy(
            path, "--no-execute-changeset", "--parameter-overrides", *given, "ChurnTier=professional"
        )
        assert code == 0, said
        change_set = re.search(r"arn:aws:cloudformation:\S+:changeSet/\S+", said).group()
        cfn = suite.client("cloudformation")
        pages = cfn.get_paginator("describe_change_set").paginate(ChangeSetName=change_set, StackName=self.name)
        changes = [change["ResourceChange"] for page in pages for change in page["Changes"]]
        added = {change["LogicalResourceId"] for change in changes if change["Action"] == "Add"}
        assert {"ChurnBuildPolicy", "ChurnDeployPolicy", "ChurnApprovalRule", "ChurnDashboard"} <= added
        modified = [change for change in changes if change["Action"] == "Modify"]
        assert len(modified) + len(added) == len(changes), "nothing is removed"
        holding_data = [change for change in modified if change["ResourceType"] in HOLD_DATA]
        assert len(holding_data) > 0
        for change in holding_data:
            assert change["Replacement"] == "False", change
        # The other product is not touched; the bucket is, because it refers to the first.
        assert {
            change["LogicalResourceId"] for change in changes if not change["LogicalResourceId"].startswith("Churn")
        } == {"Reports"}

        cfn.execute_change_set(ChangeSetName=change_set, StackName=self.name)
        assert settled(self.name)["StackStatus"] == "UPDATE_COMPLETE"
        assert ids(self.name) == data
        assert outputs(self.name) == made

    def test_mistakes_are_the_reason_of_the_change_set_with_logical_id_and_property(self):
        code, said = self.aws_deploy(self.file(TWO_MISTAKES))
        assert code != 0, said
        assert "::MLProvisioner failed with: " in said
        assert "Fraud.Tier: `Tier` is `gold`, but must be `starter`, `professional` or `enterprise`" in said
        assert "Fraud.TenantId: `TenantId` is missing" in said

    def test_mistakes_are_the_reason_of_a_stack_that_is_created_directly(self):
        suite.client("cloudformation").create_stack(
            StackName=self.name,
            TemplateBody=self.file(TWO_MISTAKES).read_text(encoding="utf-8"),
            Capabilities=CAPABILITIES,
        )
        found = settled(self.name)
        assert found["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "Fraud.Tier: `Tier` is `gold`" in found["StackStatusReason"]


class TestSam(Templates):
    def deploys(self, transforms):
        code = self.folder / "code"
        code.mkdir()
        (code / "bootstrap").write_text("#!/bin/sh\n", encoding="utf-8")
        (code / "bootstrap").chmod(0o755)
        status, said = self.run_client(
            "sam", "deploy", "--template-file", str(self.file(WITH_SAM, TRANSFORMS=transforms)), "--stack-name", self.name,
            "--resolve-s3", "--region", suite.REGION, "--no-confirm-changeset", "--capabilities", *CAPABILITIES,
        )  # fmt: skip
        assert status == 0, said
        assert stack(self.name)["StackStatus"] == "CREATE_COMPLETE"
        made = outputs(self.name)
        assert made["Registry"].endswith(f"/techcorp-prod-{self.tenant}-us-west-2-churn-ml-models"), made
        function = suite.client("lambda").get_function_configuration(FunctionName=made["Score"])
        assert function["Environment"]["Variables"]["REGISTRY"] == made["Registry"]
        types = {resource["Type"] for resource in processed(self.name)["Resources"].values()}
        assert not {kind for kind in types if "Serverless" in kind or "MLProvisioner" in kind}, types

    def test_both_transforms_deploy_with_ours_first(self):
        self.deploys('[MLProvisioner, "AWS::Serverless-2016-10-31"]')

    def test_both_transforms_deploy_with_ours_last(self):
        self.deploys('["AWS::Serverless-2016-10-31", MLProvisioner]')


class TestParameterStore(Templates):
    @pytest.fixture(autouse=True)
    def parameters(self, prepared, cleanup):
        cleanup(suite.faults, clear=True)
        self.path = self.file(FROM_PARAMETER_STORE)

    def put(self, leaf, value, kind="String"):
        suite.client("ssm").put_parameter(Name=f"/vpc/{self.tenant}/{leaf}", Type=kind, Value=value)

    def filled(self):
        vpc, subnets = network()
        self.put("vpc", vpc)
        self.put("subnets", ",".join(subnets), "StringList")
        return vpc, subnets

    def failure(self):
        reason = self.change_set(self.path)
        assert reason is not None, "the change set was made"
        return reason

    def test_ids_are_looked_up(self):
        vpc, subnets = self.filled()
        code, said = self.aws_deploy(self.path)
        assert code == 0, said
        group = suite.client("ec2").describe_security_groups(GroupIds=[outputs(self.name)["Group"]])["SecurityGroups"][
            0
        ]
        assert group["VpcId"] == vpc
        assert processed(self.name)["Resources"]["FraudStsEndpoint"]["Properties"]["SubnetIds"] == subnets

    def test_a_missing_path_is_told_with_product_and_property(self):
        self.put("subnets", "subnet-0123456789abcdef0,subnet-0fedcba9876543210", "StringList")
        assert (
            f"Fraud.VpcIntegration.VpcParameterStorePath: the SSM parameter `/vpc/{self.tenant}/vpc` can't be read: "
            "there is none in this account and region" in self.failure()
        )

    def test_a_path_outside_of_what_the_suite_allows_is_refused(self):
        self.filled()
        self.path = self.file(FROM_PARAMETER_STORE.replace("/vpc/TENANT/", "/billing/TENANT/"))
        assert (
            f"Fraud.VpcIntegration.VpcParameterStorePath: the SSM path `/billing/{self.tenant}/vpc` is outside of the suite's "
            "`ParameterPaths`; allowed is a path like `/vpc/*`" in self.failure()
        )

    def test_a_wrong_value_is_told_by_its_length(self):
        self.filled()
        suite.client("ssm").put_parameter(Name=f"/vpc/{self.tenant}/vpc", Value="hunter2", Overwrite=True)
        reason = self.failure()
        assert "holds a value of 7 characters, but must hold `vpc-`" in reason
        assert "hunter2" not in reason

    def test_a_secret_is_not_read(self):
        self.put("vpc", "vpc-0123456789abcdef0", "SecureString")
        self.put("subnets", "subnet-0123456789abcdef0,subnet-0fedcba9876543210", "StringList")
        reason = self.failure()
        assert f"`/vpc/{self.tenant}/vpc` can't be read: it is a `SecureString`" in reason
        assert "vpc-0123456789abcdef0" not in reason

    def test_throttling_for_a_moment_is_not_noticed(self):
        self.filled()
        suite.faults(service="ssm", operation="GetParameters", error="ThrottlingException", times=2)
        assert self.change_set(self.path) is None

    def test_throttling_without_end_says_to_try_again(self):
        suite.faults(service="ssm", operation="GetParameters", error="ThrottlingException", times=1000)
        assert "Parameter Store did not answer, try again (ThrottlingException" in self.failure()

    def test_a_refused_look_up_names_the_permission(self):
        suite.faults(service="ssm", operation="GetParameters", error="AccessDeniedException", times=1000)
        assert (
            "the function that looks it up needs the permission `ssm:GetParameters` on it (AccessDeniedException"
            in self.failure()
        )


class TestFunction:
    def test_every_recorded_request_has_a_well_formed_answer(self, subtests):
        recorded = sorted((suite.ROOT / "events/macro").glob("*.json"))
        assert len(recorded) >= 4
        for path in recorded:
            with subtests.test(event=path.stem):
                request = path.read_bytes()
                answer = suite.client("lambda").invoke(
                    FunctionName=suite.setting("MLP_MACRO_FUNCTION"), Payload=request
                )
                assert answer.get("FunctionError") is None
                body = json.loads(answer["Payload"].read())
                assert body["requestId"] == json.loads(request)["requestId"]
                assert ("fragment" in body) == (body["status"] == "success")
                assert ("errorMessage" in body) == (body["status"] == "failed")
