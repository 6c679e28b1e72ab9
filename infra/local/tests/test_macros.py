"""Macros: the request, the answers, the order, and where errors show."""

import json

from mlp_tests import local_suite


def _answering(fragment="$event.fragment", status="success", **more):
    """A shell command that answers a macro request with Python."""
    answer = {"status": status, **more}
    return (
        "python3 -c '" + 'import json,os; event=json.loads(os.environ["FUNCTION_EVENT"]); '
        'answer=json.loads(os.environ["REPLY"]); answer.setdefault("requestId", event["requestId"]); '
        'exec(os.environ.get("CHANGE", "")); print(json.dumps(answer))' + "'"
    ), {
        "REPLY": json.dumps(answer if fragment is None else {**answer, "fragment": None}),
        "CHANGE": ""
        if fragment is None
        else "answer['fragment']=" + fragment.replace("$event.fragment", "event['fragment']"),
    }


class TestMacros(local_suite.StackCase):
    def macro(self, **options):
        command, environment = _answering(**options)
        return self.macro_of(self.suite.function(command, **environment))

    def macro_of(self, function):
        name = local_suite.unique("Macro")
        arn = f"arn:aws:lambda:{local_suite.REGION}:{local_suite.ACCOUNT}:function:{function}"
        body = self.deploy(
            {
                "Resources": {
                    "Macro": {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": name, "FunctionName": arn}}
                },
                "Outputs": {"Ref": {"Value": {"Ref": "Macro"}}},
            }
        )
        assert self.outputs(body)["Ref"] == name
        return name

    def failure(self, template, **options):
        described = self.change_set(local_suite.unique("stack-"), template, **options)
        assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        return described["StatusReason"]

    def test_the_request_is_the_one_that_aws_sends(self):
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": None}}
        name = self.macro(
            fragment=(
                "{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Properties': {'DisplayName': 'x'}}}, "
                "'Outputs': {'Event': {'Value': json.dumps(event)}}}"
            )
        )
        body = self.deploy(
            {
                "AWSTemplateFormatVersion": "2010-09-09",
                "Transform": [
                    {"Name": name, "Parameters": {"Given": {"Ref": "Colour"}, "Where": {"Ref": "AWS::Region"}}}
                ],
                "Parameters": {
                    "Colour": {"Type": "String", "Default": "red"},
                    "Sizes": {"Type": "CommaDelimitedList", "Default": "1, 2"},
                },
                "Resources": {"Topic": {**topic, "Properties": {"DisplayName": {"Ref": "Colour"}}}},
            }
        )
        event = json.loads(self.outputs(body)["Event"])
        assert sorted(event) == [
            "accountId",
            "fragment",
            "params",
            "region",
            "requestId",
            "templateParameterValues",
            "transformId",
        ]
        assert event["region"] == local_suite.REGION
        assert event["accountId"] == local_suite.ACCOUNT
        assert event["transformId"] == f"{local_suite.ACCOUNT}::{name}"
        assert event["params"] == {"Given": "red", "Where": local_suite.REGION}
        assert event["templateParameterValues"] == {"Colour": "red", "Sizes": ["1", "2"]}
        assert "Transform" not in event["fragment"]
        assert event["fragment"]["Resources"]["Topic"]["Properties"]["DisplayName"] == {"Ref": "Colour"}

    def test_both_stages_of_the_template_are_kept(self):
        name = self.macro(fragment="{'Resources': {'Made': {'Type': 'AWS::SNS::Topic'}}}")
        template = {"Transform": name, "Resources": {"Written": {"Type": "Acme::Compact::Thing"}}}
        stack = self.deploy(template)["StackName"]
        original = self.cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
        processed = self.cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        assert "Acme::Compact::Thing" in json.dumps(original)
        assert list(processed["Resources"]) == ["Made"]

    def test_a_refusal_is_the_reason_of_the_change_set(self):
        name = self.macro(fragment=None, status="failed", errorMessage="Fraud.Tier: no tier gold")
        template = {"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
        assert (
            self.failure(template) == f"Transform {local_suite.ACCOUNT}::{name} failed with: Fraud.Tier: no tier gold"
        )

    def test_a_refusal_of_a_template_with_parameters_is_the_reason_too(self):
        name = self.macro(fragment=None, status="failed", errorMessage="no tier gold")
        template = {
            "Transform": name,
            "Parameters": {"Tier": {"Type": "String"}},
            "Resources": {"A": {"Type": "AWS::SNS::Topic"}},
        }
        described = self.change_set(local_suite.unique("stack-"), template, parameters={"Tier": "gold"})
        assert described["Status"] == "FAILED"
        assert "no tier gold" in described["StatusReason"]

    def test_a_refusal_rolls_a_direct_create_back(self):
        name = self.macro(fragment=None, status="failed", errorMessage="no")
        stack = local_suite.unique("stack-")
        self.cloudformation.create_stack(
            StackName=stack,
            Capabilities=["CAPABILITY_AUTO_EXPAND"],
            TemplateBody=json.dumps({"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}),
        )
        body = self.settled(stack)
        assert body["StackStatus"] == "ROLLBACK_COMPLETE"
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        assert f"Transform {local_suite.ACCOUNT}::{name} failed with: no. Rollback requested by user." in [
            e.get("ResourceStatusReason") for e in events
        ]

    def test_answers_that_are_none_are_malformed(self):
        template = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
        for function in (
            self.suite.function("echo text"),
            self.suite.function('echo \'{"status": "success"}\''),
            self.suite.function("exit 3"),
        ):
            name = self.macro_of(function)
            assert (
                self.failure({**template, "Transform": name})
                == f"Received malformed response from transform {local_suite.ACCOUNT}::{name}"
            )

    def test_a_failure_without_a_word_says_so(self):
        name = self.macro(fragment=None, status="nope")
        assert (
            self.failure({"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}})
            == f"Transform {local_suite.ACCOUNT}::{name} failed without an error message."
        )

    def test_an_unknown_macro_is_named(self):
        assert (
            self.failure({"Transform": "Nobody", "Resources": {"A": {"Type": "AWS::SNS::Topic"}}})
            == f"No transform named {local_suite.ACCOUNT}::Nobody found."
        )

    def test_macros_run_in_the_listed_order_and_sam_in_its_place(self):
        first = self.macro(
            fragment="{**event['fragment'], 'Resources': {'Role': {'Type': 'AWS::IAM::Role', "
            "'Properties': {'AssumeRolePolicyDocument': {'Version': '2012-10-17', 'Statement': "
            "[{'Effect': 'Allow', 'Principal': {'Service': 'states.amazonaws.com'}, 'Action': "
            "'sts:AssumeRole'}]}}}, 'Machine': {'Type': 'AWS::Serverless::StateMachine', "
            "'Properties': {'Role': {'Fn::GetAtt': ['Role', 'Arn']}, 'Definition': {'StartAt': "
            "'A', 'States': {'A': {'Type': 'Succeed'}}}}}}}"
        )
        last = self.macro(
            fragment="{**event['fragment'], 'Outputs': {'Types': {'Value': ' '.join(sorted(r['Type'] "
            "for r in event['fragment']['Resources'].values()))}}}"
        )
        body = self.deploy({"Transform": [first, "AWS::Serverless-2016-10-31", last], "Resources": {}})
        assert self.outputs(body)["Types"] == "AWS::IAM::Role AWS::StepFunctions::StateMachine"

    def test_a_snippet_macro_gets_its_siblings(self):
        name = self.macro(
            fragment="{**event['fragment'], 'DisplayName': event['params']['Name'] + event['fragment']['TopicName']}"
        )
        topic = local_suite.unique("topic")
        stack = self.deploy(
            {
                "Parameters": {"Name": {"Type": "String", "Default": "of "}},
                "Resources": {
                    "Topic": {
                        "Type": "AWS::SNS::Topic",
                        "Properties": {
                            "TopicName": topic,
                            "Fn::Transform": {"Name": name, "Parameters": {"Name": {"Ref": "Name"}}},
                        },
                    }
                },
                "Outputs": {"Arn": {"Value": {"Ref": "Topic"}}},
            }
        )
        attributes = self.suite.client("sns").get_topic_attributes(TopicArn=self.outputs(stack)["Arn"])["Attributes"]
        assert attributes["DisplayName"] == f"of {topic}"

    def test_the_result_is_checked_like_any_template(self):
        name = self.macro(
            fragment="{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Properties': "
            "{'DisplayName': {'Ref': 'Missing'}}}}}"
        )
        assert "Unresolved resource dependencies [Missing] in the Resources block" in self.failure(
            {"Transform": name, "Resources": {}}
        )

    def test_the_result_may_not_outgrow_the_request(self):
        name = self.macro(fragment="{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Metadata': 'x' * 60000}}}")
        assert "51200" in self.failure({"Transform": name, "Resources": {}})

    def test_capabilities_for_what_the_macro_made_are_asked_of_the_change_set(self):
        name = self.macro(
            fragment="{'Resources': {'Role': {'Type': 'AWS::IAM::Role', 'Properties': {'RoleName': 'x', "
            "'AssumeRolePolicyDocument': {'Version': '2012-10-17', 'Statement': [{'Effect': "
            "'Allow', 'Principal': {'Service': 'states.amazonaws.com'}, 'Action': "
            "'sts:AssumeRole'}]}}}}}"
        )
        assert (
            self.failure({"Transform": name, "Resources": {}}, Capabilities=[])
            == "Requires capabilities : [CAPABILITY_NAMED_IAM]"
        )

    def test_a_macro_may_call_the_suite_while_it_runs(self):
        command = (
            'curl -sS -o /dev/null "$AWS_ENDPOINT_URL/_mlp/health" && python3 -c \''
            'import json,os; e=json.loads(os.environ["FUNCTION_EVENT"]); print(json.dumps({"requestId": '
            'e["requestId"], "status": "success", "fragment": e["fragment"]}))' + "'"
        )
        name = self.macro_of(self.suite.function(command))
        self.deploy({"Transform": name, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
