"""CloudFormation: what is refused before anything is made, and what change sets and stacks tell."""

import json
import re

from mlp_tests import local_suite

TOPIC = {"Type": "AWS::SNS::Topic"}


class TestTemplates(local_suite.StackCase):
    def refusal(self, template, parameters=None, **options):
        return self.refused(
            "ValidationError",
            self.change_set,
            stack=local_suite.unique("stack-"),
            template=template,
            parameters=parameters,
            **options,
        )

    def test_a_reference_to_nothing_is_refused(self):
        for place in ({"Ref": "Nothing"}, {"Fn::Sub": "x-${Nothing}"}, {"Fn::Join": ["", [{"Ref": "Nothing"}]]}):
            assert (
                self.refusal({"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": place}}}})
                == "Template format error: Unresolved resource dependencies [Nothing] in the Resources "
                "block of the template"
            )
        assert "instance of Fn::GetAtt references undefined resource Nothing" in self.refusal(
            {"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": {"Fn::GetAtt": ["Nothing", "Arn"]}}}}}
        )
        assert "[Nothing] in the Resources block" in self.refusal(
            {"Resources": {"T": {**TOPIC, "DependsOn": "Nothing"}}}
        )
        assert "[Nothing] in the Outputs block" in self.refusal(
            {"Resources": {"T": TOPIC}, "Outputs": {"O": {"Value": {"Ref": "Nothing"}}}}
        )
        assert "Nothing" in self.refusal({"Resources": {"T": {**TOPIC, "Condition": "Nothing"}}})

    def test_a_reference_counts_only_in_the_branch_that_is_taken(self):
        template = {
            "Parameters": {"Own": {"Type": "String", "Default": "no"}},
            "Conditions": {"Own": {"Fn::Equals": [{"Ref": "Own"}, "yes"]}},
            "Resources": {
                "A": {**TOPIC, "Condition": "Own"},
                "B": {
                    **TOPIC,
                    "Properties": {
                        "DisplayName": {"Fn::If": ["Own", {"Fn::GetAtt": ["A", "TopicName"]}, {"Ref": "AWS::NoValue"}]}
                    },
                },
            },
        }
        self.deploy(template)
        self.deploy(template, parameters={"Own": "yes"})
        template["Resources"]["B"]["Properties"]["DisplayName"] = {"Fn::GetAtt": ["A", "TopicName"]}
        assert "[A] in the Resources block" in self.refusal(template)

    def test_conditions_know_pseudo_parameters_and_functions(self):
        body = self.deploy(
            {
                "Parameters": {"List": {"Type": "CommaDelimitedList", "Default": "a,b"}},
                "Mappings": {"Sizes": {local_suite.REGION: {"kind": "big"}}},
                "Conditions": {
                    "Region": {"Fn::Equals": [{"Ref": "AWS::Region"}, local_suite.REGION]},
                    "Mapped": {"Fn::Equals": [{"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "kind"]}, "big"]},
                    "Joined": {"Fn::Equals": [{"Fn::Join": ["-", {"Ref": "List"}]}, "a-b"]},
                    "Selected": {"Fn::Equals": [{"Fn::Select": [1, {"Ref": "List"}]}, "b"]},
                    "All": {"Fn::And": [{"Condition": c} for c in ("Region", "Mapped", "Joined", "Selected")]},
                    "None": {"Fn::Not": [{"Condition": "All"}]},
                },
                "Resources": {"T": {**TOPIC, "Condition": "All"}, "U": {**TOPIC, "Condition": "None"}},
                "Outputs": {"Made": {"Condition": "All", "Value": "yes"}},
            }
        )
        assert self.outputs(body) == {"Made": "yes"}
        made = self.cloudformation.list_stack_resources(StackName=body["StackName"])["StackResourceSummaries"]
        assert [r["LogicalResourceId"] for r in made] == ["T"]

    def test_capabilities_are_asked_for(self):
        template = {
            "Resources": {
                "R": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"RoleName": local_suite.unique(), "AssumeRolePolicyDocument": {}},
                }
            }
        }
        message = self.refused(
            "InsufficientCapabilitiesException",
            self.change_set,
            stack=local_suite.unique("stack-"),
            template=template,
            Capabilities=["CAPABILITY_IAM"],
        )
        assert message == "Requires capabilities : [CAPABILITY_NAMED_IAM]"

    def test_parameters_come_from_parameter_store(self):
        ec2, ssm = self.suite.client("ec2"), self.suite.client("ssm")
        vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{i}.0/24")["Subnet"]["SubnetId"] for i in (0, 1)]
        group = ec2.create_security_group(GroupName=local_suite.unique(), Description="d", VpcId=vpc)["GroupId"]
        path = f"/{local_suite.unique()}"
        for name, value, kind in (
            ("vpc", vpc, "String"),
            ("subnets", ",".join(subnets), "StringList"),
            ("group", group, "String"),
            ("text", "hello", "String"),
            ("list", "a,b", "StringList"),
        ):
            ssm.put_parameter(Name=f"{path}/{name}", Value=value, Type=kind)
        kinds = {
            "vpc": "AWS::EC2::VPC::Id",
            "subnets": "List<AWS::EC2::Subnet::Id>",
            "group": "AWS::EC2::SecurityGroup::Id",
            "text": "String",
            "list": "List<String>",
        }
        template = {
            "Parameters": {
                name: {
                    "Type": f"AWS::SSM::Parameter::Value<{kind}>",
                    "Default": f"{path}/{name}",
                    "AllowedPattern": "/.+",
                }
                for name, kind in kinds.items()
            },
            "Resources": {"T": TOPIC},
            "Outputs": {
                name: {"Value": {"Fn::Join": ["|", {"Ref": name}]} if "List" in kind else {"Ref": name}}
                for name, kind in kinds.items()
            },
        }
        body = self.deploy(template)
        assert self.outputs(body) == {
            "vpc": vpc,
            "subnets": "|".join(subnets),
            "group": group,
            "text": "hello",
            "list": "a|b",
        }
        told = {p["ParameterKey"]: p for p in body["Parameters"]}
        assert told["vpc"] == {"ParameterKey": "vpc", "ParameterValue": f"{path}/vpc", "ResolvedValue": vpc}
        assert "Unable to fetch parameters [/none]" in self.refusal(template, {"text": "/none"})
        assert "does not exist" in self.refusal(template, {"vpc": f"{path}/text"})

    def test_a_parameter_that_is_missing_or_unknown_is_named(self):
        template = {"Parameters": {"A": {"Type": "String"}}, "Resources": {"T": TOPIC}}
        assert self.refusal(template) == "Parameters: [A] must have values"
        assert self.refusal(template, {"A": "1", "B": "2"}) == "Parameters: [B] do not exist in the template"

    def test_pseudo_parameters_and_functions(self):
        body = self.deploy(
            {
                "Resources": {"T": TOPIC},
                "Outputs": {
                    "Sub": {
                        "Value": {
                            "Fn::Sub": [
                                "${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName} ${X} ${!Y} ${T.TopicName}",
                                {"X": {"Fn::Select": [1, {"Fn::Split": ["-", "a-b-c"]}]}},
                            ]
                        }
                    }
                },
            }
        )
        assert re.search(rf"^aws amazonaws.com {body['StackName']} b \$\{{Y\}} .+$", self.outputs(body)["Sub"])


class TestChangeSets(local_suite.StackCase):
    def test_the_shell_of_an_unexecuted_stack_is_kept(self):
        stack = local_suite.unique("stack-")
        first = self.change_set(stack, {"Resources": {"T": TOPIC}})
        second = self.change_set(stack, {"Resources": {"U": TOPIC}})
        assert first["StackId"] == second["StackId"]
        assert self.execute(second)["StackStatus"] == "CREATE_COMPLETE"

    def test_the_stack_s_state_decides_what_kind_is_possible(self):
        stack = self.deploy({"Resources": {"T": TOPIC}})["StackName"]
        assert "already exists" in self.refused(
            "AlreadyExistsException", self.change_set, stack=stack, template={"Resources": {"T": TOPIC}}
        )
        failed = local_suite.unique("stack-")
        described = self.change_set(
            failed,
            {
                "Resources": {
                    "S": {
                        "Type": "AWS::SNS::Subscription",
                        "Properties": {
                            "TopicArn": f"arn:aws:sns:{local_suite.REGION}:{local_suite.ACCOUNT}:none",
                            "Protocol": "sqs",
                        },
                    }
                }
            },
        )
        assert self.execute(described)["StackStatus"] == "ROLLBACK_COMPLETE"
        for kind, code in (("UPDATE", "ValidationError"), ("CREATE", "AlreadyExistsException")):
            self.refused(code, self.change_set, stack=failed, template={"Resources": {"T": TOPIC}}, kind=kind)
        assert "REVIEW_IN_PROGRESS state and can not be updated" in self.refused(
            "ValidationError",
            self.change_set,
            kind="UPDATE",
            template={"Resources": {"T": TOPIC}},
            stack=self.change_set(local_suite.unique("stack-"), {"Resources": {"T": TOPIC}})["StackName"],
        )

    def test_a_change_set_without_changes_fails_in_aws_s_words(self):
        template = {"Resources": {"T": TOPIC}}
        stack = self.deploy(template)["StackName"]
        described = self.change_set(stack, template, "UPDATE")
        assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert "didn't contain changes" in described["StatusReason"]

    def test_values_before_and_after_are_told(self):
        name = local_suite.unique("/p/")
        parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": "old"}}
        stack = self.deploy({"Resources": {"P": parameter}})["StackName"]
        changed = {
            "Resources": {
                "P": {**parameter, "Properties": {**parameter["Properties"], "Value": "new"}},
                "T": {**TOPIC, "Properties": {"DisplayName": {"Fn::GetAtt": ["U", "TopicName"]}}},
                "U": TOPIC,
            }
        }
        changes = {
            c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]
            for c in self.change_set(stack, changed, "UPDATE")["Changes"]
        }
        target = changes["P"]["Details"][0]["Target"]
        assert (target["Path"], target["BeforeValue"], target["AfterValue"], target["AttributeChangeType"]) == (
            "/Properties/Value",
            "old",
            "new",
            "Modify",
        )
        assert changes["P"]["Replacement"] == "False"
        assert json.loads(changes["P"]["BeforeContext"])["Properties"]["Value"] == "old"
        assert (
            json.loads(changes["T"]["AfterContext"])["Properties"]["DisplayName"] == "{{changeSet:KNOWN_AFTER_APPLY}}"
        )

    def test_the_address_of_a_template_may_name_a_version(self):
        s3, bucket = self.suite.client("s3"), local_suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        versions = [
            s3.put_object(
                Bucket=bucket, Key="deployments/t.yaml", Body=json.dumps({"Resources": {name: TOPIC}}).encode()
            )["VersionId"]
            for name in ("First", "Second")
        ]
        url = f"{self.suite.endpoint}/{bucket}/deployments/t.yaml"
        for query, found in (
            (f"?versionId={versions[0]}", "First"),
            ("", "Second"),
            (f"?versionId={versions[1]}", "Second"),
        ):
            stack = local_suite.unique("stack-")
            self.cloudformation.create_change_set(
                StackName=stack, ChangeSetName="c", ChangeSetType="CREATE", TemplateURL=url + query
            )
            described = self.cloudformation.describe_change_set(StackName=stack, ChangeSetName="c")
            assert [c["ResourceChange"]["LogicalResourceId"] for c in described["Changes"]] == [found]
        assert "does not exist" in self.refused(
            "ValidationError",
            self.cloudformation.create_change_set,
            StackName=local_suite.unique("stack-"),
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateURL=f"{url}?versionId=none",
        )

    def test_cloudformations_own_tags_stay_where_aws_sets_them(self):
        bucket, s3, iam = local_suite.unique("bucket-"), self.suite.client("s3"), self.suite.client("iam")
        role = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": local_suite.unique("role-"),
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "codebuild.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
            },
        }
        body = self.deploy(
            {
                "Resources": {
                    "Artifacts": {
                        "Type": "AWS::S3::Bucket",
                        "Properties": {"BucketName": bucket, "Tags": [{"Key": "Owner", "Value": "me"}]},
                    },
                    "Role": role,
                }
            }
        )
        system = {
            "aws:cloudformation:stack-id": body["StackId"],
            "aws:cloudformation:stack-name": body["StackName"],
            "aws:cloudformation:logical-id": "Artifacts",
        }

        def tags():
            return {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

        def put(tags):
            s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]})

        assert tags() == {**system, "Owner": "me"}
        assert "removed" in self.refused("InvalidTag", put, tags={"Owner": "you"})
        assert "updated" in self.refused("InvalidTag", put, tags={**system, "aws:cloudformation:stack-id": "other"})
        put({**system, "Owner": "you"})
        assert tags() == {**system, "Owner": "you"}
        self.suite.control("bucket-tags", {"bucket": bucket, "tags": {"Owner": "them"}})
        assert tags() == {"Owner": "them"}
        assert iam.list_role_tags(RoleName=role["Properties"]["RoleName"])["Tags"] == []

    def test_a_create_only_property_replaces(self):
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": local_suite.unique("bucket-")}}
        stack = self.deploy({"Resources": {"B": bucket}})["StackName"]
        bucket["Properties"]["BucketName"] = local_suite.unique("bucket-")
        described = self.change_set(stack, {"Resources": {"B": bucket}}, "UPDATE")
        assert described["Changes"][0]["ResourceChange"]["Replacement"] == "True"
        assert self.execute(described)["StackStatus"] == "UPDATE_COMPLETE"

    def test_the_resources_of_a_deleted_stack_are_still_listed_by_its_id(self):
        name = local_suite.unique("/p/")
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "kms:*",
                    "Resource": "*",
                    "Principal": {"AWS": f"arn:aws:iam::{local_suite.ACCOUNT}:root"},
                }
            ],
        }
        stack = self.deploy(
            {
                "Resources": {
                    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
                    "Stays": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"},
                    "P": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": "1"}},
                }
            }
        )
        self.cloudformation.delete_stack(StackName=stack["StackName"])

        def gone():
            status = self.cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"]
            return status == "DELETE_COMPLETE"

        local_suite.eventually(gone)
        listed = self.cloudformation.list_stack_resources(StackName=stack["StackId"])["StackResourceSummaries"]
        assert {it["LogicalResourceId"]: it["ResourceStatus"] for it in listed} == {
            "Key": "DELETE_COMPLETE",
            "Stays": "DELETE_SKIPPED",
            "P": "DELETE_COMPLETE",
        }

    def test_the_service_role_must_be_assumable(self):
        template = {"Resources": {"T": TOPIC}}
        assert "cannot be assumed" in self.refused(
            "ValidationError",
            self.change_set,
            stack=local_suite.unique("stack-"),
            template=template,
            RoleARN=self.suite.role("lambda.amazonaws.com"),
        )
        role = self.suite.role("cloudformation.amazonaws.com")
        assert self.deploy(template, RoleARN=role)["RoleARN"] == role

    def test_drift_is_found_and_reverted(self):
        name = local_suite.unique("repo-")
        properties = {"RepositoryName": name, "RepositoryDescription": "as written"}
        template = {"Resources": {"R": {"Type": "AWS::CodeCommit::Repository", "Properties": properties}, "T": TOPIC}}
        body = self.deploy(template)
        stack, codecommit = body["StackName"], self.suite.client("codecommit")
        codecommit.update_repository_description(repositoryName=name, repositoryDescription="by hand")
        assert self.drift(stack) == {"R": "MODIFIED", "T": "IN_SYNC"}
        described = self.change_set(stack, template, "UPDATE", DeploymentMode="REVERT_DRIFT")
        assert (described["Status"], described["StackDriftStatus"]) == ("CREATE_COMPLETE", "DRIFTED")
        target = described["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
        assert (target["BeforeValue"], target["BeforeValueFrom"], target["AfterValue"]) == (
            "by hand",
            "ACTUAL_STATE",
            "as written",
        )
        assert self.execute(described)["StackStatus"] == "UPDATE_COMPLETE"
        assert self.drift(stack) == {"R": "IN_SYNC", "T": "IN_SYNC"}

    def drift(self, stack):
        self.cloudformation.detect_stack_drift(StackName=stack)
        found = self.cloudformation.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
        return {d["LogicalResourceId"]: d["StackResourceDriftStatus"] for d in found}
