"""An organisation's own rules, `rules/*.guard` in the bucket, are enforced beside the built-in ones."""

import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.dirname(__file__))

import suite  # noqa: E402

# Everybody's configs are checked by what lies below rules/, so a test's rule asks for its own product first.
RULE = """\
rule approved_log_retention when Metadata.MLProvisioner.Company == "{company}" {{
    Resources.*[ Type == "AWS::S3::Bucket" ].Properties.VersioningConfiguration.Status == "Suspended"
        <<our buckets keep no versions>>
}}
"""


def setUpModule():
    suite.setting("AWS_ENDPOINT_URL")


class Rules(unittest.TestCase):
    def setUp(self):
        self.company = "Company " + uuid.uuid4().hex[:8]
        self.key = f"configs/{uuid.uuid4().hex[:8]}/ruled.yaml"
        self.config = suite.starter(TechCorp=self.company)
        self.rule = f"rules/{uuid.uuid4().hex[:8]}.guard"
        self.addCleanup(suite.client("s3").delete_object, Bucket=suite.bucket(), Key=self.rule)

    def put_rule(self, text):
        suite.client("s3").put_object(Bucket=suite.bucket(), Key=self.rule, Body=text)

    def answer(self, config=None):
        return suite.status(self.key, suite.upload(self.key, config or self.config))

    def test_a_product_that_breaks_a_rule_gets_policy_and_report_but_no_template(self):
        self.put_rule(RULE.format(company=self.company))
        status = self.answer()
        self.assertFalse(status["ok"])
        (error,) = [finding for finding in status["findings"] if finding["severity"] == "error"]
        self.assertEqual((error["code"], error["logical_id"]), ("MLP-RUL-001", "ArtifactsBucket"))
        for part in (self.rule, "approved_log_retention", "our buckets keep no versions"):
            self.assertIn(part, error["message"] + error.get("why", "") + error.get("help", ""))
        kinds = ["policy", "policy-2", "report", "service-role-policy", "stack-operator-policy"]
        self.assertEqual(sorted(status["links"]), kinds)
        name = f"{status['ml_name']}-{status['scenario']}"
        self.assertFalse(suite.exists(f"templates/{name}.yaml"))
        self.assertIn(b"our buckets keep no versions", suite.read(f"reports/{name}-review.html"))

    def test_a_rule_that_comes_later_keeps_the_last_good_template_in_place(self):
        first = self.answer()
        self.assertTrue(first["ok"], first["findings"])
        before = suite.read(first["outputs"][0])
        self.put_rule(RULE.format(company=self.company))
        status = self.answer(self.config + "# uploaded again\n")
        self.assertFalse(status["ok"])
        self.assertEqual(suite.read(first["outputs"][0]), before)
        versions = {stored["path"]: stored["version_id"] for stored in status["stored"]}
        self.assertEqual(versions[first["outputs"][0]], first["source"]["version_id"])
        self.assertEqual(versions[first["outputs"][-1]], status["source"]["version_id"])

    def test_a_broken_rule_file_blocks_and_is_named_with_line_and_column(self):
        self.put_rule("rule fine {\n  Resources exists\n}\nrule broken {\n  Resources.* ===\n}\n")
        status = self.answer()
        self.assertFalse(status["ok"])
        broken = [finding for finding in status["findings"] if finding["code"] == "MLP-RUL-002"]
        self.assertEqual(len(broken), 1, status["findings"])
        self.assertIn(self.rule, broken[0]["message"])
        self.assertRegex(broken[0]["message"], r"line \d+")

    def test_a_removed_rule_no_longer_blocks(self):
        self.put_rule(RULE.format(company=self.company))
        self.assertFalse(self.answer()["ok"])
        suite.client("s3").delete_object(Bucket=suite.bucket(), Key=self.rule)
        status = self.answer(self.config + "# uploaded again\n")
        self.assertTrue(status["ok"], status["findings"])
        self.assertIn("template", status["links"])


if __name__ == "__main__":
    unittest.main()
