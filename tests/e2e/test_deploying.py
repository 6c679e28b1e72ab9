"""Products are deployed, shown, tested and deleted by the state machine, as from the console."""

import json
import time
import uuid

import pytest
import yaml

from mlp_tests import suite
from mlp_tests.deploying import bucket_of, develop, ended, run, stack, start

MACHINE = json.loads((suite.ROOT / "infra/state-machines/deploy.asl.json").read_text(encoding="utf-8"))


class TestDeploying:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        cleanup(suite.faults, clear=True)

    def failed(self, result, name):
        assert not result["ok"]
        assert result["error"]["name"] == name, result
        assert result["error"]["help"]
        return result["error"]

    def test_a_product_is_shown_created_unchanged_raised_and_deleted(self):
        config = develop()
        shown = run("show-changes", config)
        assert (shown["outcome"], shown["changes"]["added"]) == ("previewed", 13)
        assert stack(shown["stack_name"]) is None, "showing leaves nothing behind"
        data = shown["changes"]["data"].split("/", 3)[3]
        assert suite.exists(data)

        created = run("deploy-product", config, force=True)
        assert (created["outcome"], created["stack_status"]) == ("created", "CREATE_COMPLETE")
        path = f"/ml/{created['ml_name']}/ModelPackageGroupArn"
        value = suite.client("ssm").get_parameter(Name=path)["Parameter"]["Value"]
        assert created["outputs"][path] == value
        tags = {tag["Key"]: tag["Value"] for tag in stack(created["stack_name"])["Tags"]}
        assert tags["ManagedBy"] == "ml-provisioner"

        again = run("deploy-product", config, force=True)
        assert (again["outcome"], again["outputs"]) == ("unchanged", created["outputs"])
        sets = suite.client("cloudformation").list_change_sets(StackName=created["stack_name"])["Summaries"]
        assert {found["ExecutionStatus"] for found in sets} == {"EXECUTE_COMPLETE"}, "one without changes is deleted"

        raised = run("deploy-product", config.replace("tier: starter", "tier: professional"), force=True)
        assert raised["outcome"] == "updated", raised
        assert (raised["changes"]["added"], raised["changes"]["replaced"], raised["changes"]["deleted"]) == (6, 0, 0)

        s3, bucket = suite.client("s3"), bucket_of(created["stack_name"])
        for index in range(30):
            s3.put_object(Bucket=bucket, Key=f"k{index % 7}", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="k1")
        deleted = run("delete-product", config, force=True)
        assert (deleted["outcome"], deleted["stack_status"]) == ("deleted", "DELETE_COMPLETE")
        assert stack(created["stack_name"]) is None
        assert run("delete-product", config, force=True)["outcome"] == "absent"

    def test_what_is_wrong_with_the_input_is_said_at_once_and_touches_nothing(self):
        error = self.failed(run("deploy-product", develop()), "MLProvisioner.InvalidInput")
        assert "force" in error["message"]
        result = run("deploy-product", {"bucket": suite.bucket()}, forse=True, keep=True)
        self.failed(result, "MLProvisioner.InvalidInput")
        assert sorted((f["path"], f["code"]) for f in result["findings"]) == [
            ("/config/key", "MLP-DEP-001"),
            ("/force", "MLP-DEP-002"),
            ("/forse", "MLP-DEP-001"),
            ("/keep", "MLP-DEP-001"),
        ]
        result = run("show-changes", {"bucket": suite.bucket(), "key": "configs/nobody.yaml"})
        assert "configs/nobody.yaml" in self.failed(result, "MLProvisioner.InvalidInput")["message"]
        result = run("show-changes", develop(**{"region: us-west-2": "region: eu-west-1"}))
        self.failed(result, "MLProvisioner.InvalidInput")
        assert [f["path"] for f in result["findings"] if f["severity"] == "error"] == ["/environment/region"]
        assert result["findings"][0]["line"]

    def test_a_stored_config_is_read_in_the_version_named(self):
        key = f"configs/{uuid.uuid4().hex}.yaml"
        good = suite.upload(key, develop())
        suite.upload(key, "tier: wrong")
        self.failed(run("show-changes", {"bucket": suite.bucket(), "key": key}), "MLProvisioner.InvalidInput")
        assert run("show-changes", {"bucket": suite.bucket(), "key": key, "version": good})["ok"]

    def test_findings_without_end_are_counted_and_all_of_them_are_in_the_bucket(self):
        result = run("show-changes", develop() + "".join(f"unknown_key_{number}: x\n" for number in range(2501)))
        self.failed(result, "MLProvisioner.InvalidInput")
        name = result["execution"].rpartition(":")[2]
        kept = json.loads(suite.read(f"deployments/results/{name}.json"))
        place = f"s3://{suite.bucket()}/"
        for it in (result, kept):
            assert 1 <= len(it["findings"]) <= 200, len(it["findings"])
            found = json.loads(suite.read(it["findings_at"].removeprefix(place)))["findings"]
            assert len(found) == len(it["findings"]) + it["findings_left_out"]
            assert len({f["path"] for f in found if f["code"] == "MLP-CFG-001"}) == 2501

    def test_what_the_stack_needs_is_looked_for_before_anything_is_touched(self):
        name = "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml"
        text = next(path for path in suite.examples() if path.name == name).read_text(encoding="utf-8")
        text = text.replace("444455556666", "123456789012").replace("c001", "t" + uuid.uuid4().hex[:7])
        text = text.replace("/vpc/", f"/vpc/{uuid.uuid4().hex[:6]}/")
        outside = run("deploy-product", text.replace("/vpc/", "/elsewhere/"), force=True)
        self.failed(outside, "MLProvisioner.PreflightFailed")
        said = " ".join(f["message"] for f in outside["findings"] if f["code"] == "MLP-PRE-001")
        assert "/VPCId` is outside of the suite's `ParameterPaths`; allowed is a path like `/vpc/*`" in said
        result = run("deploy-product", text, force=True)
        self.failed(result, "MLProvisioner.PreflightFailed")
        assert "MLP-PRE-001" in {found["code"] for found in result["findings"]}
        assert result["stack_status"] == "absent"

        config = develop()
        bucket = f"techcorp-dev-{config.split('tenant_id: ')[1].split()[0]}-customer-churn-ml-artifacts"
        suite.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
        result = run("deploy-product", config, force=True)
        self.failed(result, "MLProvisioner.PreflightFailed")
        (taken,) = [found for found in result["findings"] if found["severity"] == "error"]
        assert "multi_region: true" in taken["help"]
        suite.client("s3").delete_bucket(Bucket=bucket)
        assert run("deploy-product", config, force=True)["outcome"] == "created"

    def test_a_product_that_stands_in_another_region_is_told_with_the_switch_before_anything_is_touched(self, cleanup):
        config = develop()
        bucket = f"techcorp-dev-{config.split('tenant_id: ')[1].split()[0]}-customer-churn-ml-artifacts"
        other = suite.client("s3", region="eu-west-1")
        other.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        cleanup(other.delete_bucket, Bucket=bucket)
        result = run("deploy-product", config, force=True)
        error = self.failed(result, "MLProvisioner.PreflightFailed")
        assert "`eu-west-1`" in error["message"]
        assert "environment.multi_region" in error["message"]
        assert result["stack_status"] == "absent"
        both = config.replace("env: dev", "env: dev\n  multi_region: true")
        assert run("deploy-product", both, force=True)["outcome"] == "created"

    def test_a_network_that_is_not_there_is_told_id_by_id_before_anything_is_touched(self):
        example = next(path for path in suite.examples() if path.name.endswith("ml-codecommit-sgprov-direct.yaml"))
        account = suite.client("sts").get_caller_identity()["Account"]
        config = example.read_text(encoding="utf-8").replace("444455556666", account).replace("env: prod", "env: dev")
        config = config.replace("    subnet_ids:", "    route_table_ids: [rtb-0123456789abcdef0]\n    subnet_ids:")
        result = run("deploy-product", config, force=True)
        self.failed(result, "MLProvisioner.PreflightFailed")
        told = [f for f in result["findings"] if f["code"] == "MLP-PRE-004"]
        assert {f["path"].rsplit("/", 1)[1] for f in told} == {
            "vpc_id",
            "subnet_ids",
            "security_group_id",
            "route_table_ids",
        }, told
        assert result["stack_status"] == "absent"

    def test_what_is_in_the_way_in_a_vpc_is_told_before_anything_is_touched_and_a_test_is_not_in_the_way(self):
        ec2 = suite.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{number}.0/24", AvailabilityZone=f"us-west-2{zone}")[
                "Subnet"
            ]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        theirs = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-west-2.s3", RouteTableIds=[table])
        theirs = theirs["VpcEndpoint"]["VpcEndpointId"]
        example = next(
            path for path in suite.examples() if path.name.endswith("ml-codecommit-standalone-direct-rtb.yaml")
        )
        account = suite.client("sts").get_caller_identity()["Account"]
        config = yaml.safe_load(example.read_text(encoding="utf-8"))
        config["client"].update(account_id=account, tenant_id="t" + uuid.uuid4().hex[:7])
        config["environment"]["env"] = "dev"
        config["ml_product"]["vpc_integration"].update(
            vpc_id=vpc, subnet_ids=subnets, route_table_ids=[table], endpoint_ingress_cidr="192.168.0.0/16"
        )
        result = run("deploy-product", json.dumps(config), force=True)
        self.failed(result, "MLProvisioner.PreflightFailed")
        told = {(f["code"], f["path"].rsplit("/", 1)[1]) for f in result["findings"] if f["severity"] == "error"}
        assert told == {
            ("MLP-PRE-003", "route_table_ids"),
            ("MLP-PRE-004", "endpoint_private_dns"),
            ("MLP-PRE-004", "endpoint_ingress_cidr"),
        }, result["findings"]
        assert result["stack_status"] == "absent"
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
        ec2.delete_vpc_endpoints(VpcEndpointIds=[theirs])
        config["ml_product"]["vpc_integration"]["endpoint_ingress_cidr"] = "10.0.0.0/8"
        text = json.dumps(config)
        assert run("deploy-product", text, force=True)["outcome"] == "created"
        # Beside the product itself, with its names and routes in the same VPC.
        assert run("test-deploy", text)["outcome"] == "tested"
        assert run("deploy-product", text, force=True)["outcome"] == "unchanged"
        removed = run("delete-product", text, force=True)
        assert removed["outcome"] == "deleted"
        kept = ["AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::Logs::LogGroup"]
        assert sorted(it["type"] for it in removed["retained"]) == kept, removed["retained"]

    def test_a_service_role_that_does_not_trust_cloudformation_is_told_before_anything_is_touched(self, cleanup):
        iam = suite.client("iam")
        function = suite.client("lambda").get_function_configuration(FunctionName=suite.setting("MLP_DEPLOY_FUNCTION"))
        name = function["Environment"]["Variables"]["MLP_SERVICE_ROLE_ARN"].rsplit("/", 1)[1]
        before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        cleanup(iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(before))
        other = json.dumps(before).replace("cloudformation.amazonaws.com", "lambda.amazonaws.com")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
        result = run("deploy-product", develop(), force=True)
        self.failed(result, "MLProvisioner.PreflightFailed")
        assert [f["code"] for f in result["findings"] if f["severity"] == "error"] == ["MLP-PRE-005"]
        assert result["stack_status"] == "absent"

    def test_a_license_counts_as_its_mode_says(self, cleanup, subtests):
        lambdas, name = suite.client("lambda"), suite.setting("MLP_DEPLOY_FUNCTION")
        found = lambdas.get_function_configuration(FunctionName=name)
        usual = found["Environment"]["Variables"]
        # What the parameter LicenceMode gives the role.
        given = {"RoleName": found["Role"].rsplit("/", 1)[1], "PolicyName": "licence"}
        allowed = {"Effect": "Allow", "Action": "license-manager:CheckoutLicense", "Resource": "*"}
        iam = suite.client("iam")
        iam.put_role_policy(**given, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
        cleanup(iam.delete_role_policy, **given)

        def mode(mode):
            settings = {
                "MLP_LICENCE_MODE": mode,
                "MLP_LICENCE_SKU": "sku",
                "MLP_LICENCE_KEY_FINGERPRINT": "aws:1:issuer",
            }
            lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": {**usual, **settings}})

        cleanup(lambdas.update_function_configuration, FunctionName=name, Environment={"Variables": usual})
        cleanup(suite.control, "license", mode="grant")
        config = develop()
        mode("enforce")
        for desk, error in (
            ("refuse", "LicenseRefused"),
            ("no-license", "LicenseRefused"),
            ("elsewhere", "LicenseRefused"),
            ("denied", "LicenseDenied"),
            ("unauthorized", "LicenseDenied"),
            ("throttle", "LicenseUnavailable"),
            ("down", "LicenseUnavailable"),
        ):
            with subtests.test(desk):
                suite.control("license", mode=desk)
                result = run("show-changes", config)
                self.failed(result, f"MLProvisioner.{error}")
                assert result["stack_status"] == "absent", "nothing is touched"
        assert run("delete-product", config, force=True)["outcome"] == "absent", "tidying up needs no license"
        mode("warn")
        warned = run("show-changes", config)
        assert (warned["outcome"], [f["code"] for f in warned["findings"]].count("MLP-LIC-001")) == ("previewed", 1)
        mode("enforce")
        for desk in ("self-issued", "grant"):
            suite.control("license", mode=desk)
            assert run("show-changes", config)["outcome"] == "previewed", desk

    def test_products_in_prod_are_protected_until_somebody_says_otherwise(self):
        config = suite.starter()
        name = run("deploy-product", config, force=True)["stack_name"]
        assert stack(name)["EnableTerminationProtection"]
        error = self.failed(run("delete-product", config, force=True), "MLProvisioner.StackProtected")
        assert f"--stack-name {name}" in error["help"]
        assert stack(name)["StackStatus"] == "CREATE_COMPLETE"
        suite.client("cloudformation").update_termination_protection(StackName=name, EnableTerminationProtection=False)
        assert run("delete-product", config, force=True)["outcome"] == "deleted"

    def test_a_resource_that_fails_is_the_cause_and_the_stack_is_made_anew_when_asked(self):
        config = develop()
        suite.faults(resource_type="AWS::CodePipeline::Pipeline", message="no such action provider")
        result = run("deploy-product", config, force=True)
        error = self.failed(result, "MLProvisioner.DeploymentFailed")
        assert [cause["type"] for cause in error["causes"]] == ["AWS::CodePipeline::Pipeline"]
        assert "no such action provider" in error["causes"][0]["reason"]
        assert result["stack_status"] == "ROLLBACK_COMPLETE"

        self.failed(run("deploy-product", config, force=True), "MLProvisioner.StackNotRecreated")
        again = run("deploy-product", config, force=True, recreate_failed=True)
        assert (again["outcome"], again["stack_status"]) == ("created", "CREATE_COMPLETE"), again

    def test_an_update_that_fails_is_rolled_back_and_the_next_one_works(self):
        config = develop()
        run("deploy-product", config, force=True)
        raised = config.replace("tier: starter", "tier: professional")
        suite.faults(resource_type="AWS::CloudWatch::Dashboard", message="not today")
        result = run("deploy-product", raised, force=True)
        assert "not today" in self.failed(result, "MLProvisioner.DeploymentFailed")["causes"][0]["reason"]
        assert result["stack_status"] == "UPDATE_ROLLBACK_COMPLETE"
        assert run("deploy-product", raised, force=True)["outcome"] == "updated"

    def test_throttling_and_errors_of_cloudformation_are_waited_out(self):
        for operation in ("DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet"):
            suite.faults(service="cloudformation", operation=operation, error="Throttling", times=5)
        suite.faults(
            service="cloudformation", operation="DescribeStackEvents", error="InternalFailure", status=500, times=5
        )
        assert run("deploy-product", develop(), force=True)["outcome"] == "created"

    def test_two_executions_for_one_product_both_end_well(self):
        config = develop()
        suite.faults(stack_seconds=2)
        results = [ended(execution) for execution in [start("deploy-product", config, force=True) for _ in range(2)]]
        assert sorted(result["outcome"] for result in results) == ["created", "unchanged"], results
        assert stack(results[0]["stack_name"])["StackStatus"] == "CREATE_COMPLETE"

    def test_a_test_leaves_nothing_behind_whether_it_works_or_not(self):
        config = suite.starter()
        tested = run("test-deploy", config)
        assert tested["outcome"] == "tested", tested
        assert len(tested["outputs"]) == 2
        assert stack(tested["stack_name"]) is None
        assert tested["ml_name"] != run("show-changes", config)["ml_name"]

        suite.faults(resource_type="AWS::CodeBuild::Project", message="no capacity")
        broken = run("test-deploy", config)
        assert self.failed(broken, "MLProvisioner.DeploymentFailed")["causes"][0]["reason"] == "no capacity"
        assert broken["stack_status"] == "absent"

        kept = run("test-deploy", config, keep=True)
        assert stack(kept["stack_name"])["StackStatus"] == "CREATE_COMPLETE"

    def test_a_deletion_that_fails_says_of_what_and_the_next_one_finishes(self):
        config = develop()
        name = run("deploy-product", config, force=True)["stack_name"]
        suite.faults(resource_type="AWS::CodeCommit::Repository", action="delete", message="the repository is locked")
        result = run("delete-product", config, force=True)
        assert self.failed(result, "MLProvisioner.DeletionFailed")["causes"][0]["reason"] == "the repository is locked"
        assert stack(name)["StackStatus"] == "DELETE_FAILED"
        assert run("delete-product", config, force=True)["outcome"] == "deleted"

    def test_a_registry_with_versions_keeps_its_stack_and_what_is_in_the_bucket(self):
        config = develop()
        made = run("deploy-product", config, force=True)
        resources = suite.client("cloudformation").list_stack_resources(StackName=made["stack_name"])[
            "StackResourceSummaries"
        ]
        ids = {it["ResourceType"]: it["PhysicalResourceId"] for it in resources}
        artifacts, group = ids["AWS::S3::Bucket"], ids["AWS::SageMaker::ModelPackageGroup"].rsplit("/", 1)[-1]
        suite.client("s3").put_object(Bucket=artifacts, Key="model.tar.gz", Body=b"weights")
        models = suite.client("sagemaker")
        version = models.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
        result = run("delete-product", config, force=True)
        assert "delete-model-package" in self.failed(result, "MLProvisioner.DeletionFailed")["help"]
        assert result["stack_status"] == "CREATE_COMPLETE"
        suite.client("s3").head_object(Bucket=artifacts, Key="model.tar.gz")
        models.delete_model_package(ModelPackageName=version)
        assert run("delete-product", config, force=True)["outcome"] == "deleted"


class TestApproving:
    def waiting(self, config, action="deploy-product", seconds=None, **more):
        """Starts what wants an approval; returns it and its request, once that is there."""
        approval = {"timeout_seconds": seconds} if seconds else True
        execution = start(action, config, force=True, approval=approval, **more)
        return execution, self.request(execution)

    def request(self, execution):
        key = f"pending/approvals/{execution.rsplit(':', 1)[1]}.json"
        return suite.wait("request for approval", lambda: suite.exists(key) and json.loads(suite.read(key)))

    def approve(self, request, **more):
        output = json.dumps({"approved": True, "nonce": request["nonce"], **more})
        suite.client("stepfunctions").send_task_success(taskToken=request["task_token"], output=output)

    def test_an_approved_deployment_goes_on(self):
        execution, request = self.waiting(develop())
        assert (request["execution"], request["changes"]["added"]) == (execution, 13)
        self.approve(request, by="arn:aws:iam::123456789012:user/ann")
        result = ended(execution)
        assert (result["outcome"], result["approved_by"]) == ("created", "arn:aws:iam::123456789012:user/ann")

    def test_an_approval_by_somebody_who_knows_the_token_alone_or_who_asked_counts_for_nothing(self, subtests):
        ben = "arn:aws:sts::123456789012:assumed-role/developers/ben"
        for answer in ({"approved": True}, {"nonce": "0" * 32}, {"by": ben}):
            with subtests.test(answer):
                config = develop()
                execution, request = self.waiting(config, requested_by=ben)
                # The token stands in the execution's history for everybody who may read that; the nonce nowhere.
                history = suite.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)
                assert request["nonce"] not in json.dumps(history, default=str)
                if "by" in answer:
                    self.approve(request, **answer)
                else:
                    suite.client("stepfunctions").send_task_success(
                        taskToken=request["task_token"], output=json.dumps(answer)
                    )
                result = ended(execution)
                assert (result["outcome"], result["error"]["name"]) == ("cancelled", "MLProvisioner.ApprovalInvalid")
                assert stack(result["stack_name"]) is None

    def test_nothing_is_deleted_before_somebody_has_approved_it(self):
        config = develop()
        made = run("deploy-product", config, force=True)
        artifacts = bucket_of(made["stack_name"])
        suite.client("s3").put_object(Bucket=artifacts, Key="model.tar.gz", Body=b"weights")
        execution, request = self.waiting(config, "delete-product", requested_by="arn:aws:iam::123456789012:user/ben")
        assert request["changes"]["deletion"] == "final"
        assert "ArtifactsBucket" in [it["logical_id"] for it in request["changes"]["deletions"]]
        assert "ArtifactsBucket" in [it["logical_id"] for it in request["changes"]["risks"]]
        assert (request["account_id"], request["region"]) == ("123456789012", suite.REGION)
        suite.client("stepfunctions").send_task_failure(
            taskToken=request["task_token"], error="Nope", cause="we need it"
        )
        result = ended(execution)
        assert (result["outcome"], result["error"]["name"]) == ("cancelled", "MLProvisioner.Rejected")
        assert "we need it" in result["error"]["message"]
        suite.client("s3").head_object(Bucket=artifacts, Key="model.tar.gz")

        # The same for a stack that could not be deleted, which is established and holds data.
        suite.client("cloudformation").delete_stack(StackName=made["stack_name"])
        suite.wait("a failed deletion", lambda: stack(made["stack_name"])["StackStatus"] == "DELETE_FAILED")
        execution, request = self.waiting(config, recreate_failed=True)
        assert request["changes"]["deletion"] == "recreated"
        suite.client("s3").head_object(Bucket=artifacts, Key="model.tar.gz")
        self.approve(request)
        assert ended(execution)["outcome"] == "created"

    def test_the_suite_can_require_an_approval(self, cleanup):
        lambdas, name = suite.client("lambda"), suite.setting("MLP_DEPLOY_FUNCTION")
        usual = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**usual, "MLP_REQUIRE_APPROVAL": "prod"}
        cleanup(lambdas.update_function_configuration, FunctionName=name, Environment={"Variables": usual})
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        assert run("deploy-product", develop(), force=True)["outcome"] == "created"
        execution = start("deploy-product", suite.starter(), force=True, approval=False)
        request = self.request(execution)
        suite.client("stepfunctions").send_task_failure(taskToken=request["task_token"])
        assert ended(execution)["error"]["name"] == "MLProvisioner.Rejected"

    def test_a_rejected_deployment_leaves_nothing_behind(self):
        execution, request = self.waiting(develop())
        suite.client("stepfunctions").send_task_failure(
            taskToken=request["task_token"], error="MLProvisioner.Rejected", cause="not before Monday"
        )
        result = ended(execution)
        assert (result["outcome"], result["error"]["name"]) == ("cancelled", "MLProvisioner.Rejected")
        assert "not before Monday" in result["error"]["message"]
        assert stack(result["stack_name"]) is None

    def test_an_approval_that_never_comes_cancels(self):
        execution, _ = self.waiting(develop(), seconds=60)
        result = ended(execution)
        assert (result["outcome"], result["error"]["name"]) == ("cancelled", "MLProvisioner.ApprovalTimedOut")
        assert stack(result["stack_name"]) is None


class TestRepeating:
    """The state machine by hand, so that every task's first answer can get lost."""

    def task(self, state, work, execution):
        if state["Resource"].endswith(":aws-sdk:iam:getRole"):
            role = suite.client("iam").get_role(RoleName=work["role"]["name"])["Role"]
            return {**work, "role": {**work["role"], "seen": {"policy": role["AssumeRolePolicyDocument"]}}}
        if state["Resource"].endswith(":aws-sdk:sagemaker:listModelPackages"):
            found = suite.client("sagemaker").list_model_packages(ModelPackageGroupName=work["registry"]["group"])
            return {**work, "registry": {**work["registry"], "seen": {"found": found["ModelPackageSummaryList"]}}}
        if state["Resource"].endswith(":aws-sdk:iam:getAccountSummary"):
            counts = suite.client("iam").get_account_summary()["SummaryMap"]
            return {**work, "quotas": {**work["quotas"], "account": {"counts": counts}}}
        if state["Resource"].endswith(":aws-sdk:codepipeline:listPipelines"):
            found = [it["name"] for it in suite.client("codepipeline").list_pipelines()["pipelines"]]
            return {**work, "quotas": {**work["quotas"], "listed": {"found": found}}}
        told = state["Parameters"]["Payload"]
        given = work["input"] if told["work.$"] == "$.input" else work
        payload = {"step": told["step"], "execution": execution, "work": given}
        answer = suite.client("lambda").invoke(
            FunctionName=suite.setting("MLP_DEPLOY_FUNCTION"), Payload=json.dumps(payload)
        )
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def chosen(self, state, work):
        for rule in state["Choices"]:
            parts = rule.get("And", [rule])
            if all(self.holds(part, work) for part in parts):
                return rule["Next"]
        return state["Default"]

    def holds(self, rule, work):
        name = rule["Variable"].removeprefix("$.")
        comparison = next(key for key in rule if key not in ("Variable", "Next"))
        wanted = rule[comparison]
        return {
            "StringEquals": lambda: work.get(name) == wanted,
            "BooleanEquals": lambda: work.get(name) is wanted,
            "IsPresent": lambda: (name in work) is wanted,
            "NumericLessThan": lambda: work[name] < wanted,
        }[comparison]()

    def twice(self, action, config):
        """Runs the machine with every task carried out twice; only the second answer counts."""
        execution = (
            f"{suite.setting('MLP_DEPLOY_MACHINE').replace(':stateMachine:', ':execution:')}:r{uuid.uuid4().hex[:12]}"
        )
        work, name, seen = {"action": action, "config": config, "force": True}, MACHINE["StartAt"], []
        while True:
            state = MACHINE["States"][name]
            seen.append(name)
            if state["Type"] == "Task":
                self.task(state, work, execution)
                work, name = self.task(state, work, execution), state["Next"]
            elif state["Type"] == "Pass":
                assert state["Parameters"] == {"input.$": "$"}
                work, name = {"input": work}, state["Next"]
            elif state["Type"] == "Choice":
                name = self.chosen(state, work)
            elif state["Type"] == "Wait":
                time.sleep(0.1)
                name = state["Next"]
            else:
                assert state["Type"] == "Succeed", work
                return work, seen

    def test_every_task_may_run_twice(self):
        config = develop()
        created, seen = self.twice("deploy-product", config)
        assert created["outcome"] == "created"
        assert "ExecuteChangeSet" in seen
        assert self.twice("deploy-product", config)[0]["outcome"] == "unchanged"
        updated, _ = self.twice("deploy-product", config.replace("tier: starter", "tier: professional"))
        assert updated["outcome"] == "updated"
        deleted, _ = self.twice("delete-product", config)
        assert deleted["outcome"] == "deleted"
        assert stack(created["stack_name"]) is None
