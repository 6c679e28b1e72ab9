"""The golden templates against the resource provider schemas that cfn-lint ships.

`cargo xtask test` runs these with the tools' virtual environment; cfn-lint itself runs beside them.
"""

import json
import re

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from mlp_tests import cloudformation, golden
from mlp_tests.paths import ROOT, TEMPLATES

REGION = "us-west-2"
PSEUDO = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-2",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com.cn",
}


def schema(resource_type):
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema


class TestGoldenTemplates:
    @classmethod
    def setup_class(cls):
        cls.templates = golden.templates()

    def resources(self):
        for name, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                yield f"{name}: {logical_id}", template, resource

    def test_there_are_golden_templates(self):
        assert len(self.templates) >= 31

    def test_every_taggable_resource_is_tagged_and_no_other(self):
        for where, _, resource in self.resources():
            tagging = schema(resource["Type"]).get("tagging", {})
            taggable = tagging.get("taggable", True)
            assert taggable == ("Tags" in resource["Properties"]), where

    def test_tags_have_the_shape_that_their_type_takes(self):
        for where, template, resource in self.resources():
            tags = resource["Properties"].get("Tags")
            if tags is None:
                continue
            if isinstance(tags, list):
                tags = {tag["Key"]: tag["Value"] for tag in tags}
            assert tags["ManagedBy"] == "ml-provisioner", where
            made_for = template["Metadata"]["MLProvisioner"]
            assert tags["ml-provisioner:product"] == made_for["MlName"], where
            assert tags["ml-provisioner:tier"] == made_for["Tier"], where
            for key in ("company", "tenant", "environment", "use-case"):
                assert tags[f"ml-provisioner:{key}"], where
            assert {"cost_center", "project", "owner"} <= set(tags), where

    def test_what_holds_data_says_what_becomes_of_it(self):
        stateful = {
            "AWS::S3::Bucket",
            "AWS::CodeCommit::Repository",
            "AWS::SageMaker::ModelPackageGroup",
            "AWS::KMS::Key",
            "AWS::Logs::LogGroup",
        }
        for where, _, resource in self.resources():
            has = "DeletionPolicy" in resource and "UpdateReplacePolicy" in resource
            assert has == (resource["Type"] in stateful), where

    def test_no_policy_statement_is_unbounded(self):
        for where, _, resource in self.resources():
            if resource["Type"] == "AWS::IAM::Role":
                assert "Policies" not in resource["Properties"], where
            if resource["Type"] != "AWS::IAM::ManagedPolicy":
                continue
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                resources = statement["Resource"]
                denies = statement["Effect"] == "Deny"
                if not denies and "*" in (resources if isinstance(resources, list) else [resources]):
                    assert "Condition" in statement, where + " " + statement["Sid"]

    def test_pass_role_goes_to_the_sagemaker_role_and_its_services_only(self):
        for where, _, resource in self.resources():
            if resource["Type"] != "AWS::IAM::ManagedPolicy":
                continue
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                if "iam:PassRole" in actions:
                    assert actions == ["iam:PassRole"], where
                    assert statement["Condition"] == {
                        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
                    }, where

    def test_every_role_trusts_services_of_this_account_only(self):
        for where, _, resource in self.resources():
            if resource["Type"] != "AWS::IAM::Role":
                continue
            for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}, where

    def test_dashboards_are_json_once_their_references_are_filled_in(self):
        for where, _, resource in self.resources():
            if resource["Type"] != "AWS::CloudWatch::Dashboard":
                continue
            body = re.sub(
                r"\$\{([^!}][^}]*)\}",
                lambda match: PSEUDO.get(match[1], "arn:aws:x:y:1:z"),
                resource["Properties"]["DashboardBody"]["Fn::Sub"],
            )
            widgets = json.loads(body)["widgets"]
            assert {"text", "metric"} <= {widget["type"] for widget in widgets}, where

    def test_the_documentation_says_what_cloudformation_reads_back(self, subtests):
        lines = (ROOT / "docs/drift.md").read_text(encoding="utf-8").splitlines()
        rows = [line.split("|")[1:3] for line in lines if line.startswith("| `AWS::")]
        said = {kind.strip(" `"): text.strip() for kind, text in rows}
        properties = {}
        for _, _, resource in self.resources():
            properties.setdefault(resource["Type"], set()).update(resource["Properties"])
        for kind, used in properties.items():
            with subtests.test(type=kind):
                assert ("read" in schema(kind).get("handlers", {})) == said[kind].startswith("yes")
                unread = {path.removeprefix("/properties/") for path in schema(kind).get("writeOnlyProperties", [])}
                assert unread & used == set(re.findall(r"but not `(\w+)`", said[kind]))

    def test_yaml_1_1_readers_read_the_same_texts(self, subtests):
        loader = cloudformation.reader(dates=True)
        for path in TEMPLATES:
            with subtests.test(template=path.stem):
                template = yaml.load(path.read_text(encoding="utf-8"), loader)
                for resource in template["Resources"].values():
                    tags = resource["Properties"].get("Tags", [])
                    values = tags.values() if isinstance(tags, dict) else [tag["Value"] for tag in tags]
                    # A reference is no text.
                    for value in (it for it in values if not isinstance(it, dict)):
                        assert isinstance(value, str)
