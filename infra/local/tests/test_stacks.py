"""CloudFormation: what is refused before anything is made, and what change sets and stacks tell."""

import json

import suite

TOPIC = {"Type": "AWS::SNS::Topic"}


class Templates(suite.StackCase):
    def refusal(self, template, parameters=None, **options):
        return self.refused("ValidationError", self.change_set, stack=suite.unique("stack-"), template=template,
                            parameters=parameters, **options)

    def test_a_reference_to_nothing_is_refused(self):
        for place in ({"Ref": "Nothing"}, {"Fn::Sub": "x-${Nothing}"}, {"Fn::Join": ["", [{"Ref": "Nothing"}]]}):
            self.assertEqual(self.refusal({"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": place}}}}),
                             "Template format error: Unresolved resource dependencies [Nothing] in the Resources "
                             "block of the template")
        self.assertIn("instance of Fn::GetAtt references undefined resource Nothing", self.refusal(
            {"Resources": {"T": {**TOPIC, "Properties": {"DisplayName": {"Fn::GetAtt": ["Nothing", "Arn"]}}}}}))
        self.assertIn("[Nothing] in the Resources block", self.refusal(
            {"Resources": {"T": {**TOPIC, "DependsOn": "Nothing"}}}))
        self.assertIn("[Nothing] in the Outputs block", self.refusal(
            {"Resources": {"T": TOPIC}, "Outputs": {"O": {"Value": {"Ref": "Nothing"}}}}))
        self.assertIn("Nothing", self.refusal({"Resources": {"T": {**TOPIC, "Condition": "Nothing"}}}))

    def test_a_reference_counts_only_in_the_branch_that_is_taken(self):
        template = {
            "Parameters": {"Own": {"Type": "String", "Default": "no"}},
            "Conditions": {"Own": {"Fn::Equals": [{"Ref": "Own"}, "yes"]}},
            "Resources": {"A": {**TOPIC, "Condition": "Own"},
                          "B": {**TOPIC, "Properties": {"DisplayName": {"Fn::If": [
                              "Own", {"Fn::GetAtt": ["A", "TopicName"]}, {"Ref": "AWS::NoValue"}]}}}}}
        self.deploy(template)
        self.deploy(template, parameters={"Own": "yes"})
        template["Resources"]["B"]["Properties"]["DisplayName"] = {"Fn::GetAtt": ["A", "TopicName"]}
        self.assertIn("[A] in the Resources block", self.refusal(template))

    def test_conditions_know_pseudo_parameters_and_functions(self):
        body = self.deploy({
            "Parameters": {"List": {"Type": "CommaDelimitedList", "Default": "a,b"}},
            "Mappings": {"Sizes": {suite.REGION: {"kind": "big"}}},
            "Conditions": {
                "Region": {"Fn::Equals": [{"Ref": "AWS::Region"}, suite.REGION]},
                "Mapped": {"Fn::Equals": [{"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "kind"]}, "big"]},
                "Joined": {"Fn::Equals": [{"Fn::Join": ["-", {"Ref": "List"}]}, "a-b"]},
                "Selected": {"Fn::Equals": [{"Fn::Select": [1, {"Ref": "List"}]}, "b"]},
                "All": {"Fn::And": [{"Condition": c} for c in ("Region", "Mapped", "Joined", "Selected")]},
                "None": {"Fn::Not": [{"Condition": "All"}]}},
            "Resources": {"T": {**TOPIC, "Condition": "All"}, "U": {**TOPIC, "Condition": "None"}},
            "Outputs": {"Made": {"Condition": "All", "Value": "yes"}}})
        self.assertEqual(self.outputs(body), {"Made": "yes"})
        made = self.cloudformation.list_stack_resources(StackName=body["StackName"])["StackResourceSummaries"]
        self.assertEqual([r["LogicalResourceId"] for r in made], ["T"])

    def test_capabilities_are_asked_for(self):
        template = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {
            "RoleName": suite.unique(), "AssumeRolePolicyDocument": {}}}}}
        message = self.refused("InsufficientCapabilitiesException", self.change_set, stack=suite.unique("stack-"),
                               template=template, Capabilities=["CAPABILITY_IAM"])
        self.assertEqual(message, "Requires capabilities : [CAPABILITY_NAMED_IAM]")

    def test_parameters_come_from_parameter_store(self):
        ec2, ssm = suite.client("ec2"), suite.client("ssm")
        vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.2.{i}.0/24")["Subnet"]["SubnetId"] for i in (0, 1)]
        group = ec2.create_security_group(GroupName=suite.unique(), Description="d", VpcId=vpc)["GroupId"]
        path = f"/{suite.unique()}"
        for name, value, kind in (("vpc", vpc, "String"), ("subnets", ",".join(subnets), "StringList"),
                                  ("group", group, "String"), ("text", "hello", "String"), ("list", "a,b",
                                                                                            "StringList")):
            ssm.put_parameter(Name=f"{path}/{name}", Value=value, Type=kind)
        kinds = {"vpc": "AWS::EC2::VPC::Id", "subnets": "List<AWS::EC2::Subnet::Id>",
                 "group": "AWS::EC2::SecurityGroup::Id", "text": "String", "list": "List<String>"}
        template = {
            "Parameters": {name: {"Type": f"AWS::SSM::Parameter::Value<{kind}>", "Default": f"{path}/{name}",
                                  "AllowedPattern": "/.+"} for name, kind in kinds.items()},
            "Resources": {"T": TOPIC},
            "Outputs": {name: {"Value": {"Fn::Join": ["|", {"Ref": name}]} if "List" in kind else {"Ref": name}}
                        for name, kind in kinds.items()}}
        body = self.deploy(template)
        self.assertEqual(self.outputs(body), {"vpc": vpc, "subnets": "|".join(subnets), "group": group,
                                              "text": "hello", "list": "a|b"})
        told = {p["ParameterKey"]: p for p in body["Parameters"]}
        self.assertEqual(told["vpc"], {"ParameterKey": "vpc", "ParameterValue": f"{path}/vpc", "ResolvedValue": vpc})
        self.assertIn("Unable to fetch parameters [/none]", self.refusal(template, {"text": "/none"}))
        self.assertIn("does not exist", self.refusal(template, {"vpc": f"{path}/text"}))

    def test_a_parameter_that_is_missing_or_unknown_is_named(self):
        template = {"Parameters": {"A": {"Type": "String"}}, "Resources": {"T": TOPIC}}
        self.assertEqual(self.refusal(template), "Parameters: [A] must have values")
        self.assertEqual(self.refusal(template, {"A": "1", "B": "2"}), "Parameters: [B] do not exist in the template")

    def test_pseudo_parameters_and_functions(self):
        body = self.deploy({"Resources": {"T": TOPIC}, "Outputs": {
            "Sub": {"Value": {"Fn::Sub": [
                "${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName} ${X} ${!Y} ${T.TopicName}",
                {"X": {"Fn::Select": [1, {"Fn::Split": ["-", "a-b-c"]}]}}]}}}})
        self.assertRegex(self.outputs(body)["Sub"], rf"^aws amazonaws.com {body['StackName']} b \$\{{Y\}} .+$")


class ChangeSets(suite.StackCase):
    def test_the_shell_of_an_unexecuted_stack_is_kept(self):
        stack = suite.unique("stack-")
        first = self.change_set(stack, {"Resources": {"T": TOPIC}})
        second = self.change_set(stack, {"Resources": {"U": TOPIC}})
        self.assertEqual(first["StackId"], second["StackId"])
        self.assertEqual(self.execute(second)["StackStatus"], "CREATE_COMPLETE")

    def test_the_stack_s_state_decides_what_kind_is_possible(self):
        stack = self.deploy({"Resources": {"T": TOPIC}})["StackName"]
        self.assertIn("already exists", self.refused(
            "AlreadyExistsException", self.change_set, stack=stack, template={"Resources": {"T": TOPIC}}))
        failed = suite.unique("stack-")
        described = self.change_set(failed, {"Resources": {"S": {"Type": "AWS::SNS::Subscription", "Properties": {
            "TopicArn": f"arn:aws:sns:{suite.REGION}:{suite.ACCOUNT}:none", "Protocol": "sqs"}}}})
        self.assertEqual(self.execute(described)["StackStatus"], "ROLLBACK_COMPLETE")
        for kind, code in (("UPDATE", "ValidationError"), ("CREATE", "AlreadyExistsException")):
            self.refused(code, self.change_set, stack=failed, template={"Resources": {"T": TOPIC}}, kind=kind)
        self.assertIn("REVIEW_IN_PROGRESS state and can not be updated", self.refused(
            "ValidationError", self.change_set, kind="UPDATE", template={"Resources": {"T": TOPIC}},
            stack=self.change_set(suite.unique("stack-"), {"Resources": {"T": TOPIC}})["StackName"]))

    def test_a_change_set_without_changes_fails_in_aws_s_words(self):
        template = {"Resources": {"T": TOPIC}}
        stack = self.deploy(template)["StackName"]
        described = self.change_set(stack, template, "UPDATE")
        self.assertEqual((described["Status"], described["ExecutionStatus"]), ("FAILED", "UNAVAILABLE"))
        self.assertIn("didn't contain changes", described["StatusReason"])

    def test_values_before_and_after_are_told(self):
        name = suite.unique("/p/")
        parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": "old"}}
        stack = self.deploy({"Resources": {"P": parameter}})["StackName"]
        changed = {"Resources": {
            "P": {**parameter, "Properties": {**parameter["Properties"], "Value": "new"}},
            "T": {**TOPIC, "Properties": {"DisplayName": {"Fn::GetAtt": ["U", "TopicName"]}}}, "U": TOPIC}}
        changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]
                   for c in self.change_set(stack, changed, "UPDATE")["Changes"]}
        target = changes["P"]["Details"][0]["Target"]
        self.assertEqual((target["Path"], target["BeforeValue"], target["AfterValue"], target["AttributeChangeType"]),
                         ("/Properties/Value", "old", "new", "Modify"))
        self.assertEqual(changes["P"]["Replacement"], "False")
        self.assertEqual(json.loads(changes["P"]["BeforeContext"])["Properties"]["Value"], "old")
        self.assertEqual(json.loads(changes["T"]["AfterContext"])["Properties"]["DisplayName"],
                         "{{changeSet:KNOWN_AFTER_APPLY}}")

    def test_the_address_of_a_template_may_name_a_version(self):
        s3, bucket = suite.client("s3"), suite.unique("bucket-")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        versions = [s3.put_object(Bucket=bucket, Key="deployments/t.yaml", Body=json.dumps(
            {"Resources": {name: TOPIC}}).encode())["VersionId"] for name in ("First", "Second")]
        url = f"{suite.running()['endpoint']}/{bucket}/deployments/t.yaml"
        for query, found in ((f"?versionId={versions[0]}", "First"), ("", "Second"), (f"?versionId={versions[1]}", "Second")):
            stack = suite.unique("stack-")
            self.cloudformation.create_change_set(StackName=stack, ChangeSetName="c", ChangeSetType="CREATE",
                                                  TemplateURL=url + query)
            described = self.cloudformation.describe_change_set(StackName=stack, ChangeSetName="c")
            self.assertEqual([c["ResourceChange"]["LogicalResourceId"] for c in described["Changes"]], [found])
        self.assertIn("does not exist", self.refused(
            "ValidationError", self.cloudformation.create_change_set, StackName=suite.unique("stack-"), ChangeSetName="c",
            ChangeSetType="CREATE", TemplateURL=f"{url}?versionId=none"))

    def test_cloudformations_own_tags_stay_where_aws_sets_them(self):
        bucket, s3, iam = suite.unique("bucket-"), suite.client("s3"), suite.client("iam")
        role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": suite.unique("role-"), "AssumeRolePolicyDocument": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"},
                                                    "Action": "sts:AssumeRole"}]}}}
        body = self.deploy({"Resources": {"Artifacts": {"Type": "AWS::S3::Bucket", "Properties": {
            "BucketName": bucket, "Tags": [{"Key": "Owner", "Value": "me"}]}}, "Role": role}})
        system = {"aws:cloudformation:stack-id": body["StackId"], "aws:cloudformation:stack-name": body["StackName"],
                  "aws:cloudformation:logical-id": "Artifacts"}

        def tags():
            return {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

        def put(tags):
            s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]})

        self.assertEqual(tags(), {**system, "Owner": "me"})
        self.assertIn("removed", self.refused("InvalidTag", put, tags={"Owner": "you"}))
        self.assertIn("updated", self.refused("InvalidTag", put, tags={**system, "aws:cloudformation:stack-id": "other"}))
        put({**system, "Owner": "you"})
        self.assertEqual(tags(), {**system, "Owner": "you"})
        suite.control("bucket-tags", {"bucket": bucket, "tags": {"Owner": "them"}})
        self.assertEqual(tags(), {"Owner": "them"})
        self.assertEqual(iam.list_role_tags(RoleName=role["Properties"]["RoleName"])["Tags"], [])

    def test_a_create_only_property_replaces(self):
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": suite.unique("bucket-")}}
        stack = self.deploy({"Resources": {"B": bucket}})["StackName"]
        bucket["Properties"]["BucketName"] = suite.unique("bucket-")
        described = self.change_set(stack, {"Resources": {"B": bucket}}, "UPDATE")
        self.assertEqual(described["Changes"][0]["ResourceChange"]["Replacement"], "True")
        self.assertEqual(self.execute(described)["StackStatus"], "UPDATE_COMPLETE")

    def test_the_resources_of_a_deleted_stack_are_still_listed_by_its_id(self):
        name = suite.unique("/p/")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {
            "AWS": f"arn:aws:iam::{suite.ACCOUNT}:root"}}]}
        stack = self.deploy({"Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
            "Stays": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain"},
            "P": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": "1"}}}})
        self.cloudformation.delete_stack(StackName=stack["StackName"])

        def gone():
            status = self.cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"]
            return status == "DELETE_COMPLETE"
        suite.eventually(gone)
        listed = self.cloudformation.list_stack_resources(StackName=stack["StackId"])["StackResourceSummaries"]
        self.assertEqual({it["LogicalResourceId"]: it["ResourceStatus"] for it in listed},
                         {"Key": "DELETE_COMPLETE", "Stays": "DELETE_SKIPPED", "P": "DELETE_COMPLETE"})

    def test_the_service_role_must_be_assumable(self):
        template = {"Resources": {"T": TOPIC}}
        self.assertIn("cannot be assumed", self.refused(
            "ValidationError", self.change_set, stack=suite.unique("stack-"), template=template,
            RoleARN=suite.role("lambda.amazonaws.com")))
        role = suite.role("cloudformation.amazonaws.com")
        self.assertEqual(self.deploy(template, RoleARN=role)["RoleARN"], role)

    def test_drift_is_found_and_reverted(self):
        name = suite.unique("repo-")
        properties = {"RepositoryName": name, "RepositoryDescription": "as written"}
        template = {"Resources": {"R": {"Type": "AWS::CodeCommit::Repository", "Properties": properties},
                                  "T": TOPIC}}
        body = self.deploy(template)
        stack, codecommit = body["StackName"], suite.client("codecommit")
        codecommit.update_repository_description(repositoryName=name, repositoryDescription="by hand")
        self.assertEqual(self.drift(stack), {"R": "MODIFIED", "T": "IN_SYNC"})
        described = self.change_set(stack, template, "UPDATE", DeploymentMode="REVERT_DRIFT")
        self.assertEqual((described["Status"], described["StackDriftStatus"]), ("CREATE_COMPLETE", "DRIFTED"))
        target = described["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
        self.assertEqual((target["BeforeValue"], target["BeforeValueFrom"], target["AfterValue"]),
                         ("by hand", "ACTUAL_STATE", "as written"))
        self.assertEqual(self.execute(described)["StackStatus"], "UPDATE_COMPLETE")
        self.assertEqual(self.drift(stack), {"R": "IN_SYNC", "T": "IN_SYNC"})

    def drift(self, stack):
        self.cloudformation.detect_stack_drift(StackName=stack)
        found = self.cloudformation.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
        return {d["LogicalResourceId"]: d["StackResourceDriftStatus"] for d in found}


if __name__ == "__main__":
    suite.unittest.main()
