"""Step Functions: what ministack leaves out of it."""

import json

import pytest

from mlp_tests import local_suite


class TestWorkflows(local_suite.StackCase):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite):
        self.states = self.suite.client("stepfunctions")
        self.role = self.suite.role("states.amazonaws.com")

    def run_machine(self, states, start, value=None):
        machine = self.states.create_state_machine(
            name=local_suite.unique("m-"),
            roleArn=self.role,
            definition=json.dumps({"StartAt": start, "States": states}),
        )["stateMachineArn"]
        execution = self.states.start_execution(stateMachineArn=machine, input=json.dumps(value or {}))["executionArn"]

        def ended():
            body = self.states.describe_execution(executionArn=execution)
            return None if body["status"] == "RUNNING" else body

        return local_suite.eventually(ended)

    def test_a_definition_that_leads_nowhere_is_refused(self):
        for definition in (
            {"StartAt": "B", "States": {"A": {"Type": "Succeed"}}},
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}},
            {"StartAt": "A", "States": {"A": {"Type": "Pass"}}},
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}},
            {"StartAt": "A", "States": {"A": {"Type": "Nap"}}},
        ):
            text = json.dumps(definition)
            self.refused(
                "InvalidDefinition",
                self.states.create_state_machine,
                name=local_suite.unique(),
                roleArn=self.role,
                definition=text,
            )
            assert self.states.validate_state_machine_definition(definition=text)["result"] == "FAIL"
        described = self.change_set(
            local_suite.unique("stack-"),
            {
                "Resources": {
                    "M": {
                        "Type": "AWS::StepFunctions::StateMachine",
                        "Properties": {
                            "RoleArn": self.suite.role("lambda.amazonaws.com"),
                            "DefinitionString": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
                        },
                    }
                }
            },
        )
        assert "authorized to assume" in " ".join(self.reasons(self.execute(described)["StackId"]))

    def test_the_same_execution_can_be_started_again_while_it_runs(self):
        machine = self.states.create_state_machine(
            name=local_suite.unique("m-"),
            roleArn=self.role,
            definition=json.dumps(
                {
                    "StartAt": "W",
                    "States": {"W": {"Type": "Wait", "Seconds": 600, "Next": "D"}, "D": {"Type": "Succeed"}},
                }
            ),
        )["stateMachineArn"]

        def start(value):
            return self.states.start_execution(stateMachineArn=machine, name="one", input=value)["executionArn"]

        first = start('{"a": 1}')
        assert start('{"a": 1}') == first
        self.refused("ExecutionAlreadyExists", lambda: start('{"a": 2}'))
        self.states.stop_execution(executionArn=first)
        self.refused("ExecutionAlreadyExists", lambda: start('{"a": 1}'))

    def test_what_a_deployment_looks_up_has_the_shape_that_states_read(self):
        ec2 = self.suite.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        service = f"com.amazonaws.{local_suite.REGION}.sagemaker.api"
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "vpc-endpoint-type", "Values": ["Interface"]}]
        endpoint = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {"VpcId": vpc, "ServiceName": service, "VpcEndpointType": "Interface"},
        }
        self.deploy({"Resources": {"E": endpoint}})
        topic = self.suite.client("sns").create_topic(Name=local_suite.unique("t-"))["TopicArn"]
        self.suite.client("route53").create_hosted_zone(
            Name="mlp.example",
            CallerReference=local_suite.unique("z-"),
            VPC={"VPCRegion": local_suite.REGION, "VPCId": vpc},
        )

        def look(resource, parameters, selector, after):
            return {
                "Type": "Task",
                "Resource": f"arn:aws:states:::aws-sdk:{resource}",
                "Parameters": parameters,
                "ResultSelector": selector,
                "ResultPath": f"$.{after or 'last'}",
                **({"Next": after} if after else {"End": True}),
            }

        body = self.run_machine(
            {
                "A": look(
                    "ec2:describeVpcAttribute",
                    {"VpcId": vpc, "Attribute": "enableDnsSupport"},
                    {"value.$": "$.EnableDnsSupport.Value"},
                    "B",
                ),
                "B": look(
                    "ec2:describeVpcEndpoints",
                    {"Filters": filters},
                    {"found.$": "$.VpcEndpoints", "count.$": "States.ArrayLength($.VpcEndpoints)"},
                    "C",
                ),
                "C": look(
                    "ec2:describeVpcEndpointServices", {"ServiceNames": [service]}, {"found.$": "$.ServiceDetails"}, "D"
                ),
                "D": look("iam:getAccountSummary", {}, {"counts.$": "$.SummaryMap"}, "E"),
                "E": look("codepipeline:listPipelines", {"MaxResults": 300}, {"found.$": "$.Pipelines[*].Name"}, "F"),
                "F": look(
                    "sns:getTopicAttributes",
                    {"TopicArn": topic},
                    {"confirmed.$": "$.Attributes.SubscriptionsConfirmed"},
                    "G",
                ),
                "G": look(
                    "route53:listHostedZonesByVPC",
                    {"VpcId": vpc, "VpcRegion": local_suite.REGION},
                    {"found.$": "$.HostedZoneSummaries"},
                    None,
                ),
            },
            "A",
        )
        assert body["status"] == "SUCCEEDED", body
        told = json.loads(body["output"])
        assert told["B"]["value"] is True
        assert (told["C"]["count"], told["C"]["found"][0]["ServiceName"]) == (1, service)
        assert "VpcEndpointId" in told["C"]["found"][0]
        assert told["D"]["found"][0]["AvailabilityZones"][0] == f"{local_suite.REGION}a"
        assert told["E"]["counts"]["RolesQuota"] > 0
        # Other tests of the same emulator may have left pipelines.
        assert all(isinstance(name, str) for name in told["F"]["found"]), told["F"]
        assert told["G"]["confirmed"] == "0"
        assert [(zone["Name"], zone["Owner"]) for zone in told["last"]["found"]] == [
            ("mlp.example.", {"OwningAccount": local_suite.ACCOUNT})
        ]

    def test_a_distributed_map_batches_and_writes_its_results(self):
        s3, bucket = self.suite.client("s3"), local_suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION})
        s3.put_object(Bucket=bucket, Key="items.json", Body=json.dumps(list(range(5))))
        name = self.suite.function()
        body = self.run_machine(
            {
                "M": {
                    "Type": "Map",
                    "End": True,
                    "ItemReader": {
                        "Resource": "arn:aws:states:::s3:getObject",
                        "ReaderConfig": {"InputType": "JSON"},
                        "Parameters": {"Bucket": bucket, "Key": "items.json"},
                    },
                    "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"Run.$": "$.run"}},
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": "F",
                        "States": {
                            "F": {
                                "Type": "Task",
                                "End": True,
                                "OutputPath": "$.Payload",
                                "Resource": "arn:aws:states:::lambda:invoke",
                                "Parameters": {"FunctionName": name, "Payload.$": "$"},
                            }
                        },
                    },
                    "ResultWriter": {
                        "Resource": "arn:aws:states:::s3:putObject",
                        "Parameters": {"Bucket": bucket, "Prefix": "out"},
                    },
                }
            },
            "M",
            {"run": "r1"},
        )
        assert body["status"] == "SUCCEEDED", body
        details = json.loads(body["output"])["ResultWriterDetails"]
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=details["Key"])["Body"].read())
        results = json.loads(
            s3.get_object(Bucket=bucket, Key=manifest["ResultFiles"]["SUCCEEDED"][0]["Key"])["Body"].read()
        )
        outputs = sorted((json.loads(r["Output"]) for r in results), key=lambda o: o["Items"])
        assert outputs == [{"BatchInput": {"Run": "r1"}, "Items": items} for items in ([0, 1], [2, 3], [4])]

    def test_services_outside_the_emulator_s_list_are_called(self):
        body = self.run_machine(
            {
                "A": {
                    "Type": "Task",
                    "End": True,
                    "Parameters": {"StackName": "none"},
                    "Resource": "arn:aws:states:::aws-sdk:cloudformation:describeStacks",
                }
            },
            "A",
        )
        assert (body["status"], body["error"]) == ("FAILED", "CloudFormation.CloudFormationException")
        assert "does not exist" in body["cause"]
        stack = self.deploy({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})
        body = self.run_machine(
            {
                "A": {
                    "Type": "Task",
                    "End": True,
                    "Parameters": {"StackName": stack["StackName"]},
                    "Resource": "arn:aws:states:::aws-sdk:cloudformation:describeStacks",
                }
            },
            "A",
        )
        assert json.loads(body["output"])["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"

    def test_metrics_in_a_log_line_are_metrics(self):
        line = json.dumps(
            {
                "_aws": {
                    "Timestamp": 1,
                    "CloudWatchMetrics": [
                        {
                            "Namespace": "Suite",
                            "Dimensions": [["Stack"]],
                            "Metrics": [{"Name": "Drifted", "Unit": "Count"}],
                        }
                    ],
                },
                "Stack": "s",
                "Drifted": 3,
            }
        )
        name = self.suite.function("echo \"$LINE\" >&2; echo '{}'", LINE=line)
        self.suite.client("lambda").invoke(FunctionName=name)
        found = self.suite.client("cloudwatch").list_metrics(Namespace="Suite")["Metrics"]
        assert [(m["MetricName"], m["Dimensions"]) for m in found] == [("Drifted", [{"Name": "Stack", "Value": "s"}])]
