"""What builds and jobs must be able to do, in every tier, by the policies of their roles and within the suite's boundary."""

import unittest

from iam import products
from iam.evaluator import ABSENT, Context, decide, tags

# KMS keys of nobody's product, and the service that asks for the caller.
ELSEWHERE = {"aws:ResourceAccount": "210987654321"}


def request(product, **more):
    values = {
        "aws:RequestedRegion": product.region,
        "aws:ResourceAccount": product.account,
        "aws:SecureTransport": "true",
        "kms:ViaService": ABSENT,
        **tags("aws:ResourceTag", {}),
        **tags("s3:ExistingObjectTag", {}),
    }
    return Context({**values, **more})


class Builds(unittest.TestCase):
    def assert_allowed(self, product, role, action, resource, context=None):
        for where, it in (("within the boundary", product.roles[role]), ("without", self.alone[product.file].roles[role])):
            decision = decide(it.access(), action, resource, context or request(product))
            self.assertTrue(decision.certain, f"{product.file}: {where}: {decision.explanation}")

    @classmethod
    def setUpClass(cls):
        cls.alone = {product.file: product for product in products.unbounded()}

    def test_builds_and_jobs_read_and_write_models_in_every_tier(self):
        tiers = set()
        for product in products.bounded():
            tiers.add(product.tier)
            bucket = product.stack.arn("ArtifactsBucket")
            for role in ("CodebuildRole", "SagemakerRole"):
                for action in ("s3:PutObject", "s3:GetObject"):
                    self.assert_allowed(product, role, action, f"{bucket}/models/churn-1/output/model.tar.gz")
        self.assertEqual(tiers, {"starter", "professional", "enterprise"})

    def test_pipelines_decrypt_the_source_and_builds_use_the_data_lakes_key_through_s3_only(self):
        product = next(it for it in products.bounded() if it.file == "enterprise-longest-names")
        here = f"arn:{product.partition}:kms:{product.region}"
        source = f"{here}:{product.account}:key/mrk-0123456789abcdef0123456789abcdef"
        lake = f"{here}:210987654321:key/mrk-fedcba9876543210fedcba9876543210"
        suffix = product.stack.pseudo["AWS::URLSuffix"]
        via = {"kms:ViaService": f"s3.{product.region}.{suffix}"}
        self.assert_allowed(product, "CodepipelineRole", "kms:Decrypt", source, request(product, **via))
        for role in ("CodebuildRole", "SagemakerRole"):
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                self.assert_allowed(product, role, action, lake, request(product, **{**ELSEWHERE, **via}))
        for other in ({}, {"kms:ViaService": f"secretsmanager.{product.region}.{suffix}"}):
            role = product.roles["CodepipelineRole"].access()
            self.assertFalse(decide(role, "kms:Decrypt", source, request(product, **other)).certain)


if __name__ == "__main__":
    unittest.main()
