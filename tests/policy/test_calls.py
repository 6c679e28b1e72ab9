"""Proof (b): IAM allows every call that CloudFormation's handlers send for the products' resources, in its context."""

import copy

from mlp_tests.iam import calls, products
from mlp_tests.iam.evaluator import Access, Policy
from mlp_tests.iam.proofs import refused
from mlp_tests.iam.suite import Suite

# What handlers list for resources that the products' ones don't have.
NOT_NEEDED = {
    ("AWS::IAM::ManagedPolicy", "iam:AttachRolePolicy"): "Roles name their policies, policies name no roles",
    ("AWS::IAM::ManagedPolicy", "iam:DetachRolePolicy"): "Roles name their policies, policies name no roles",
    ("AWS::S3::Bucket", "iam:PassRole"): "No replication",
    ("AWS::SNS::Subscription", "iam:GetRole"): "No Firehose subscription",
    ("AWS::SNS::Subscription", "iam:PassRole"): "No Firehose subscription",
    ("AWS::SNS::Topic", "iam:GetRole"): "No delivery logs",
    ("AWS::SNS::Topic", "iam:PassRole"): "No delivery logs",
}
# Reads of a drift detection that the drift function goes without (exceptions.yaml, drift_unread).
NOT_READ = {"iam:PassRole"}


def as_cloudformation(access, context):
    return Access(access.name, access.principal, access.identity, access.boundary, access.context.joined(context))


class TestCalls:
    @classmethod
    def setup_class(cls):
        cls.skipped = set()
        cls.calls = {product.file: calls.of_product(product, skipped=cls.skipped) for product in products.bounded()}

    def check(self, findings):
        findings = list(findings)
        assert findings[:5] == [], f"{len(findings)} calls are refused"

    def test_only_known_calls_are_left_out(self):
        assert self.skipped == set(NOT_NEEDED)
        assert sum(map(len, self.calls.values())) > 10000

    def test_the_suites_service_role_may_send_them(self):
        for product in products.bounded():
            role = product.suite.roles["ServiceRole"].access(calls.SERVICE_ROLE)
            self.check(refused(role, self.calls[product.file], product.resource_policies))

    def test_a_service_role_of_one_product_may_send_them(self):
        for product in products.bounded():
            role = as_cloudformation(product.who_has("service-role-policy"), calls.SERVICE_ROLE)
            self.check(refused(role, self.calls[product.file], product.resource_policies))

    def test_an_operator_may_send_them_through_cloudformation(self):
        for product in products.bounded():
            person = as_cloudformation(product.who_has("iam-policy"), calls.ON_BEHALF)
            self.check(refused(person, self.calls[product.file], product.resource_policies))

    def test_operators_may_use_the_stack_the_template_and_the_bucket(self):
        for product in products.bounded():
            for kind in ("iam-policy", "stack-operator-policy"):
                person = as_cloudformation(product.who_has(kind), calls.DIRECTLY)
                self.check(refused(person, calls.of_operator(product, kind), product.suite.resource_policies))

    def test_operators_and_the_drift_function_may_read_what_a_drift_detection_reads(self):
        for product in products.bounded():
            reads = calls.of_product(product, wanted=("read",))
            reads = [it for it in reads if it.action not in NOT_READ]
            person = as_cloudformation(product.who_has("stack-operator-policy"), calls.ON_BEHALF)
            self.check(refused(person, reads, product.resource_policies))
            function = product.suite.roles["DriftRole"].access(calls.ON_BEHALF)
            self.check(refused(function, reads, product.resource_policies))

    def test_the_deploy_function_may_deploy_the_template_that_it_checked(self):
        for product in products.bounded():
            role = product.suite.roles["DeployRole"].access(calls.DIRECTLY)
            self.check(refused(role, calls.of_deployer(product), product.suite.resource_policies))


class TestBroken:
    """The same proof over policies that are broken on purpose."""

    def findings(self, name, kind, change, context=calls.SERVICE_ROLE):
        """What the proof finds after a change of every statement of a product's golden policies."""
        product = next(it for it in products.bounded() if it.file == name)
        documents = []
        for policy in product.documents(kind):
            document = copy.deepcopy(policy.document)
            document["Statement"] = [it for it in document["Statement"] if change(it) is not False]
            documents.append(Policy(policy.name, document))
        return list(
            refused(as_cloudformation(product.who_has(kind, tuple(documents)), context), calls.of_product(product))
        )

    def assert_found(self, findings, *parts):
        for part in parts:
            assert any(part in it for it in findings), f"{part}: {findings[:5]}"

    ENTERPRISE = "enterprise-codecommit-standalone-direct-workload"

    def test_a_missing_action_is_found(self):
        def without_rotation(statement):
            if statement["Sid"] == "KeySetup":
                statement["Action"].remove("kms:EnableKeyRotation")

        findings = self.findings(self.ENTERPRISE, "service-role-policy", without_rotation)
        self.assert_found(findings, "create of KmsKey (AWS::KMS::Key, without tags): kms:EnableKeyRotation")

    def test_a_condition_that_waits_for_tags_is_found(self):
        def fenced(statement):
            if statement["Sid"] == "GroupRules":
                tag = {"aws:ResourceTag/ml-provisioner:product": "globalbank"}
                statement.setdefault("Condition", {})["StringEquals"] = tag

        findings = self.findings(self.ENTERPRISE, "service-role-policy", fenced)
        self.assert_found(
            findings,
            "create of EndpointSecurityGroup (AWS::EC2::SecurityGroup, without tags): ec2:AuthorizeSecurityGroupIngress",
            "wants StringEquals aws:ResourceTag/ml-provisioner:product ['globalbank'], the request has <absent>",
        )

    def test_a_log_group_without_its_streams_is_found(self):
        def bare(statement):
            if statement["Sid"] == "LogGroupManagement":
                statement["Resource"] = [it for it in statement["Resource"] if not it.endswith(":*")]

        findings = self.findings(self.ENTERPRISE, "service-role-policy", bare)
        self.assert_found(findings, "logs:CreateLogGroup on", "-security-logs:log-stream:: no statement allows it")

    def test_a_boundary_of_another_name_is_found(self):
        def other(statement):
            if statement["Sid"] == "RoleRights":
                statement["Condition"]["ArnEquals"]["iam:PermissionsBoundary"] += "-of-another-suite"

        findings = self.findings(self.ENTERPRISE, "service-role-policy", other)
        self.assert_found(findings, "create of CodebuildRole (AWS::IAM::Role, without tags): iam:CreateRole on")

    def test_a_role_that_cannot_be_passed_is_found(self):
        def to_none(statement):
            if statement["Sid"] == "PassRoles":
                statement["Condition"]["StringEquals"]["iam:PassedToService"] = "lambda.amazonaws.com"

        findings = self.findings(self.ENTERPRISE, "service-role-policy", to_none)
        self.assert_found(findings, "create of ModelBuildProject (AWS::CodeBuild::Project, without tags): iam:PassRole")

    def test_an_operator_without_cloudformation_is_found(self):
        findings = self.findings(self.ENTERPRISE, "iam-policy", lambda _: None, context=calls.DIRECTLY)
        self.assert_found(findings, "kms:CreateKey on *", "wants ForAnyValue:StringEquals aws:CalledVia")

    def test_a_suite_without_a_permission_is_found(self):
        def without_rules(template):
            statements = template["Resources"]["ServiceRoleResources"]["Properties"]["PolicyDocument"]["Statement"]
            statements[:] = [it for it in statements if it["Sid"] != "Rules"]

        product = next(it for it in products.bounded() if it.file == self.ENTERPRISE)
        partition, region, account = product.place
        suite = Suite(partition=partition, region=region, account=account, changed=without_rules)
        findings = refused(suite.roles["ServiceRole"].access(calls.SERVICE_ROLE), calls.of_product(product))
        self.assert_found(
            list(findings), "ServiceRole", "create of ApprovalRule (AWS::Events::Rule, without tags): events:PutRule"
        )
