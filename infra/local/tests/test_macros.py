"""Macros: the request, the answers, the order, and where errors show."""

import json

import suite


def _answering(fragment="$event.fragment", status="success", **more):
    """A shell command that answers a macro request with Python."""
    answer = {"status": status, **more}
    return ("python3 -c '" + 'import json,os; event=json.loads(os.environ["FUNCTION_EVENT"]); '
            'answer=json.loads(os.environ["REPLY"]); answer.setdefault("requestId", event["requestId"]); '
            'exec(os.environ.get("CHANGE", "")); print(json.dumps(answer))' + "'"), {
        "REPLY": json.dumps(answer if fragment is None else {**answer, "fragment": None}),
        "CHANGE": "" if fragment is None else "answer['fragment']=" + fragment.replace("$event.fragment",
                                                                                         "event['fragment']")}


class Macros(suite.StackCase):
    def macro(self, **options):
        command, environment = _answering(**options)
        return self.macro_of(suite.function(command, **environment))

    def macro_of(self, function):
        name = suite.unique("Macro")
        arn = f"arn:aws:lambda:{suite.REGION}:{suite.ACCOUNT}:function:{function}"
        body = self.deploy({"Resources": {"Macro": {"Type": "AWS::CloudFormation::Macro", "Properties": {
            "Name": name, "FunctionName": arn}}}, "Outputs": {"Ref": {"Value": {"Ref": "Macro"}}}})
        self.assertEqual(self.outputs(body)["Ref"], name)
        return name

    def failure(self, template, **options):
        described = self.change_set(suite.unique("stack-"), template, **options)
        self.assertEqual((described["Status"], described["ExecutionStatus"]), ("FAILED", "UNAVAILABLE"))
        return described["StatusReason"]

    def test_the_request_is_the_one_that_aws_sends(self):
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": None}}
        name = self.macro(fragment=(
            "{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Properties': {'DisplayName': 'x'}}}, "
            "'Outputs': {'Event': {'Value': json.dumps(event)}}}"))
        body = self.deploy({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Transform": [{"Name": name, "Parameters": {"Given": {"Ref": "Colour"}, "Where": {"Ref": "AWS::Region"}}}],
            "Parameters": {"Colour": {"Type": "String", "Default": "red"},
                           "Sizes": {"Type": "CommaDelimitedList", "Default": "1, 2"}},
            "Resources": {"Topic": {**topic, "Properties": {"DisplayName": {"Ref": "Colour"}}}}})
        event = json.loads(self.outputs(body)["Event"])
        self.assertEqual(sorted(event), ["accountId", "fragment", "params", "region", "requestId",
                                         "templateParameterValues", "transformId"])
        self.assertEqual(event["region"], suite.REGION)
        self.assertEqual(event["accountId"], suite.ACCOUNT)
        self.assertEqual(event["transformId"], f"{suite.ACCOUNT}::{name}")
        self.assertEqual(event["params"], {"Given": "red", "Where": suite.REGION})
        self.assertEqual(event["templateParameterValues"], {"Colour": "red", "Sizes": ["1", "2"]})
        self.assertNotIn("Transform", event["fragment"])
        self.assertEqual(event["fragment"]["Resources"]["Topic"]["Properties"]["DisplayName"], {"Ref": "Colour"})

    def test_both_stages_of_the_template_are_kept(self):
        name = self.macro(fragment="{'Resources': {'Made': {'Type': 'AWS::SNS::Topic'}}}")
        template = {"Transform": name, "Resources": {"Written": {"Type": "Acme::Compact::Thing"}}}
        stack = self.deploy(template)["StackName"]
        original = self.cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
        processed = self.cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        self.assertIn("Acme::Compact::Thing", json.dumps(original))
        self.assertEqual(list(processed["Resources"]), ["Made"])

    def test_a_refusal_is_the_reason_of_the_change_set(self):
        name = self.macro(fragment=None, status="failed", errorMessage="Fraud.Tier: no tier gold")
        template = {"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
        self.assertEqual(self.failure(template),
                         f"Transform {suite.ACCOUNT}::{name} failed with: Fraud.Tier: no tier gold")

    def test_a_refusal_of_a_template_with_parameters_is_the_reason_too(self):
        name = self.macro(fragment=None, status="failed", errorMessage="no tier gold")
        template = {"Transform": name, "Parameters": {"Tier": {"Type": "String"}}, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
        described = self.change_set(suite.unique("stack-"), template, parameters={"Tier": "gold"})
        self.assertEqual(described["Status"], "FAILED")
        self.assertIn("no tier gold", described["StatusReason"])

    def test_a_refusal_rolls_a_direct_create_back(self):
        name = self.macro(fragment=None, status="failed", errorMessage="no")
        stack = suite.unique("stack-")
        self.cloudformation.create_stack(
            StackName=stack, Capabilities=["CAPABILITY_AUTO_EXPAND"],
            TemplateBody=json.dumps({"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}))
        body = self.settled(stack)
        self.assertEqual(body["StackStatus"], "ROLLBACK_COMPLETE")
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        self.assertIn(f"Transform {suite.ACCOUNT}::{name} failed with: no. Rollback requested by user.",
                      [e.get("ResourceStatusReason") for e in events])

    def test_answers_that_are_none_are_malformed(self):
        template = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}
        for function in (suite.function("echo text"), suite.function("echo '{\"status\": \"success\"}'"),
                         suite.function("exit 3")):
            name = self.macro_of(function)
            self.assertEqual(self.failure({**template, "Transform": name}),
                             f"Received malformed response from transform {suite.ACCOUNT}::{name}")

    def test_a_failure_without_a_word_says_so(self):
        name = self.macro(fragment=None, status="nope")
        self.assertEqual(self.failure({"Transform": name, "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}),
                         f"Transform {suite.ACCOUNT}::{name} failed without an error message.")

    def test_an_unknown_macro_is_named(self):
        self.assertEqual(self.failure({"Transform": "Nobody", "Resources": {"A": {"Type": "AWS::SNS::Topic"}}}),
                         f"No transform named {suite.ACCOUNT}::Nobody found.")

    def test_macros_run_in_the_listed_order_and_sam_in_its_place(self):
        first = self.macro(fragment="{**event['fragment'], 'Resources': {'Role': {'Type': 'AWS::IAM::Role', "
                                    "'Properties': {'AssumeRolePolicyDocument': {'Version': '2012-10-17', 'Statement': "
                                    "[{'Effect': 'Allow', 'Principal': {'Service': 'states.amazonaws.com'}, 'Action': "
                                    "'sts:AssumeRole'}]}}}, 'Machine': {'Type': 'AWS::Serverless::StateMachine', "
                                    "'Properties': {'Role': {'Fn::GetAtt': ['Role', 'Arn']}, 'Definition': {'StartAt': "
                                    "'A', 'States': {'A': {'Type': 'Succeed'}}}}}}}")
        last = self.macro(fragment="{**event['fragment'], 'Outputs': {'Types': {'Value': ' '.join(sorted(r['Type'] "
                                   "for r in event['fragment']['Resources'].values()))}}}")
        body = self.deploy({"Transform": [first, "AWS::Serverless-2016-10-31", last], "Resources": {}})
        self.assertEqual(self.outputs(body)["Types"], "AWS::IAM::Role AWS::StepFunctions::StateMachine")

    def test_a_snippet_macro_gets_its_siblings(self):
        name = self.macro(fragment="{**event['fragment'], 'DisplayName': event['params']['Name'] + "
                                   "event['fragment']['TopicName']}")
        topic = suite.unique("topic")
        stack = self.deploy({"Parameters": {"Name": {"Type": "String", "Default": "of "}}, "Resources": {"Topic": {
            "Type": "AWS::SNS::Topic", "Properties": {"TopicName": topic, "Fn::Transform": {
                "Name": name, "Parameters": {"Name": {"Ref": "Name"}}}}}},
            "Outputs": {"Arn": {"Value": {"Ref": "Topic"}}}})
        attributes = suite.client("sns").get_topic_attributes(TopicArn=self.outputs(stack)["Arn"])["Attributes"]
        self.assertEqual(attributes["DisplayName"], f"of {topic}")

    def test_the_result_is_checked_like_any_template(self):
        name = self.macro(fragment="{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Properties': "
                                   "{'DisplayName': {'Ref': 'Missing'}}}}}")
        self.assertIn("Unresolved resource dependencies [Missing] in the Resources block",
                      self.failure({"Transform": name, "Resources": {}}))

    def test_the_result_may_not_outgrow_the_request(self):
        name = self.macro(fragment="{'Resources': {'Topic': {'Type': 'AWS::SNS::Topic', 'Metadata': 'x' * 60000}}}")
        self.assertIn("51200", self.failure({"Transform": name, "Resources": {}}))

    def test_capabilities_for_what_the_macro_made_are_asked_of_the_change_set(self):
        name = self.macro(fragment="{'Resources': {'Role': {'Type': 'AWS::IAM::Role', 'Properties': {'RoleName': 'x', "
                                   "'AssumeRolePolicyDocument': {'Version': '2012-10-17', 'Statement': [{'Effect': "
                                   "'Allow', 'Principal': {'Service': 'states.amazonaws.com'}, 'Action': "
                                   "'sts:AssumeRole'}]}}}}}")
        self.assertEqual(self.failure({"Transform": name, "Resources": {}}, Capabilities=[]),
                         "Requires capabilities : [CAPABILITY_NAMED_IAM]")

    def test_a_macro_may_call_the_suite_while_it_runs(self):
        command = ("curl -sS -o /dev/null \"$AWS_ENDPOINT_URL/_mlp/health\" && python3 -c '"
                   'import json,os; e=json.loads(os.environ["FUNCTION_EVENT"]); print(json.dumps({"requestId": '
                   'e["requestId"], "status": "success", "fragment": e["fragment"]}))' + "'")
        name = self.macro_of(suite.function(command))
        self.deploy({"Transform": name, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


if __name__ == "__main__":
    suite.unittest.main()
