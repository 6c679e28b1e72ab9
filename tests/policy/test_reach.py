"""Proof (a): no role of any product reaches the suite."""

from mlp_tests.iam import products
from mlp_tests.iam.products import Product
from mlp_tests.iam.proofs import reaches_suite, with_everything
from mlp_tests.iam.suite import Suite

STARTER = "techcorp-prod-a001-us-west-2-customer-churn-ml-s3"
ENTERPRISE = "enterprise-codecommit-standalone-direct-workload"


class TestReach:
    def check(self, findings):
        assert findings[:5] == [], f"{len(findings)} findings"

    def test_within_the_suites_boundary_no_role_reaches_the_suite_whatever_is_attached_to_it(self):
        self.check(
            [
                f"{product.file}: {it}"
                for product in products.bounded()
                for role in product.roles.values()
                for it in reaches_suite(with_everything(role), product.suite)
            ]
        )

    def test_nor_does_it_reach_a_suite_with_other_parameters(self):
        for name in (STARTER, ENTERPRISE):
            partition, region, account = Product(name).place
            here = f"{region}:{account}"
            suite = Suite(
                partition=partition,
                region=region,
                account=account,
                parameters={
                    "AccessLogBucket": "acme-logs",
                    "AlarmTopicArn": f"arn:{partition}:sns:{here}:alarms",
                    "ApprovalEmail": "approvals@acme.example",
                    "Approvers": f"arn:{partition}:iam::{account}:role/leads/*",
                    "BoundaryName": "acme-boundary",
                    "BucketName": "acme-platform",
                    "ConfigWriters": f"arn:{partition}:iam::{account}:role/teams/*",
                    "CustomResourceFunctionName": "AcmeProduct",
                    "DriftDigestSchedule": "rate(1 day)",
                    "DriftEmail": "drift@acme.example",
                    "KmsKeyArn": f"arn:{partition}:kms:{here}:key/acme",
                    "MacroName": "Acme",
                    "RequireApproval": "production",
                    "StateMachineName": "AcmeDeploy",
                },
            )
            for role in Product(name, suite).roles.values():
                self.check(list(reaches_suite(with_everything(role), suite)))

    def test_nor_does_it_with_any_tags(self):
        # With any tags roles differ in their names only, and only the bucket's policy looks at these.
        suites = {product.place: product for product in products.bounded()}
        self.check(
            [
                f"{product.file}: {it}"
                for product in suites.values()
                for role in product.roles.values()
                for it in reaches_suite(with_everything(role, free_tags=True), product.suite, passed_in_vain=True)
            ]
        )

    def test_without_a_boundary_no_role_reaches_the_bucket(self):
        self.check(
            [
                f"{product.file}: {it}"
                for product in products.unbounded()
                for role in product.roles.values()
                for it in reaches_suite(role.access(), products.suite_of(product.place), only="s3")
            ]
        )

    def test_the_boundary_keeps_roles_from_the_bucket_without_its_policy(self):
        for product in products.bounded():
            suite = suite_with(product, without_denials_of_the_bucket)
            again = Product(product.file, suite)
            for role in again.roles.values():
                self.check(list(reaches_suite(with_everything(role), suite, only="s3")))


def suite_with(product, changed):
    partition, region, account = product.place
    return Suite(partition=partition, region=region, account=account, changed=changed)


def statements(template, policy):
    return template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]


def remove(template, policy, *sids):
    """Takes statements out of a policy."""
    them = statements(template, policy)
    left = [it for it in them if it.get("Sid") not in sids]
    if len(left) != len(them) - len(sids):
        raise LookupError(f"{policy} has no statements {sids}")
    them[:] = left


def without_denials_of_the_bucket(template):
    remove(template, "BucketPolicy", "NoRoleOfProductsByName", "NoRoleOfProductsByTag")


class TestBroken:
    """The same proof over a suite that is broken on purpose."""

    def findings(self, name, changed, *, bounded, **arguments):
        product = Product(name)
        suite = suite_with(product, changed)
        product = Product(name, suite if bounded else None)
        return [
            it
            for role in product.roles.values()
            for it in reaches_suite(with_everything(role) if bounded else role.access(), suite, **arguments)
        ]

    def assert_found(self, findings, *parts):
        for part in parts:
            assert any(part in it for it in findings), f"{part}: {findings[:5]}"

    def test_a_bucket_without_denials_is_found_where_there_is_no_boundary(self):
        findings = self.findings(STARTER, without_denials_of_the_bucket, bounded=False, only="s3")
        self.assert_found(
            findings,
            "customer-churn-ml-codebuild-role may s3:PutObject on arn:aws:s3:::mlp-123456789012-us-west-2/",
            "(allowed by AWSLambdaExecute/statement 2), which is the suite's",
            "customer-churn-ml-codepipeline-role may",
            "customer-churn-ml-sagemaker-role may s3:",
        )

    def test_a_bucket_without_denials_and_a_boundary_that_allows_all_of_s3_are_found(self):
        def changed(template):
            without_denials_of_the_bucket(template)
            remove(template, "ProductBoundary", "NotTheSuite")
            statement = {"Sid": "AllOfS3", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}
            statements(template, "ProductBoundary").append(statement)

        self.assert_found(
            self.findings(STARTER, changed, bounded=True),
            "s3:PutObject",
            "mlp-product-boundary-us-west-2/AllOfS3), which is the suite's",
        )

    def test_one_prefix_that_is_left_out_is_found(self):
        def changed(template):
            without_denials_of_the_bucket(template)
            arn = {"Fn::Sub": "${Bucket.Arn}/"}["Fn::Sub"]
            statements(template, "BucketPolicy").append(
                {
                    "Sid": "NotQuite",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [
                        {"Fn::GetAtt": "Bucket.Arn"},
                        *({"Fn::Sub": f"{arn}{prefix}/*"} for prefix in ("configs", "deployments", "templates")),
                    ],
                }
            )

        findings = self.findings(STARTER, changed, bounded=False, only="s3")
        self.assert_found(findings, "s3:PutObject on arn:aws:s3:::mlp-123456789012-us-west-2/ (allowed by AWSLambda")

    def test_a_boundary_that_calls_functions_starts_machines_and_passes_roles_is_found(self):
        def changed(template):
            statements(template, "ProductBoundary").append(
                {
                    "Sid": "TooMuch",
                    "Effect": "Allow",
                    "Action": ["lambda:Invoke*", "states:Start*", "sns:Publish", "iam:PassRole", "states:SendTask*"],
                    "Resource": "*",
                }
            )

        self.assert_found(
            self.findings(ENTERPRISE, changed, bounded=True),
            "lambda:InvokeFunction",
            "states:StartExecution",
            "on arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDeploy",
            "may iam:PassRole on arn:aws:iam::123456789012:role/ml-provisioner-ServiceRole-",
            "may states:SendTaskSuccess",
            "mlp-product-boundary-us-west-2/TooMuch",
        )

    def test_a_role_of_the_suite_that_trusts_the_account_is_found(self):
        def changed(template):
            trust = template["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]
            account = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
            trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
            statements(template, "ProductBoundary").append(
                {"Sid": "Assume", "Effect": "Allow", "Action": "sts:*", "Resource": "*"}
            )

        self.assert_found(
            self.findings(ENTERPRISE, changed, bounded=True),
            "may assume arn:aws:iam::123456789012:role/ml-provisioner-DeployRole-",
        )
