"""`Custom::MLProduct`: templates without a macro get products, through the same state machine."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlp_tests import suite
from mlp_tests.deploying import bucket_of, stack


def properties(**more):
    return {
        "ServiceToken": suite.setting("MLP_SERVICE_TOKEN"),
        "CompanyPrefix": "techcorp",
        "TenantId": "t" + uuid.uuid4().hex[:7],
        "Environment": "dev",
        "UseCase": "churn",
        "Tier": "starter",
        "SourceControl": "codecommit",
        "Tags": {"cost_center": "Churn", "project": "Churn", "owner": "team"},
        **more,
    }


def template(given, **more):
    resources = {
        "Product": {"Type": "Custom::MLProduct", "Properties": given},
        "Told": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["Product", "ModelPackageGroupArn"]}},
        },
    }
    outputs = {
        "Product": {"Value": {"Ref": "Product"}},
        "Name": {"Value": {"Fn::GetAtt": ["Product", "MlName"]}},
        "Models": {"Value": {"Fn::GetAtt": ["Product", "ModelPackageGroupArn"]}},
    }
    return json.dumps({"Resources": {**resources, **more}, "Outputs": outputs})


def settled(name, seconds=120):
    def look():
        found = stack(name)
        return (
            found or {"StackStatus": "GONE"} if not found or not found["StackStatus"].endswith("_IN_PROGRESS") else None
        )

    return suite.wait(f"end of the operation on {name}", look, seconds)


def outputs(found):
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def reasons(name):
    events = suite.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events if event["LogicalResourceId"] == "Product"]


def request_of(execution):
    """The key of the request that an execution answers."""
    listed = suite.client("s3").list_objects_v2(Bucket=suite.bucket(), Prefix="pending/requests/")["Contents"]
    return next(it["Key"] for it in listed if it["Key"].endswith(f"/{execution.rsplit(':', 1)[1]}.json"))


class TestCustomResource:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        cleanup(suite.faults, clear=True)
        self.cloudformation = suite.client("cloudformation")
        self.name = "custom-" + uuid.uuid4().hex[:8]

    def create(self, given, name=None, **more):
        name = name or self.name
        self.cloudformation.create_stack(StackName=name, TemplateBody=template(given, **more), OnFailure="ROLLBACK")
        return settled(name)

    def update(self, given):
        self.cloudformation.update_stack(StackName=self.name, TemplateBody=template(given))
        return settled(self.name)

    def delete(self, name=None):
        name = name or self.name
        self.cloudformation.delete_stack(StackName=name)
        return settled(name)

    def deletion_by_hand(self, product, **more):
        """An execution, at its end, that deletes a product's stack without a request of CloudFormation."""
        machine = suite.client("stepfunctions")
        given = {"action": "delete-product", "stack": product, "force": True, **more}
        started = machine.start_execution(stateMachineArn=suite.setting("MLP_DEPLOY_MACHINE"), input=json.dumps(given))

        def ended():
            found = machine.describe_execution(executionArn=started["executionArn"])
            return found if found["status"] != "RUNNING" else None

        return suite.wait("the refusal", ended, 60)

    def test_a_product_is_created_updated_and_deleted_with_the_stack_that_names_it(self):
        given = properties()
        found = self.create(given)
        assert found["StackStatus"] == "CREATE_COMPLETE", reasons(self.name)
        values = outputs(found)
        assert values["Name"] == f"techcorp-dev-{given['TenantId']}-{suite.REGION}-churn-ml"
        assert ":model-package-group/" in values["Models"]
        product = stack(values["Product"])
        assert product["StackName"] == f"{values['Name']}-stack"
        owner = {tag["Key"]: tag["Value"] for tag in product["Tags"]}["ml-provisioner:owner"]
        assert owner.startswith(f"{self.name}/") and owner.endswith("/Product"), owner

        found = self.update({**given, "Tier": "professional", "AlertsEmail": "team@example.org"})
        assert found["StackStatus"] == "UPDATE_COMPLETE", reasons(self.name)
        assert outputs(found)["Product"] == values["Product"]
        tiers = {tag["Key"]: tag["Value"] for tag in stack(values["Product"])["Tags"]}
        assert tiers["ml-provisioner:tier"] == "professional"

        assert self.delete()["StackStatus"] == "GONE"
        assert stack(product["StackName"]) is None

    def test_no_request_keeps_its_address_and_no_execution_shows_it(self):
        given = properties()
        self.create(given)
        machine = suite.client("stepfunctions")
        listed = machine.list_executions(stateMachineArn=suite.setting("MLP_DEPLOY_MACHINE"))["executions"]
        own = [it for it in listed if it["name"].startswith("custom-Product-")]
        own = [
            it
            for it in own
            if given["TenantId"] in machine.describe_execution(executionArn=it["executionArn"])["input"]
        ]
        assert len(own) == 1
        events = machine.get_execution_history(executionArn=own[0]["executionArn"], maxResults=1000)
        assert "cfn-response" not in json.dumps(events, default=str)
        kept = json.loads(suite.read(request_of(own[0]["executionArn"])))
        assert sorted(kept) == ["respond"]
        self.delete()

    def test_mistakes_are_told_in_the_words_of_the_properties_and_nothing_is_left(self):
        found = self.create(properties(Tier="premium", Tyer="starter"))
        assert found["StackStatus"] == "ROLLBACK_COMPLETE"
        told = " ".join(reasons(self.name))
        assert "/Resources/Product/Properties/Tier" in told
        assert "Tyer" in told
        self.delete()

    def test_a_product_that_fails_to_come_up_is_removed_with_the_rollback(self):
        given = properties()
        suite.faults(resource_type="AWS::CodeBuild::Project", message="no more projects")
        found = self.create(given)
        assert found["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "no more projects" in " ".join(reasons(self.name))
        suite.faults(clear=True)
        assert stack(f"techcorp-dev-{given['TenantId']}-{suite.REGION}-churn-ml-stack") is None
        self.delete()

    def test_deleting_one_never_deletes_anothers_stack(self):
        given = properties()
        first = self.create(given)
        product = outputs(first)["Product"]
        other = self.name + "-other"
        second = self.create(given, other)
        assert second["StackStatus"] == "ROLLBACK_COMPLETE"
        assert "belongs to another custom resource" in " ".join(reasons(other))
        self.delete(other)
        assert stack(product)["StackStatus"] == "CREATE_COMPLETE"

        # Nor does an execution that a user starts.
        assert self.deletion_by_hand(product)["error"] == "MLProvisioner.StackTaken"
        self.delete()
        assert stack(product)["StackStatus"] == "DELETE_COMPLETE"

    def test_a_product_never_becomes_another_by_an_update(self):
        given = properties()
        product = outputs(self.create(given))["Product"]
        found = self.update({**given, "UseCase": "fraud"})
        assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert "would become another one" in " ".join(reasons(self.name))
        assert stack(product)["StackStatus"] == "CREATE_COMPLETE"
        self.delete()

    def invoke(self, event):
        answer = suite.client("lambda").invoke(
            FunctionName=suite.setting("MLP_SERVICE_TOKEN"), Payload=json.dumps(event)
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def test_a_late_or_repeated_request_does_no_harm(self):
        given = properties()
        product = outputs(self.create(given))["Product"]
        with Listener() as listener:
            event = {
                "RequestType": "Create",
                "RequestId": str(uuid.uuid4()),
                "ResponseURL": listener.url,
                "StackId": stack(self.name)["StackId"],
                "LogicalResourceId": "Product",
                "ResourceType": "Custom::MLProduct",
                "ResourceProperties": given,
            }
            assert self.invoke(event) == "late"
            self.delete()
            assert stack(product)["StackStatus"] == "DELETE_COMPLETE"
            # The stack that it is for is gone, and so is what it would make.
            assert self.invoke({**event, "StackId": product}) == "late"
            assert stack(product.split("/")[1]) is None
            # A deletion that comes again, and once more: CloudFormation is done with it.
            gone = {**event, "RequestType": "Delete", "PhysicalResourceId": product}
            assert [self.invoke(gone), self.invoke(gone)] == ["late", "late"]
            # Should somebody wait for one of them after all, it was answered.
            assert [answer["Status"] for answer in listener.answers] == ["FAILED"] * 4

    def test_a_deletion_that_somebody_makes_up_deletes_nothing(self, subtests):
        given = properties()
        product = outputs(self.create(given))["Product"]
        respond = {
            "request_type": "Delete",
            "stack_id": stack(self.name)["StackId"],
            "request_id": "r",
            "logical_resource_id": "Product",
            "physical_resource_id": product,
            "answer_by": 2**40,
        }
        with Listener() as listener:
            event = {
                "RequestType": "Delete",
                "RequestId": str(uuid.uuid4()),
                "ResponseURL": listener.url,
                "StackId": respond["stack_id"],
                "LogicalResourceId": "Product",
                "PhysicalResourceId": product,
                "ResourceType": "Custom::MLProduct",
                "ResourceProperties": given,
            }
            assert self.invoke(event) == "late"
            assert [answer["Status"] for answer in listener.answers] == ["FAILED"]
        # Nor when the resource was updated once, whatever the request calls it: the owner's ids and the properties are those
        # of the product that somebody wants gone.
        raised = {**given, "Tier": "professional"}
        assert self.update(raised)["StackStatus"] == "UPDATE_COMPLETE", reasons(self.name)
        suite.client("s3").put_object(Bucket=bucket_of(product), Key="model.tar.gz", Body=b"weights")
        for forged in (None, "x", product, product.rsplit("/", 1)[0] + "/another"):
            with subtests.test(forged), Listener() as listener:
                more = {} if forged is None else {"PhysicalResourceId": forged}
                event = {
                    "RequestType": "Delete",
                    "RequestId": str(uuid.uuid4()),
                    "ResponseURL": listener.url,
                    "StackId": respond["stack_id"],
                    "LogicalResourceId": "Product",
                    "ResourceType": "Custom::MLProduct",
                    "ResourceProperties": raised,
                    **more,
                }
                assert self.invoke(event) == "late"
                assert [answer["Status"] for answer in listener.answers] == ["FAILED"]
        suite.client("s3").head_object(Bucket=bucket_of(product), Key="model.tar.gz")
        # Nor does an execution that says whom it answers.
        assert self.deletion_by_hand(product, respond=respond)["error"] == "MLProvisioner.InvalidInput"
        assert stack(product)["StackStatus"] == "UPDATE_COMPLETE"
        self.delete()
        assert stack(product)["StackStatus"] == "DELETE_COMPLETE"

    def test_properties_that_somebody_makes_up_while_cloudformation_waits_begin_nothing(self):
        given = properties()
        product = outputs(self.create(given))["Product"]
        suite.faults(stack_seconds=10)
        self.cloudformation.update_stack(StackName=self.name, TemplateBody=template({**given, "Tier": "professional"}))

        def look():
            found = self.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId="Product")
            return found["StackResourceDetail"]["ResourceStatus"]

        suite.wait("the update", lambda: look() == "UPDATE_IN_PROGRESS", 30)
        with Listener() as listener:
            event = {
                "RequestType": "Update",
                "RequestId": str(uuid.uuid4()),
                "ResponseURL": listener.url,
                "StackId": stack(self.name)["StackId"],
                "LogicalResourceId": "Product",
                "PhysicalResourceId": product,
                "ResourceType": "Custom::MLProduct",
                "ResourceProperties": {**given, "Tier": "enterprise"},
            }
            assert self.invoke(event) == "answered"
            assert [answer["Status"] for answer in listener.answers] == ["FAILED"]
            assert "/Tier" in listener.answers[0]["Reason"]
        suite.faults(clear=True)
        assert settled(self.name)["StackStatus"] == "UPDATE_COMPLETE", reasons(self.name)
        tags = {tag["Key"]: tag["Value"] for tag in stack(product)["Tags"]}
        assert tags["ml-provisioner:tier"] == "professional"
        self.delete()

    def test_a_deletion_that_overtakes_the_creation_leaves_nothing(self):
        """CloudFormation calls a creation off when another resource fails, and sends the deletion at once."""
        given = properties()
        suite.faults(stack_seconds=15)
        self.cloudformation.create_stack(StackName=self.name, TemplateBody=template(given), OnFailure="ROLLBACK")
        name = f"techcorp-dev-{given['TenantId']}-{suite.REGION}-churn-ml-stack"
        suite.wait(
            "the product's stack", lambda: stack(name) and stack(name)["StackStatus"] == "CREATE_IN_PROGRESS", 60
        )
        with Listener() as listener:
            event = {
                "RequestType": "Delete",
                "RequestId": str(uuid.uuid4()),
                "ResponseURL": listener.url,
                "StackId": stack(self.name)["StackId"],
                "LogicalResourceId": "Product",
                "PhysicalResourceId": f"{self.name}-Product-1ABC",
                "ResourceType": "Custom::MLProduct",
                "ResourceProperties": given,
            }
            # The emulator never calls a creation off, so this says what CloudFormation would say then.
            suite.control("custom", stack=self.name, resource="Product", status="DELETE_IN_PROGRESS")
            assert self.invoke(event) == "started"
            suite.faults(clear=True)
            answer = suite.wait("the answer", lambda: listener.answers and listener.answers[0], 180)
            assert answer["Status"] == "SUCCESS", answer
        assert stack(name) is None, "neither of the two leaves a product that is nobody's"
        settled(self.name)
        self.delete()

    def test_a_resource_that_leaves_the_template_takes_its_product_along(self):
        product = outputs(self.create(properties()))["Product"]
        rest = {"Resources": {"Rest": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}}
        self.cloudformation.update_stack(StackName=self.name, TemplateBody=json.dumps(rest))
        assert settled(self.name)["StackStatus"] == "UPDATE_COMPLETE", reasons(self.name)
        assert stack(product)["StackStatus"] == "DELETE_COMPLETE"
        self.delete()

    def test_an_execution_that_is_stopped_is_answered_in_its_place(self):
        machine = suite.client("stepfunctions")
        given = properties()
        product = outputs(self.create(given))["Product"]

        def running():
            listed = machine.list_executions(
                stateMachineArn=suite.setting("MLP_DEPLOY_MACHINE"), statusFilter="RUNNING"
            )["executions"]
            own = [it["executionArn"] for it in listed if it["name"].startswith("custom-Product-")]
            return [arn for arn in own if product in machine.describe_execution(executionArn=arn)["input"]]

        # What is deleted slowly can be stopped in the middle.
        suite.faults(stack_seconds=20)
        self.cloudformation.delete_stack(StackName=self.name)
        (execution,) = suite.wait("the execution", running, 60)
        machine.stop_execution(executionArn=execution, cause="by hand")
        suite.faults(clear=True)
        assert settled(self.name)["StackStatus"] == "DELETE_FAILED"
        assert "was stopped by somebody" in " ".join(reasons(self.name))
        assert self.delete()["StackStatus"] == "GONE"
        assert stack(product)["StackStatus"] == "DELETE_COMPLETE"


class Listener:
    """Hears answers as CloudFormation does."""

    def __enter__(self):
        answers = self.answers = []

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/answer?signature=secret"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
