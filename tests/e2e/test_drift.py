"""Products that somebody changed by hand: found with the right values, remediated, and nothing else is found."""

import concurrent.futures
import json
import re
import time
import uuid

import pytest

from mlp_tests import suite
from mlp_tests.commands import mlp
from mlp_tests.deploying import run as execute
from mlp_tests.queues import Listener, received
from mlp_tests.vpc import endpoint_group, network

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ENTERPRISE = "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct.yaml"


def invoke(event):
    """Calls the function as the schedule does, but waits for its answer."""
    answer = suite.client("lambda").invoke(FunctionName=suite.setting("MLP_DRIFT_FUNCTION"), Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise AssertionError(payload)
    return payload


def check(*stacks, **more):
    """A run over these stacks; returns its name and the reports by stack."""
    run = f"t-{time.strftime('%Y-%m-%dT%H-%M-%S')}-{uuid.uuid4().hex[:6]}"
    answer = invoke({"scheduled": run, "stacks": list(stacks), **more})
    if answer["outcome"] != "done":
        raise AssertionError(answer)
    return run, {name: json.loads(suite.read(f"reports/drift/latest/stacks/{name}.json")) for name in stacks}


def found(report):
    """What counts, in short."""
    return sorted(
        (f["kind"], f["logical_id"], f["property"]) for f in report["findings"] if f["kind"] != "not-checkable"
    )


def drop(text):
    """Drops a config into the bucket and waits until its template is there; returns its key."""
    key = f"configs/drift-{uuid.uuid4().hex[:10]}.yaml"
    version = suite.upload(key, text)
    suite.status(key, version)
    return key


def in_a_vpc(config):
    """The config with the ids of a VPC that is there."""
    vpc, subnets = network(block=20)
    for given, created in zip(
        ("vpc-0a1b2c3d4e5f60718", "subnet-0123456789abcdef0", "subnet-0fedcba9876543210"), (vpc, *subnets), strict=True
    ):
        config = config.replace(given, created)
    return config


class TestProduct:
    """A deployed product of the highest tier."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def product(request):
        cls = request.cls
        config = next(path for path in suite.examples() if path.name == ENTERPRISE).read_text(encoding="utf-8")
        account = suite.client("sts").get_caller_identity()["Account"]
        config = config.replace("444455556666", account).replace("env: prod", "env: dev")
        config = config.replace("tenant_id: c001", f"tenant_id: t{uuid.uuid4().hex[:5]}")
        cls.key = drop(in_a_vpc(config))
        cls.config = {"bucket": suite.bucket(), "key": cls.key}
        created = execute("deploy-product", cls.config, force=True)
        if created["outcome"] != "created":
            raise AssertionError(created)
        cls.stack, cls.ml_name = created["stack_name"], created["ml_name"]
        listed = suite.client("cloudformation").list_stack_resources(StackName=cls.stack)["StackResourceSummaries"]
        cls.physical = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed}

        yield
        execute("delete-product", cls.config, force=True)

    def test_a_product_as_deployed_is_in_sync(self):
        _, reports = check(self.stack)
        report = reports[self.stack]
        assert (found(report), report["verdict"]) == ([], "in-sync")
        coverage = report["coverage"]
        assert coverage["resources"] == 41
        assert (coverage["by_probe"], coverage["not_checkable"], coverage["could_not_check"]) == (2, 0, 0), report

    def test_what_was_changed_by_hand_is_found_and_nothing_else_is(self, cleanup):
        ssm, iam, logs, s3, kms = (suite.client(name) for name in ("ssm", "iam", "logs", "s3", "kms"))
        physical = self.physical
        prefix = f"/ml/{self.ml_name}"
        ssm.put_parameter(Name=f"{prefix}/BucketName", Value="somebody-elses", Overwrite=True)
        ssm.delete_parameter(Name=f"{prefix}/KmsKeyArn")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
        iam.update_assume_role_policy(RoleName=physical["SagemakerRole"], PolicyDocument=json.dumps(trust))
        logs.put_retention_policy(logGroupName=physical["SecurityLogGroup"], retentionInDays=1)
        s3.put_bucket_versioning(Bucket=physical["ArtifactsBucket"], VersioningConfiguration={"Status": "Suspended"})
        iam.attach_role_policy(RoleName=physical["CodebuildRole"], PolicyArn=ADMINISTRATOR)
        iam.detach_role_policy(RoleName=physical["CodebuildRole"], PolicyArn=physical["BuildPolicy"])
        written = self.document(physical["DeployPolicy"])
        first, *others = written["Statement"]
        self.rewrite(physical["DeployPolicy"], {**written, "Statement": [{**first, "Resource": "*"}, *others]})
        iam.put_role_policy(
            RoleName=physical["CodepipelineRole"],
            PolicyName="mine",
            PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
            ),
        )
        policy = json.loads(kms.get_key_policy(KeyId=physical["KmsKey"], PolicyName="default")["Policy"])
        policy["Statement"].append(
            {"Sid": "Anybody", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
        )
        kms.put_key_policy(KeyId=physical["KmsKey"], PolicyName="default", Policy=json.dumps(policy))
        repository = f"{self.ml_name}-model-build"
        suite.client("codecommit").update_repository_name(oldName=repository, newName=f"{repository}-mine")
        build = suite.client("codebuild").batch_get_projects(names=[physical["ModelBuildProject"]])["projects"][0]
        suite.client("codebuild").update_project(
            name=build["name"], environment={**build["environment"], "privilegedMode": True}, vpcConfig={}
        )

        people = Listener(cleanup).subscribe(suite.setting("MLP_DRIFT_TOPIC"))
        machines = Listener(cleanup).watch({"source": ["ml-provisioner"]})
        _, reports = check(self.stack)
        report = reports[self.stack]
        administrator = ("CodebuildRole", "/ManagedPolicyArns/arn:aws:iam::aws:policy~1AdministratorAccess")
        assert found(report) == sorted(
            [
                ("drifted", "BucketNameParameter", "/Value"),
                ("deleted", "KmsKeyArnParameter", ""),
                ("drifted", "SecurityLogGroup", "/RetentionInDays"),
                ("drifted", *administrator),
                ("drifted", "CodebuildRole", "/ManagedPolicyArns/0"),
                ("drifted", "CodepipelineRole", "/Policies/mine"),
                ("drifted", "DeployPolicy", "/PolicyDocument"),
                ("drifted", "KmsKey", "/KeyPolicy"),
                ("drifted", "ModelBuildRepository", "/RepositoryName"),
                ("drifted", "ModelBuildProject", "/Environment/PrivilegedMode"),
                ("drifted", "ModelBuildProject", "/VpcConfig"),
                ("drifted", "ArtifactsBucket", "/VersioningConfiguration/Status"),
                *(
                    ("drifted", "SagemakerRole", f"/AssumeRolePolicyDocument/Statement/0/{word}")
                    for word in ("Condition", "Principal/AWS", "Principal/Service", "Sid")
                ),
            ]
        )
        assert report["verdict"] == "drifted"
        by_place = {(f["logical_id"], f["property"]): f for f in report["findings"]}
        value = by_place["BucketNameParameter", "/Value"]
        assert (value["expected"]["text"], value["actual"]["text"]) == (physical["ArtifactsBucket"], "somebody-elses")
        retention = by_place["SecurityLogGroup", "/RetentionInDays"]
        assert (retention["expected"]["text"], retention["actual"]["text"]) == ("365", "1")
        attached = by_place[administrator]
        assert (attached["severity"], attached["source"]) == ("high", "probe")
        assert "detach-role-policy" in attached["remediation"]
        edited = by_place["DeployPolicy", "/PolicyDocument"]
        assert (edited["severity"], edited["source"]) == ("high", "probe")
        assert (
            f"create-policy-version --set-as-default --policy-arn {physical['DeployPolicy']}" in edited["remediation"]
        )

        # The fleet's page, people and machines are told of it, once.
        fleet = json.loads(suite.read("reports/drift/latest/fleet.json"))
        new = [f for f in fleet["new"] if f["stack_name"] == self.stack]
        assert len(new) == len(found(report))
        assert self.stack in suite.read("reports/drift/latest/index.html").decode()
        check(self.stack)
        fleet = json.loads(suite.read("reports/drift/latest/fleet.json"))
        assert [f for f in fleet["new"] if f["stack_name"] == self.stack] == []
        (message,), (event,) = people.received(), machines.received()
        assert " ".join(administrator) in message["Message"]
        assert message["Subject"].startswith("Drift: "), message
        assert (event["source"], event["detail-type"]) == ("ml-provisioner", "ML Provisioner Drift Changed")
        assert event["detail"]["new_count"] == len(new)

        # What CloudFormation sees it puts back; what it doesn't see is put back by what the report says.
        assert report["remediation"]["input"]["config"] == self.config
        remediated = execute(**report["remediation"]["input"])
        assert remediated["outcome"] == "updated", remediated
        _, reports = check(self.stack)
        assert found(reports[self.stack]) == sorted(
            [
                ("drifted", *administrator),
                ("drifted", "CodepipelineRole", "/Policies/mine"),
                ("drifted", "DeployPolicy", "/PolicyDocument"),
                ("drifted", "KmsKey", "/KeyPolicy"),
                ("drifted", "ModelBuildProject", "/Environment/PrivilegedMode"),
                ("drifted", "ModelBuildProject", "/VpcConfig"),
            ]
        )
        iam.detach_role_policy(RoleName=physical["CodebuildRole"], PolicyArn=ADMINISTRATOR)
        iam.delete_role_policy(RoleName=physical["CodepipelineRole"], PolicyName="mine")
        self.rewrite(physical["DeployPolicy"], written)
        policy["Statement"].pop()
        kms.put_key_policy(KeyId=physical["KmsKey"], PolicyName="default", Policy=json.dumps(policy))
        suite.client("codebuild").update_project(
            name=build["name"], environment=build["environment"], vpcConfig=build["vpcConfig"]
        )
        _, reports = check(self.stack)
        assert (found(reports[self.stack]), reports[self.stack]["verdict"]) == ([], "in-sync")

    def document(self, arn):
        iam = suite.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def rewrite(self, arn, document):
        suite.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)

    def test_todays_config_and_the_ignore_list_count(self, cleanup):
        text = suite.read(self.key).decode()
        version = suite.upload(self.key, text.replace("cost_center: treasury-7310", "cost_center: other"))
        suite.status(self.key, version)
        cleanup(lambda: suite.status(self.key, suite.upload(self.key, text)))
        _, reports = check(self.stack)
        told = {(kind, where) for kind, _, where in found(reports[self.stack])}
        assert (told, reports[self.stack]["verdict"]) == ({("config-drift", "/Tags")}, "drifted")
        entry = {
            "stack": self.stack,
            "logical_id": "*",
            "property": "/Tags",
            "reason": "a test",
            "who": "me",
            "expires": "2999-01-01",
        }
        cleanup(suite.client("s3").delete_object, Bucket=suite.bucket(), Key="drift-ignore.yaml")
        suite.upload("drift-ignore.yaml", json.dumps({"ignore": [entry]}))
        _, reports = check(self.stack)
        assert (found(reports[self.stack]), reports[self.stack]["verdict"]) == ([], "in-sync")
        assert {(i["who"], len(i["entries"])) for i in reports[self.stack]["ignored"]} == {("me", 1)}

    def test_mlp_says_it_with_its_exit_status(self, cleanup):
        assert "in sync" in mlp("check-drift", "--stack", self.stack)
        logs, group = suite.client("logs"), self.physical["SecurityLogGroup"]
        logs.put_retention_policy(logGroupName=group, retentionInDays=7)
        cleanup(logs.put_retention_policy, logGroupName=group, retentionInDays=365)
        told = mlp("check-drift", "--stack", self.stack, status=1)
        assert "`/RetentionInDays` of `SecurityLogGroup`" in told
        result = json.loads(mlp("--format", "json", "check-drift", "--prefix", self.stack, status=1))
        assert (result["totals"]["drifted"], result["stacks"][0]["findings"][0]["actual"]["text"]) == (1, "7")
        mlp("check-drift", "--stack", "nobodys-stack", status=3)
        mlp("check-drift", "--prefix", "nobodys-", status=3)

    def test_the_state_machine_does_what_one_invocation_can_not(self, cleanup):
        run = f"m-{uuid.uuid4().hex[:10]}"
        name = suite.setting("MLP_DRIFT_FUNCTION")
        lambdas = suite.client("lambda")
        environment = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        cleanup(lambdas.update_function_configuration, FunctionName=name, Environment={"Variables": environment})
        lambdas.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**environment, "MLP_DRIFT_THRESHOLD": "0"}}
        )
        answer = invoke({"scheduled": run, "stacks": [self.stack]})
        assert (answer["outcome"], answer["checked"]) == ("handed-over", 0)
        assert invoke({"scheduled": run, "stacks": [self.stack]})["outcome"] == "in-progress", "once"
        execution = suite.setting("MLP_DRIFT_MACHINE").replace(":stateMachine:", ":execution:") + f":{run}"

        def ended():
            state = suite.client("stepfunctions").describe_execution(executionArn=execution)
            return state if state["status"] != "RUNNING" else None

        state = suite.wait("the execution", ended, 90)
        assert state["status"] == "SUCCEEDED", state
        assert json.loads(state["output"])["outcome"] == "done"
        report = json.loads(suite.read(f"reports/drift/runs/{run}/stacks/{self.stack}.json"))
        assert (report["run"], report["coverage"]["resources"]) == (run, 41)


class TestThousand:
    """As many stacks as the state machine is for: about a minute, because every check is a call of the real function."""

    STACKS = 1000

    def test_none_is_lost_and_the_one_that_was_changed_is_found(self, cleanup):
        cfn, prefix = suite.client("cloudformation"), f"thousand-{uuid.uuid4().hex[:6]}-"
        body = json.dumps(
            {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 365}}}}
        )
        tags = [{"Key": "ManagedBy", "Value": "ml-provisioner"}]
        names = [f"{prefix}{number:04}-stack" for number in range(self.STACKS)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            cleanup(self.delete, names)
            list(pool.map(lambda name: cfn.create_stack(StackName=name, TemplateBody=body, Tags=tags), names))
        resources = cfn.list_stack_resources(StackName=names[7])["StackResourceSummaries"]
        suite.client("logs").put_retention_policy(logGroupName=resources[0]["PhysicalResourceId"], retentionInDays=1)
        run = f"k-{uuid.uuid4().hex[:10]}"
        assert invoke({"scheduled": run, "prefix": prefix})["outcome"] == "handed-over"
        execution = suite.setting("MLP_DRIFT_MACHINE").replace(":stateMachine:", ":execution:") + f":{run}"

        def ended():
            state = suite.client("stepfunctions").describe_execution(executionArn=execution)
            return state if state["status"] != "RUNNING" else None

        state = suite.wait("the execution", ended, 300)
        assert state["status"] == "SUCCEEDED", state
        fleet = json.loads(suite.read(f"reports/drift/runs/{run}/fleet.json"))
        verdicts = {line["stack_name"]: line["verdict"] for line in fleet["stacks"] if line["run"] == run}
        assert sorted(verdicts) == names
        assert [name for name, verdict in verdicts.items() if verdict != "in-sync"] == [names[7]]

    def delete(self, names):
        cfn = suite.client("cloudformation")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: cfn.delete_stack(StackName=name), names))


class TestOthers:
    def test_a_product_whose_network_comes_from_parameter_store_is_in_sync(self, cleanup):
        ssm = suite.client("ssm")
        vpc, subnets = network(block=30)
        group = endpoint_group(vpc, "builds")
        top = f"/vpc/network-{uuid.uuid4().hex[:6]}"
        for name, kind, value in (
            ("vpc/main/VPCId", "String", vpc),
            ("sg/ml/SecurityGroupId", "String", group),
            ("vpc/main/PrivateSubnetIds", "StringList", ",".join(subnets)),
        ):
            ssm.put_parameter(Name=f"{top}/{name}", Type=kind, Value=value)
        text = next(p for p in suite.examples() if p.name.endswith("codecommit-sgprov-ssm.yaml")).read_text(
            encoding="utf-8"
        )
        account = suite.client("sts").get_caller_identity()["Account"]
        text = text.replace("444455556666", account).replace("env: prod", "env: dev")
        text = text.replace("tenant_id: c001", f"tenant_id: t{uuid.uuid4().hex[:5]}")
        text = text.replace("/vpc/main/", f"{top}/vpc/main/").replace("/sg/ml/", f"{top}/sg/ml/")
        created = execute("deploy-product", text, force=True)
        assert created["outcome"] == "created", created
        cleanup(execute, "delete-product", text, force=True)
        _, reports = check(created["stack_name"])
        report = reports[created["stack_name"]]
        assert (found(report), report["verdict"]) == ([], "in-sync")
        assert report["coverage"]["by_probe"] == 2

    def test_a_stack_that_is_deleted_is_gone_and_strangers_are_left_alone(self, cleanup):
        cfn = suite.client("cloudformation")
        name = f"stranger-{uuid.uuid4().hex[:6]}"
        body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        cfn.create_stack(StackName=name, TemplateBody=body)
        cleanup(cfn.delete_stack, StackName=name)
        run = f"o-{uuid.uuid4().hex[:8]}"
        answer = invoke({"scheduled": run, "prefix": name})
        assert answer["outcome"] == "done"
        assert json.loads(suite.read(f"reports/drift/runs/{run}/stacks.json")) == []

    def test_a_stack_that_never_came_to_be_keeps_nobody_waiting_and_is_not_in_sync(self, cleanup):
        cleanup(suite.faults, clear=True)
        suite.faults(resource_type="AWS::CodeBuild::Project", message="no capacity")
        config = suite.starter(**{"env: prod": "env: dev"})
        failed = execute("deploy-product", config, force=True)
        assert failed["stack_status"] == "ROLLBACK_COMPLETE"
        suite.faults(clear=True)
        cleanup(execute, "delete-product", config, force=True)
        _, reports = check(failed["stack_name"])
        report = reports[failed["stack_name"]]
        assert (report["verdict"], found(report)) == ("could-not-check", [("could-not-check", "", "")])
        assert "ROLLBACK_COMPLETE" in report["findings"][0]["message"]
        assert "recreate_failed" in report["findings"][0]["remediation"]

    def test_the_schedule_calls_the_function_with_its_time(self):
        schedules = suite.client("scheduler").list_schedules()["Schedules"]
        drift = [s for s in schedules if s["Name"].endswith("-drift")]
        assert len(drift) == 1
        schedule = suite.client("scheduler").get_schedule(Name=drift[0]["Name"], GroupName=drift[0]["GroupName"])
        assert json.loads(schedule["Target"]["Input"]) == {"scheduled": "<aws.scheduler.scheduled-time>"}
        assert suite.setting("MLP_DRIFT_FUNCTION") in schedule["Target"]["Arn"]
        before = self.runs()
        suite.control("schedules/fire", name=schedule["Name"])
        run = suite.wait("the run", lambda: next(iter(self.runs() - before), None), 60)
        assert re.search(r"^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$", run)
        suite.wait("its summary", lambda: suite.exists(f"reports/drift/runs/{run}/fleet.json"), 60)

    def runs(self):
        """Runs that the schedule has begun: their names begin with their time."""
        pages = (
            suite.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=suite.bucket(), Prefix="reports/drift/runs/2", Delimiter="/")
        )
        return {prefix["Prefix"].split("/")[3] for page in pages for prefix in page.get("CommonPrefixes", [])}

    def test_a_run_that_fails_for_good_waits_in_the_queue(self):
        queue = suite.setting("MLP_DRIFT_FAILURES_URL")
        name = f"lost-{uuid.uuid4().hex[:8]}"
        suite.client("lambda").invoke(
            FunctionName=suite.setting("MLP_DRIFT_FUNCTION"),
            InvocationType="Event",
            Payload=json.dumps({"prefx": name}),
        )

        def kept():
            return next(
                (body for body in received(queue, delete=True) if body["requestPayload"] == {"prefx": name}), None
            )

        assert suite.wait("the event", kept, 60)["requestContext"]["condition"] == "RetriesExhausted"

    def test_what_the_schedules_cannot_deliver_goes_there_too(self):
        queue = suite.client("sqs").get_queue_attributes(
            QueueUrl=suite.setting("MLP_DRIFT_FAILURES_URL"), AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        schedules = [s for s in suite.client("scheduler").list_schedules()["Schedules"] if "-drift" in s["Name"]]
        for schedule in schedules:
            found = suite.client("scheduler").get_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
            assert found["Target"]["DeadLetterConfig"] == {"Arn": queue}

    def test_a_run_over_everything_is_seen_by_the_alarm_that_waits_for_it(self):
        alarms = suite.client("cloudwatch").describe_alarms()["MetricAlarms"]
        (alarm,) = [a for a in alarms if a["MetricName"] == "FleetRuns"]
        assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (3600, 26, "breaching")

        def seen():
            metrics = suite.client("cloudwatch").list_metrics(Namespace=alarm["Namespace"], MetricName="FleetRuns")[
                "Metrics"
            ]
            return any(metric["Dimensions"] == alarm["Dimensions"] for metric in metrics)

        invoke({"scheduled": f"w-{uuid.uuid4().hex[:10]}"})
        assert suite.wait("the metric", seen, 30)

    def test_an_event_with_a_mistake_says_what_it_takes(self):
        with pytest.raises(AssertionError, match="prefix"):
            invoke({"prefx": "x"})
