"""An organisation's own rules, `rules/*.guard` in the bucket, are enforced beside the built-in ones."""

import re
import uuid

import pytest

from mlp_tests import suite

# Everybody's configs are checked by what lies below rules/, so a test's rule asks for its own product first.
RULE = """\
rule approved_log_retention when Metadata.MLProvisioner.Company == "{company}" {{
    Resources.*[ Type == "AWS::S3::Bucket" ].Properties.VersioningConfiguration.Status == "Suspended"
        <<our buckets keep no versions>>
}}
"""


class TestRules:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        self.company = "Company " + uuid.uuid4().hex[:8]
        self.key = f"configs/{uuid.uuid4().hex[:8]}/ruled.yaml"
        self.config = suite.starter(TechCorp=self.company)
        self.rule = f"rules/{uuid.uuid4().hex[:8]}.guard"
        cleanup(suite.client("s3").delete_object, Bucket=suite.bucket(), Key=self.rule)

    def put_rule(self, text):
        suite.client("s3").put_object(Bucket=suite.bucket(), Key=self.rule, Body=text)

    def answer(self, config=None):
        return suite.status(self.key, suite.upload(self.key, config or self.config))

    def test_a_product_that_breaks_a_rule_gets_policy_and_report_but_no_template(self):
        self.put_rule(RULE.format(company=self.company))
        status = self.answer()
        assert not status["ok"]
        (error,) = [finding for finding in status["findings"] if finding["severity"] == "error"]
        assert (error["code"], error["logical_id"]) == ("MLP-RUL-001", "ArtifactsBucket")
        for part in (self.rule, "approved_log_retention", "our buckets keep no versions"):
            assert part in error["message"] + error.get("why", "") + error.get("help", "")
        kinds = ["policy", "policy-2", "report", "service-role-policy", "stack-operator-policy"]
        assert sorted(status["links"]) == kinds
        name = f"{status['ml_name']}-{status['scenario']}"
        assert not suite.exists(f"templates/{name}.yaml")
        assert b"our buckets keep no versions" in suite.read(f"reports/{name}-review.html")

    def test_a_rule_that_comes_later_keeps_the_last_good_template_in_place(self):
        first = self.answer()
        assert first["ok"], first["findings"]
        before = suite.read(first["outputs"][0])
        self.put_rule(RULE.format(company=self.company))
        status = self.answer(self.config + "# uploaded again\n")
        assert not status["ok"]
        assert suite.read(first["outputs"][0]) == before
        versions = {stored["path"]: stored["version_id"] for stored in status["stored"]}
        assert versions[first["outputs"][0]] == first["source"]["version_id"]
        assert versions[first["outputs"][-1]] == status["source"]["version_id"]

    def test_a_broken_rule_file_blocks_and_is_named_with_line_and_column(self):
        self.put_rule("rule fine {\n  Resources exists\n}\nrule broken {\n  Resources.* ===\n}\n")
        status = self.answer()
        assert not status["ok"]
        broken = [finding for finding in status["findings"] if finding["code"] == "MLP-RUL-002"]
        assert len(broken) == 1, status["findings"]
        assert self.rule in broken[0]["message"]
        assert re.search(r"line \d+", broken[0]["message"])

    def test_a_removed_rule_no_longer_blocks(self):
        self.put_rule(RULE.format(company=self.company))
        assert not self.answer()["ok"]
        suite.client("s3").delete_object(Bucket=suite.bucket(), Key=self.rule)
        status = self.answer(self.config + "# uploaded again\n")
        assert status["ok"], status["findings"]
        assert "template" in status["links"]
