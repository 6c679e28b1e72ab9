"""Conditions of infra/template.yaml that no proof needs: trust policies, the bucket's key, TLS, and single statements.

Each test decides requests that differ in one key, so it fails without the condition.
"""

from mlp_tests.iam import products
from mlp_tests.iam.evaluator import ABSENT, Access, Context, Principal, decide, tags
from mlp_tests.iam.proofs import EVERYTHING, with_everything
from mlp_tests.iam.suite import Suite

ACCOUNT, OTHER, REGION = "123456789012", "210987654321", "us-west-2"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
# The service that assumes each role.
TRUSTED = {
    "CustomResourceRole": "lambda",
    "DeployMachineRole": "states",
    "DeployRole": "lambda",
    "DriftMachineRole": "states",
    "DriftRole": "lambda",
    "DriftScheduleRole": "scheduler",
    "FleetMachineRole": "states",
    "GenerateRole": "lambda",
    "MacroErrorsRole": "cloudformation",
    "MacroRole": "lambda",
    "ServiceRole": "cloudformation",
}
# Services that may assume a role in a request without `aws:SourceAccount`: trust policies for Lambda have no condition on it, and
# those for CloudFormation compare it only where the request has it.
WITHOUT_SOURCE = {"cloudformation", "lambda"}
# Roles that use the bucket's key through S3, and for what.
READ, WRITE = ("kms:Decrypt",), ("kms:Decrypt", "kms:GenerateDataKey")
USE_KEY = {
    "CustomResourceRole": WRITE,
    "DeployRole": WRITE,
    "DriftMachineRole": READ,
    "DriftRole": WRITE,
    "FleetMachineRole": READ,
    "GenerateRole": WRITE,
}


class TestConditions:
    @classmethod
    def setup_class(cls):
        cls.suite = Suite(account=ACCOUNT, region=REGION, parameters={"KmsKeyArn": KEY})

    def assumes(self, service, role, source):
        access = Access(service, Principal.of_service(f"{service}.amazonaws.com"))
        context = Context({"aws:SourceAccount": source}, free=["*"])
        return decide(access, "sts:AssumeRole", role.arn, context, role.trust).possible

    def test_each_role_is_assumed_by_its_service_for_this_account_only(self, subtests):
        assert set(self.suite.roles) == set(TRUSTED)
        services = {*TRUSTED.values(), "codebuild", "codepipeline", "ec2", "sagemaker"}
        for name, role in self.suite.roles.items():
            for service in services:
                with subtests.test(role=name, service=service):
                    trusted = service == TRUSTED[name]
                    assert self.assumes(service, role, ACCOUNT) == trusted
                    assert self.assumes(service, role, ABSENT) == (trusted and service in WITHOUT_SOURCE)
                    assert self.assumes(service, role, OTHER) == (trusted and service == "lambda")

    def test_the_key_of_the_bucket_is_used_through_s3_only(self, subtests):
        via = {
            f"s3.{REGION}.amazonaws.com": True,
            "s3.eu-west-1.amazonaws.com": False,
            f"secretsmanager.{REGION}.amazonaws.com": False,
            ABSENT: False,
        }
        for name, role in self.suite.roles.items():
            for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:CreateGrant"):
                for service, may in via.items():
                    with subtests.test(role=name, action=action, service=service):
                        # The key has no tags of a product, and an alias.
                        untagged = {**tags("aws:ResourceTag", {}), "kms:ResourceAliases": ["alias/suite"]}
                        context = Context({"kms:ViaService": service, **untagged}, free=["*"])
                        decision = decide(role.access(), action, KEY, context)
                        assert decision.possible == (may and action in USE_KEY.get(name, ())), decision.explanation

    def test_buckets_and_queues_take_requests_over_tls_only(self, subtests):
        actions = {"s3": "s3:ListBucket", "sqs": "sqs:SendMessage"}
        arn = f"arn:aws:iam::{ACCOUNT}:role/administrator"
        access = Access("administrator", Principal.role(arn), (EVERYTHING,))
        queues = [self.suite.stack.arn(it) for it in self.suite.stack.kinds("AWS::SQS::Queue")]
        assert len(queues) >= 2
        assert set(self.suite.resource_policies) == {self.suite.bucket_arn, *queues}
        for resource, policy in self.suite.resource_policies.items():
            for secure, may in (("true", True), ("false", False)):
                with subtests.test(resource=resource, secure=secure):
                    values = {"aws:SecureTransport": secure, "aws:PrincipalArn": arn, **tags("aws:PrincipalTag", {})}
                    action = actions[resource.split(":")[2]]
                    decision = decide(access, action, resource, Context(values, free=["*"]), policy)
                    assert decision.certain == may, decision.explanation

    def test_the_drift_function_sends_events_as_the_suite_only(self):
        access = self.suite.roles["DriftRole"].access()
        bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        for source, may in (("ml-provisioner", True), ("aws.cloudformation", False), (ABSENT, False)):
            decision = decide(access, "events:PutEvents", bus, Context({"events:source": source}, free=["*"]))
            assert decision.possible == may, decision.explanation

    def test_the_service_role_changes_keys_and_tags_endpoints_of_the_suite_only(self, subtests):
        """`ManagedBy` beside the product's tag: another tool may have a tag that ends in `-ml`."""
        access = self.suite.roles["ServiceRole"].access()
        endpoint = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/vpce-0a1b2c3d"
        product = {"ml-provisioner:product": "acme-prod-a001-churn-ml"}
        for action, resource, prefix in (
            ("kms:CreateKey", "*", "aws:RequestTag"),
            ("kms:PutKeyPolicy", KEY, "aws:ResourceTag"),
            ("kms:ScheduleKeyDeletion", KEY, "aws:ResourceTag"),
            ("ec2:CreateTags", endpoint, "aws:RequestTag"),
        ):
            for tag, may in (("ml-provisioner", True), ("terraform", False), (ABSENT, False)):
                with subtests.test(action=action, tag=tag):
                    values = {
                        "kms:ResourceAliases": ABSENT,
                        "kms:ScheduleKeyDeletionPendingWindowInDays": "30",
                        **tags("aws:RequestTag", {}),
                        **tags("aws:ResourceTag", {}),
                        **tags(prefix, {**product, "ManagedBy": tag}),
                    }
                    decision = decide(access, action, resource, Context(values, free=["*"]))
                    assert decision.possible == may, decision.explanation

    def test_within_the_boundary_grants_are_for_volumes_with_the_own_key_only(self):
        product = next(it for it in products.bounded() if it.stack.kinds("AWS::KMS::Key"))
        access, key = with_everything(product.roles["SagemakerRole"]), product.stack.arn("KmsKey")
        for for_aws, owner, may in (
            ("true", product.name, True),
            ("false", product.name, False),
            (ABSENT, product.name, False),
            ("true", "another-ml", False),
        ):
            owned = tags("aws:ResourceTag", {"ml-provisioner:product": owner})
            context = Context(
                {"kms:GrantIsForAWSResource": for_aws, "aws:SecureTransport": "true", **owned}, free=["*"]
            )
            decision = decide(access, "kms:CreateGrant", key, context)
            assert decision.possible == may, f"{for_aws} {owner}: {decision.explanation}"

    def test_within_the_boundary_what_has_the_products_tag_is_used_in_its_region_only(self):
        for product in products.bounded():
            access = with_everything(product.roles["CodebuildRole"])
            for region, may in ((product.region, True), ("sa-east-1", False)):
                project = f"arn:{product.partition}:codebuild:{region}:{product.account}:project/any"
                owned = tags("aws:ResourceTag", {"ml-provisioner:product": product.name})
                context = Context({"aws:RequestedRegion": region, "aws:SecureTransport": "true", **owned}, free=["*"])
                decision = decide(access, "codebuild:StartBuild", project, context)
                assert decision.possible == may, f"{product.file} {region}: {decision.explanation}"

    def test_within_the_boundary_a_data_lake_is_listed_below_the_use_case_only(self):
        checked = 0
        for product in products.bounded():
            lake, use_case = product.bucket("data-lake"), product.tag("use-case")
            if not lake:
                continue
            access = with_everything(product.roles["SagemakerRole"])
            for prefix, may in (
                (f"solutions/{use_case}/", True),
                (f"solutions/{use_case}/train/", True),
                (f"solutions/{use_case}-of-others/", False),
                ("solutions/", False),
                ("", False),
                (ABSENT, False),
            ):
                context = Context({"s3:prefix": prefix, "aws:SecureTransport": "true"}, free=["*"])
                decision = decide(access, "s3:ListBucket", f"arn:{product.partition}:s3:::{lake}", context)
                assert decision.possible == may, f"{product.file}: {prefix}: {decision.explanation}"
                checked += 1
        assert checked > 0
