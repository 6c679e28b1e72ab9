"""What builds and jobs must be able to do, in every tier, by the policies of their roles and within the suite's boundary."""

import dataclasses

from mlp_tests import golden
from mlp_tests.aws import AWS, listed, matched, resource_types
from mlp_tests.iam import products
from mlp_tests.iam.evaluator import ABSENT, Context, decide, tags

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


class TestBuilds:
    def assert_allowed(self, product, role, action, resource, context=None):
        for where, it in (
            ("within the boundary", product.roles[role]),
            ("without", self.alone[product.file].roles[role]),
        ):
            decision = decide(it.access(), action, resource, context or request(product))
            assert decision.certain, f"{product.file}: {where}: {decision.explanation}"

    @classmethod
    def setup_class(cls):
        cls.alone = {product.file: product for product in products.unbounded()}

    def test_builds_and_jobs_read_and_write_models_in_every_tier(self):
        tiers = set()
        for product in products.bounded():
            tiers.add(product.tier)
            bucket = product.stack.arn("ArtifactsBucket")
            for role in ("CodebuildRole", "SagemakerRole"):
                for action in ("s3:PutObject", "s3:GetObject"):
                    self.assert_allowed(product, role, action, f"{bucket}/models/churn-1/output/model.tar.gz")
        assert tiers == {"starter", "professional", "enterprise"}

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
            assert not decide(role, "kms:Decrypt", source, request(product, **other)).certain

    def test_with_every_option_builds_use_sources_data_images_and_the_network(self):
        """The statements of this product's build policy are merged, because it would be too big otherwise."""
        product = self.alone["enterprise-largest-policies"]
        here = f"{product.region}:{product.account}"
        lake = product.stack.parameters["DataLakeBucketName"]
        bucket = product.stack.arn("ArtifactsBucket")
        arn = f"arn:{product.partition}"
        inside = f"{arn}:s3:::{lake}/solutions/abcdefghij-abcdefghi/a.csv"
        own = [
            ("s3:PutObject", f"{bucket}/models/a"),
            ("s3:AbortMultipartUpload", f"{bucket}/models/a"),
            ("s3:GetObjectVersion", inside),
            ("ecr:CompleteLayerUpload", f"{arn}:ecr:{here}:repository/{product.name}/serving"),
            ("ecr:BatchGetImage", f"{arn}:ecr:{product.region}:210987654321:repository/aws-image"),
            ("kms:Decrypt", product.stack.arn("KmsKey")),
        ]
        refused = [
            ("s3:AbortMultipartUpload", inside),
            ("s3:PutObject", f"{arn}:s3:::{lake}/solutions/another/a.csv"),
            ("ecr:PutImage", f"{arn}:ecr:{product.region}:210987654321:repository/aws-image"),
            ("ecr:DeleteRepository", f"{arn}:ecr:{here}:repository/{product.name}"),
        ]
        for role in ("CodebuildRole", "SagemakerRole"):
            for action, resource in own:
                decision = decide(product.roles[role].access(), action, resource, request(product))
                assert decision.certain, f"{role}: {decision.explanation}"
            for action, resource in refused:
                decision = decide(product.roles[role].access(), action, resource, request(product))
                assert not decision.certain, f"{role}: {action} on {resource}"
            prefix = "solutions/abcdefghij-abcdefghi/"
            for of, allowed in {prefix: True, f"{prefix}x": True, ABSENT: False, "solutions/": False}.items():
                context = request(product, **{"s3:prefix": of})
                decision = decide(product.roles[role].access(), "s3:ListBucket", f"{arn}:s3:::{lake}", context)
                assert decision.certain == allowed, f"{role}: {of}"

    def test_images_are_pulled_by_tls_and_from_the_own_region(self):
        others, checked = set(), 0
        for product in products.bounded():
            image = f"arn:{product.partition}:ecr:{product.region}:210987654321:repository/serving"
            role = product.roles["CodebuildRole"].access()
            for tls, may in (("true", True), ("false", False)):
                decision = decide(role, "ecr:BatchGetImage", image, request(product, **{"aws:SecureTransport": tls}))
                assert decision.certain == may, f"{product.file}: {decision.explanation}"
        for product in products.unbounded():
            role = product.roles["CodebuildRole"].access()
            if role.boundary is None:
                continue
            checked += 1
            elsewhere = f"arn:{product.partition}:ecr:us-west-9:210987654321:repository/serving"
            alone = dataclasses.replace(role, identity=(role.boundary,), boundary=None)
            if decide(alone, "ecr:BatchGetImage", elsewhere, request(product)).certain:
                others.add(product.file)
        assert checked > 10
        assert others == set()

    def test_an_action_of_a_merged_statement_takes_resources_of_its_own_service_only(self):
        """So one statement for several services adds no right."""
        merged = 0
        for name, template in golden.templates().items():
            for it in template["Resources"].values():
                if it["Type"] != "AWS::IAM::ManagedPolicy":
                    continue
                for statement in it["Properties"]["PolicyDocument"]["Statement"]:
                    actions = set().union(*(matched(pattern) for pattern in listed(statement["Action"])))
                    services = {action.partition(":")[0] for action in actions}
                    if len(services) < 2 or statement["Resource"] == "*":
                        continue
                    merged += 1
                    for action in actions:
                        service = action.partition(":")[0]
                        for kind in resource_types(action):
                            arn = AWS[service]["resources"][kind]["arn"]
                            assert arn.split(":")[2] not in services - {service}, f"{name}: {action}"
        assert merged > 3
