"""The table of resource types that regions lack, from two sources: cfn-lint and botocore."""

import json

import yaml

from mlp_tests.tables.regions import SERVICES, TABLE, endpoints, table, types


class TestRegions:
    def test_the_table_is_what_the_sources_say(self):
        assert TABLE.read_text(encoding="utf-8") == table()

    def test_botocore_knows_every_service_somewhere(self):
        known = set().union(*endpoints().values())
        for kind in types():
            assert SERVICES[kind.split("::")[1]] in known, kind

    def test_a_region_that_is_known_to_lack_a_type_is_in_the_table(self):
        rows = yaml.safe_load(table())["types"]
        for kind, region in (
            # velomash/aws-git-backed-gatsby-static-site issue 1, aws/aws-cdk issues 18908 and 15650.
            ("AWS::CodeCommit::Repository", "eu-south-2"),
            ("AWS::CodeBuild::Project", "mx-central-1"),
            ("AWS::SageMaker::ModelPackageGroup", "cn-north-1"),
            ("AWS::CodePipeline::Pipeline", "us-iso-east-1"),
        ):
            assert region in rows[kind]["missing"], kind
        assert "us-west-2" not in json.dumps(rows)
