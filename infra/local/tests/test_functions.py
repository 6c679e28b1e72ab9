"""Lambda: the environment of a function, asynchronous calls and their failures, S3 events."""

import json
import re

import pytest

from mlp_tests import local_suite


class TestFunctions(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite):
        self.functions = self.suite.client("lambda")

    def call(self, name, event=None):
        return json.loads(self.functions.invoke(FunctionName=name, Payload=json.dumps(event or {}))["Payload"].read())

    def messages(self, name):
        logs = self.suite.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []  # the first line makes the group
        return [e["message"][len("event ") :] for e in events if e["message"].startswith("event ")]

    def queue(self):
        sqs = self.suite.client("sqs")
        url = sqs.create_queue(QueueName=local_suite.unique("queue-"))["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def received(self, url):
        found = self.suite.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(m["Body"]) for m in found]

    def test_a_function_sees_lambda_s_variables_and_the_suite_s_endpoint(self):
        name = self.suite.function("python3 -c 'import json,os; print(json.dumps(dict(os.environ)))'", EXTRA="mine")
        seen = self.call(name)
        assert seen["AWS_ENDPOINT_URL"] == self.suite.endpoint
        assert (seen["AWS_REGION"], seen["AWS_DEFAULT_REGION"]) == (local_suite.REGION, local_suite.REGION)
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == name
        assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name}"
        assert seen["EXTRA"] == "mine"
        assert seen["AWS_ACCESS_KEY_ID"] and seen["AWS_SECRET_ACCESS_KEY"] and seen["AWS_SESSION_TOKEN"]
        assert not {"HOME", "GATEWAY_PORT", "PERSIST_STATE", "MINISTACK_REGION"} & set(seen)
        assert seen["TMPDIR"].startswith(str(self.suite.folder))

    def test_a_failing_event_is_tried_again_and_then_handed_on(self):
        name, (url, arn) = self.suite.function(), self.queue()
        self.functions.put_function_event_invoke_config(
            FunctionName=name, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
        )
        self.functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"fail": True}))
        record = local_suite.eventually(lambda: self.received(url))[0]
        assert record["requestPayload"] == {"fail": True}
        assert record["requestContext"]["condition"] == "RetriesExhausted"
        assert record["requestContext"]["approximateInvokeCount"] == 2
        assert record["requestContext"]["functionArn"].endswith(f":function:{name}:$LATEST")
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert record["responsePayload"]["errorMessage"] == "asked to fail"
        assert len(self.messages(name)) == 2

    def test_without_settings_an_event_is_tried_three_times(self):
        name = self.suite.function()
        self.functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"fail": True}))
        assert local_suite.eventually(lambda: len(self.messages(name)) == 3)

    def bucket(self, name, **filters):
        s3 = self.suite.client("s3")
        bucket = local_suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.functions.add_permission(
            FunctionName=name,
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{bucket}",
        )
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {
                        "LambdaFunctionArn": f"arn:aws:lambda:{local_suite.REGION}:{local_suite.ACCOUNT}:function:{name}",
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {
                            "Key": {
                                "FilterRules": [
                                    {"Name": "prefix", "Value": "configs/"},
                                    {"Name": "suffix", "Value": ".yaml"},
                                ]
                            }
                        },
                    }
                ]
            },
        )
        return s3, bucket

    def test_an_upload_is_an_event_with_version_and_sequencer(self):
        name = self.suite.function()
        s3, bucket = self.bucket(name)
        key = "configs/a b+\u00fc.yaml"
        versions = [s3.put_object(Bucket=bucket, Key=key, Body=str(i).encode())["VersionId"] for i in range(3)]
        s3.put_object(Bucket=bucket, Key="configs/other.txt", Body=b"")
        s3.put_object(Bucket=bucket, Key="elsewhere/a.yaml", Body=b"")
        assert local_suite.eventually(lambda: len(self.messages(name)) >= 3)
        records = [json.loads(m)["Records"][0] for m in self.messages(name)]
        assert len(records) == 3
        records.sort(key=lambda r: r["s3"]["object"]["sequencer"])
        assert [r["s3"]["object"]["versionId"] for r in records] == versions
        assert {r["s3"]["object"]["key"] for r in records} == {"configs/a+b%2B%C3%BC.yaml"}
        for record in records:
            assert re.search("^[0-9A-F]+$", record["s3"]["object"]["sequencer"])
        body = s3.get_object(Bucket=bucket, Key=key, VersionId=versions[0])["Body"].read()
        assert body == b"0"

    def test_conditional_writes_are_refused_as_on_aws(self):
        s3 = self.suite.client("s3")
        bucket = local_suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION})
        etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
        self.refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
        second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)["ETag"]
        self.refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
        self.refused("NoSuchKey", s3.put_object, Bucket=bucket, Key="other", Body=b"3", IfMatch=second)

    def test_a_schedule_can_be_fired_now(self):
        name = self.suite.function()
        scheduler, schedule = self.suite.client("scheduler"), local_suite.unique("schedule-")
        scheduler.create_schedule(
            Name=schedule,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": f"arn:aws:lambda:{local_suite.REGION}:{local_suite.ACCOUNT}:function:{name}",
                "RoleArn": self.suite.role("scheduler.amazonaws.com"),
                "Input": json.dumps({"by": "<aws.scheduler.schedule-arn>"}),
            },
        )
        fired = self.suite.control("schedules/fire", {"name": schedule})["fired"]
        assert local_suite.eventually(lambda: self.messages(name))
        assert json.loads(self.messages(name)[0]) == {"by": fired}


class TestCustomResources(local_suite.StackCase):
    def test_a_function_answers_where_it_was_told_to_and_the_resource_says_what_is_asked(self):
        answer = (
            "python3 -c '" + 'import json,os,time,urllib.request; e=json.loads(os.environ["FUNCTION_EVENT"]); '
            'time.sleep(e["RequestType"]=="Delete"); '
            'body={k:e[k] for k in ("StackId","RequestId","LogicalResourceId")}; '
            'body.update(Status="SUCCESS",PhysicalResourceId="made",Data={"Leaf":e["RequestType"]}); '
            'urllib.request.urlopen(urllib.request.Request(e["ResponseURL"],data=json.dumps(body).encode(),'
            'method="PUT")); print("{}")' + "'"
        )
        name = self.suite.function(answer)
        body = self.deploy(
            {
                "Resources": {
                    "P": {
                        "Type": "Custom::MLProduct",
                        "Properties": {
                            "ServiceToken": f"arn:aws:lambda:{local_suite.REGION}:{local_suite.ACCOUNT}:function:{name}",
                            "Tier": "starter",
                            "Private": True,
                        },
                    }
                },
                "Outputs": {"Ref": {"Value": {"Ref": "P"}}, "Leaf": {"Value": {"Fn::GetAtt": ["P", "Leaf"]}}},
            }
        )
        assert self.outputs(body) == {"Ref": "made", "Leaf": "Create"}
        events = self.cloudformation.describe_stack_events(StackName=body["StackId"])["StackEvents"]
        told = {e["ResourceStatus"]: e.get("ResourceProperties") for e in events if e["LogicalResourceId"] == "P"}
        assert json.loads(told["CREATE_IN_PROGRESS"]) == {
            "ServiceToken": f"arn:aws:lambda:{local_suite.REGION}:{local_suite.ACCOUNT}:function:{name}",
            "Tier": "starter",
            "Private": "true",
        }
        self.cloudformation.delete_stack(StackName=body["StackId"])
        assert local_suite.eventually(
            lambda: (
                self.cloudformation.describe_stack_resource(StackName=body["StackId"], LogicalResourceId="P")[
                    "StackResourceDetail"
                ]["ResourceStatus"]
                == "DELETE_IN_PROGRESS"
            )
        )
        self.suite.control("custom", {"stack": body["StackId"], "resource": "P", "status": "ROLLBACK_IN_PROGRESS"})
        assert (
            self.cloudformation.describe_stack_resource(StackName=body["StackId"], LogicalResourceId="P")[
                "StackResourceDetail"
            ]["ResourceStatus"]
            == "ROLLBACK_IN_PROGRESS"
        )
        assert self.delete(body["StackName"])["StackStatus"] == "DELETE_COMPLETE"
