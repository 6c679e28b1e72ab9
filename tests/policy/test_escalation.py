"""Proof (c): no principal raises its own rights: not by IAM, not through a service role, not by tags that open a fence.

Two kinds of questions. The attacks of `proofs.py` are requests that must not be allowed, whatever else is in them. And
everything that a principal may change must be its own: `unconfined` looks at every action that isn't a read, on everything.
What is left is listed here, each with its reason.
"""

import collections
import copy
import functools
import itertools
import json

import botocore.session
import pytest

from mlp_tests.aws import CUT, action, matched
from mlp_tests.iam import globs, products
from mlp_tests.iam.evaluator import ABSENT, Context, Policy, classes, decide, reach
from mlp_tests.iam.proofs import (
    ANY_REQUEST,
    FOREIGN_TAGS,
    OF_OTHERS,
    OF_ROLES_ONLY,
    OPENING_TAGS,
    attacks_by_stack_tags,
    attacks_by_tags,
    attacks_by_templates,
    attacks_on_roles,
    policies_of,
    unconfined,
    with_chosen_tags,
    with_everything,
    writes,
)
from mlp_tests.iam.suite import Suite

ENTERPRISE = "enterprise-codecommit-standalone-ssm-rtb"

# What the service roles and operators may change beside what products are called.
NETWORK = (
    "Rules of a new group can't wait for tags (aws-cdk issues 13204 and 13256). Bounded by account and region, where the "
    "config names the VPC by it; it gives no rights in IAM"
)
NAMELESS = {
    "ec2:AuthorizeSecurityGroupEgress": NETWORK,
    "ec2:AuthorizeSecurityGroupIngress": NETWORK,
    "ec2:CreateSecurityGroup": NETWORK,
    "ec2:CreateTags": "Only with the product's tag. It opens nothing: what products own in EC2 is known by CloudFormation's tag",
    "ec2:CreateVpcEndpoint": NETWORK,
    "ec2:ModifyVpcEndpoint": NETWORK,
    "ec2:RevokeSecurityGroupEgress": NETWORK,
    "ec2:RevokeSecurityGroupIngress": NETWORK,
    "kms:CreateAlias": "A name for a key, within products' names of aliases; it takes nothing from the key's owner",
    "kms:EnableKeyRotation": "It can't wait for tags (KMS Developer Guide, ABAC), and takes nothing from the key's owner",
    "route53:AssociateVPCWithHostedZone": "A dependent action of CreateVpcEndpoint with private DNS; the zone is AWS's",
    "sns:Unsubscribe": "A subscription has no ARN that a policy could name",
}
OF_OPERATORS = {
    **NAMELESS,
    "kms:CreateKey": "A new key",
    "kms:TagResource": "Only through CloudFormation, which tags keys of the stack; a key can't be imported into it",
}
OF_STACK_OPERATORS = {"iam:PassRole": "The product's service role, to CloudFormation (checked below)"}

# What a product's roles may change within the boundary beside their own.
SHARED = {
    "cloudwatch:PutMetricData": "Metrics have no ARN; the namespace limits them",
    "ec2:CreateNetworkInterface": "Builds and jobs in a VPC share its subnets with everything else there",
    "ec2:CreateNetworkInterfacePermission": "For CodeBuild and SageMaker only (ec2:AuthorizedService)",
    "ec2:DeleteNetworkInterface": "Builds and jobs in a VPC share its subnets with everything else there",
    "ec2:DeleteNetworkInterfacePermission": "Builds and jobs in a VPC share its subnets with everything else there",
    "logs:CreateLogAnomalyDetector": "`CreateLog*` on the log groups that all jobs of an account share; it changes no rights",
    "logs:CreateLogGroup": "Log groups that all jobs of an account share",
    "logs:CreateLogStream": "Log groups that all jobs of an account share",
    "logs:PutLogEvents": "Streams `pipelines-*` of the log groups that all jobs of an account share",
}
# What runs in Studio, under names that begin like a product's jobs.
STUDIO = [
    ("sagemaker:CreateApp", "app/d-abcdefghijkl/somebody/KernelGateway/{jobs}a"),
    ("sagemaker:CreateApp", "app/d-abcdefghijkl/{jobs}s/JupyterLab/default"),
    ("sagemaker:CreateSpace", "space/d-abcdefghijkl/{jobs}s"),
    ("sagemaker:UpdateSpace", "space/d-abcdefghijkl/{jobs}s"),
    ("sagemaker:CreateUserProfile", "user-profile/d-abcdefghijkl/{jobs}u"),
    ("sagemaker:UpdateUserProfile", "user-profile/d-abcdefghijkl/{jobs}u"),
    ("sagemaker:CreatePresignedDomainUrl", "user-profile/d-abcdefghijkl/{jobs}u"),
    ("sagemaker:StartSession", "space/d-abcdefghijkl/{jobs}s"),
]
# Requests that name a model, and run none of another product. Of all others (`naming_a_model`) the condition key tells the
# model, or the boundary denies them.
OF_NO_FOREIGN_MODEL = {
    "sagemaker:CreateEdgePackagingJob": "The name of the package; the job takes a compilation job and the product's own role",
    "sagemaker:CreateModel": "The name of the new model, which is the resource",
    "sagemaker:CreateOptimizationJob": "Reads the model's files with the role that is passed, the product's own",
    "sagemaker:DeleteModel": "The model is the resource",
    "sagemaker:DescribeModel": "The model is the resource",
    "sagemaker:ListDevices": "A filter",
    "sagemaker:ListInferenceRecommendationsJobs": "A filter",
    "sagemaker:StopInferenceExperiment": "Models of the experiment itself, and nobody can create one",
}
# Denied as a whole: most of these have no key for the model.
INFERENCE = "sagemaker:*ateInference*"
MODEL_KEY = "sagemaker:ModelArn"


def shapes(shape, above=()):
    """The members anywhere in a request: (name, shape) pairs."""
    if shape.name in above:
        return
    above = (*above, shape.name)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield name, member
            yield from shapes(member, above)
    elif shape.type_name in ("list", "map"):
        yield from shapes(shape.member if shape.type_name == "list" else shape.value, above)


@functools.cache
def naming_a_model():
    """The actions of SageMaker whose requests have a model's name anywhere, by botocore's model of the API."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    operations = (model.operation_model(name) for name in model.operation_names)
    return frozenset(
        f"sagemaker:{it.name}"
        for it in operations
        if it.input_shape and any("ModelName" in (name, shape.name) for name, shape in shapes(it.input_shape))
    )


def of_a_model():
    """What runs a model with the model's own role, with its types of resources, and whether it has the key for the model."""
    for name in sorted(naming_a_model() - set(OF_NO_FOREIGN_MODEL)):
        types = action(name)["resource_types"]
        yield name, [kind for kind in types if kind], any(MODEL_KEY in it["condition_keys"] for it in types.values())


# SageMaker names the jobs of a pipeline's steps `pipelines-*`, for every product of the account.
STEPS = ("sagemaker:AddTags", "sagemaker:Create", "sagemaker:Stop")
# Keys by the service that uses them; IAM's context says which bucket or repository it is for.
BY_SERVICE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt")

# What the suite's own roles may change beside its bucket, logs, queues and topics, and products' buckets and stacks.
RUNS, STARTS = {"lambda:InvokeFunction": "Runs a task"}, {"states:StartExecution": "Starts an execution"}
FOLLOWS = {"states:StopExecution": "Stops executions that it started"}
OWN_RULE = "Step Functions' own rule, which reports the end of nested executions to it"
OF_THE_SUITE = {
    "CustomResourceRole": STARTS,
    "DeployMachineRole": RUNS,
    "DeployRole": {"iam:PassRole": "The service role, to CloudFormation (checked below)"},
    "DriftMachineRole": RUNS | STARTS | FOLLOWS,
    "DriftRole": STARTS | {"events:PutEvents": "Reports findings to the account's event bus"},
    "DriftScheduleRole": RUNS,
    "FleetMachineRole": RUNS | STARTS | FOLLOWS | {"events:PutRule": OWN_RULE, "events:PutTargets": OWN_RULE},
    "GenerateRole": {},
    "MacroErrorsRole": {},
    "MacroRole": {},
}
# Of these what is not the suite's.
NOT_OF_THE_SUITE = {"events:PutEvents", "events:PutRule", "events:PutTargets"}


def like_products(partition):
    """ARN patterns of what a session of a product's role may reach by tags of its choice: what products' things are called."""
    here = f"arn:{partition}"
    buckets = [it for it in products.namespace(partition) if it.startswith(f"{here}:s3:")]
    return [
        *buckets,
        *(f"{it}/*" for it in buckets),
        f"{here}:s3:::*/solutions/*/*",
        f"{here}:iam::*:role/*-ml-sagemaker-role",
        f"{here}:sagemaker:*:*:model-package-group/*-ml-models",
        f"{here}:sagemaker:*:*:model-package/*-ml-models/*",
        f"{here}:sagemaker:*:*:*/*--*",
        f"{here}:ssm:*:*:parameter/ml/*-ml/*",
        f"{here}:ecr:*:*:repository/*-ml",
        f"{here}:ecr:*:*:repository/*-ml/*",
        *(
            f"{here}:{service}:*:*:{kind}*-ml-{project}{end}"
            for project in ("build", "deploy")
            for service, kind, end in (
                ("codebuild", "report-group/", "-*"),
                ("logs", "log-group:/aws/codebuild/", ":*"),
            )
        ),
        f"{here}:logs:*:*:log-group:/aws/sagemaker/*--*",
    ]


# What is read, and so none of the changes that `unconfined` looks at. An object of sources: any file `model-*.zip`.
READS = {"s3:GetObject": "s3:::*/*", "s3:GetObjectVersion": "s3:::*/*", "ssm:GetParameter": "ssm:*:*:parameter/*"}


def reached_by_chosen_tags(product):
    """What sessions of a product's roles reach beyond what is called like products' things: (action, text) pairs."""
    own = like_products(product.partition)
    for role in product.roles.values():
        # Two of all names that end as they must; with any other the boundary denies everything.
        for name in ("another-ml", "-ml"):
            access = with_chosen_tags(role, name)
            yield from unconfined(access, own, product.place)
            for action_, target in READS.items():
                there = [*own, f"arn:{product.partition}:s3:::*/*model-*.zip"]
                found = reach(access, action_, f"arn:{product.partition}:{target}", OF_OTHERS, outside=there)
                if found:
                    yield action_, f"{access.name} may {action_} on {found.shown()}"
        for name in ("", "payments", "another-mlx", ABSENT):
            access = with_chosen_tags(role, name)
            for action_ in (
                "ecr:PutImage",
                "iam:PassRole",
                "s3:GetObject",
                "sagemaker:DeleteEndpoint",
                "ssm:GetParameter",
            ):
                found = reach(access, action_, "arn:*:*:*:*:*", OF_OTHERS)
                if found:
                    yield action_, f"{access.name} may {action_} on {found.shown()}"


def foreign_urls(product):
    """Templates that no principal may deploy: inline, in another owner's bucket, or in the suite's bucket but not checked."""
    host = f"https://s3.{product.region}.{product.stack.pseudo['AWS::URLSuffix']}"
    bucket = product.suite.stack.name(product.suite.bucket)
    return [
        None,
        f"{host}/another-owner/deployments/templates/template.yaml",
        f"{host}/another-owner/{bucket}/templates/{product.name}-{product.scenario}.yaml",
        f"https://another-owner.s3.{product.region}.{product.stack.pseudo['AWS::URLSuffix']}/{bucket}/templates/x.yaml",
        f"{host}/{bucket}/configs/template.yaml",
        f"{host}/{bucket}/templates/another-product-ml-codecommit.yaml",
    ]


class TestEscalation:
    def check(self, findings):
        findings = list(findings)
        assert findings[:5] == [], f"{len(findings)} findings"

    def check_confined(self, pairs, reasons, used):
        """Every pair of action and text has its reason."""
        pairs = list(pairs)
        self.check(text for name, text in pairs if name not in reasons)
        used |= {name for name, _ in pairs}

    def suites(self):
        return {product.place: product.suite for product in products.bounded()}

    def test_names_of_products_are_what_this_proof_takes_for_their_names(self):
        cut = set()
        assert [it for it in products.namespace("aws") if "?" in it] == []
        for product in products.bounded():
            patterns = [globs.arn(globs.tokens(it)) for it in products.namespace(product.partition)]
            for name, it in product.stack.resources.items():
                arn = product.stack.arn(name) if it["Type"] in products.cloudformation.NAMED else None
                if arn:
                    assert any(globs.matches(pattern, arn) for pattern in patterns), arn
                    if CUT.search(arn):
                        cut.add(it["Type"])
        # Of names that a limit cuts there are examples, too.
        assert {"AWS::IAM::Role", "AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup"} <= cut

    def test_service_roles_and_operators_of_a_product_change_nothing_else(self):
        for kind, reasons in (
            ("service-role-policy", NAMELESS),
            ("iam-policy", OF_OPERATORS),
            ("stack-operator-policy", OF_STACK_OPERATORS),
        ):
            used = set()
            for product in products.bounded():
                self.check_confined(unconfined(product.who_has(kind), product.named(), product.place), reasons, used)
            assert used == set(reasons), f"{kind}: stale"

    def test_no_principal_changes_a_role_policy_or_user_to_get_more(self):
        for product in products.bounded():
            for kind in products.KINDS:
                access = product.who_has(kind)
                self.check(attacks_on_roles(access, product.place, product.suite.boundary_arn))
                self.check(attacks_by_tags(access, product.place, FOREIGN_TAGS))

    def test_no_principal_tags_a_role_with_names_of_another_product(self):
        everybody = products.bounded()
        for product in everybody:
            others = [it for it in everybody if it.place == product.place and it.name != product.name]
            keys = [*FOREIGN_TAGS, "source", "data-lake"]
            values = {
                key: [it.tag(key) for it in others if it.tag(key) not in (None, product.tag(key))] for key in keys
            }
            # A data lake's name that is in Parameter Store can't be in a policy (policy/fill.rs).
            lake = product.tag("data-lake")
            if lake and lake.startswith(("from-ssm", "<")):
                values.pop("data-lake")
            for kind in ("iam-policy", "service-role-policy"):
                self.check(attacks_by_tags(product.who_has(kind), product.place, values))

    def test_no_operator_tags_a_stack_with_what_opens_the_boundary(self):
        for product in products.bounded():
            for kind in products.KINDS:
                self.check(attacks_by_stack_tags(product.who_has(kind), product.place))

    def test_every_role_has_every_tag_that_opens_the_boundary(self):
        # What the template tags, no tag of the stack can replace.
        for product in products.bounded():
            for name, role in product.template["Resources"].items():
                if role["Type"] == "AWS::IAM::Role":
                    tags = {tag["Key"] for tag in role["Properties"]["Tags"]}
                    missing = {f"ml-provisioner:{key}" for key in (*OF_ROLES_ONLY, "product", "use-case")} - tags
                    assert missing == set(), f"{product.file}: {name}"

    def test_only_checked_templates_are_deployed(self):
        for product in products.bounded():
            for kind in products.KINDS:
                its_own = kind == "iam-policy"
                self.check(
                    attacks_by_templates(product.who_has(kind), product.place, not its_own, foreign_urls(product))
                )
        for place, suite in self.suites().items():
            product = next(it for it in products.bounded() if it.place == place)
            for role in suite.roles.values():
                self.check(attacks_by_templates(role.access(), place, True, foreign_urls(product)))

    def test_a_stack_operator_hands_over_the_products_service_role_only(self):
        for product in products.bounded():
            access = product.who_has("stack-operator-policy")
            own = [product.service_role_arn]
            self.check(text for _, text in unconfined(access, product.named() + own, product.place))
            for service, allowed in (("cloudformation", True), ("lambda", False), ("codebuild", False)):
                context = ANY_REQUEST.joined(Context({"iam:PassedToService": f"{service}.amazonaws.com"}))
                decision = decide(access, "iam:PassRole", product.service_role_arn, context)
                assert decision.possible == allowed, decision.explanation

    def test_the_suites_service_role_changes_only_what_products_are_called(self):
        used = set()
        for place, suite in self.suites().items():
            access = suite.roles["ServiceRole"].access()
            own = products.namespace(place[0])
            self.check_confined(unconfined(access, own, place), NAMELESS, used)
            self.check(attacks_on_roles(access, place, suite.boundary_arn))
            # The boundary adds to other tags what names of products end in.
            self.check(attacks_by_tags(access, place, OPENING_TAGS))
        # It revokes only in groups of products' stacks.
        assert used | {"ec2:RevokeSecurityGroupIngress"} == set(NAMELESS), "stale"

    def test_the_suites_service_role_changes_nothing_of_the_suite(self):
        for place, suite in self.suites().items():
            mine = suite.arns().values()
            own = [globs.arn(globs.tokens(it)) for it in products.namespace(place[0])]
            for arn in mine:
                assert not any(globs.matches(it, arn) for it in own), f"{arn} looks like a product's"

    def test_the_suites_other_roles_change_only_the_suites_and_products_things(self):
        used = collections.defaultdict(set)
        for place, suite in self.suites().items():
            partition, region, account = place
            here = f"arn:{partition}"
            arns = [it for it in suite.arns().values() if it.split(":")[2] in ("logs", "sns", "sqs")]
            buckets = [it for it in products.namespace(partition) if it.startswith(f"{here}:s3:")]
            own = [
                *arns,
                f"{suite.bucket_arn}/*",
                *(f"{it}:*" for it in arns if ":log-group:" in it),
                *buckets,
                *(f"{it}/*" for it in buckets),
                f"{here}:cloudformation:{region}:{account}:stack/*-ml-stack/*",
            ]
            for name, role in suite.roles.items():
                if name != "ServiceRole":
                    used[name] |= set()
                    self.check_confined(unconfined(role.access(), own, place), OF_THE_SUITE[name], used[name])
                    executions = [it.replace(":stateMachine:", ":execution:") + "*" for it in suite.arns().values()]
                    beyond = unconfined(role.access(), [*own, *suite.arns().values(), *executions], place)
                    self.check(text for it, text in beyond if it not in NOT_OF_THE_SUITE)
                    self.check(attacks_on_roles(role.access(), place, suite.boundary_arn))
                    self.check(attacks_by_tags(role.access(), place, FOREIGN_TAGS))
        assert used == {name: set(reasons) for name, reasons in OF_THE_SUITE.items()}, "stale"

    def test_the_suites_other_roles_manage_no_permissions_but_one_hands_the_service_role_to_cloudformation(self):
        for place, suite in self.suites().items():
            service_role = suite.roles["ServiceRole"].arn
            for name, role in suite.roles.items():
                if name == "ServiceRole":
                    continue
                access, allowed = role.access(), [service_role] if name == "DeployRole" else []
                self.check(
                    text
                    for it, text in unconfined(access, allowed, place)
                    if action(it)["access_level"] == "Permissions management"
                )
                for service in ("cloudformation", "lambda", "sagemaker"):
                    context = ANY_REQUEST.joined(Context({"iam:PassedToService": f"{service}.amazonaws.com"}))
                    decision = decide(access, "iam:PassRole", service_role, context)
                    expected = name == "DeployRole" and service == "cloudformation"
                    assert decision.possible == expected, f"{name}, {service}: {decision.explanation}"

    def test_within_the_boundary_a_products_role_changes_only_its_own_whatever_is_attached_to_it(self):
        used = set()
        reasons = dict(SHARED)
        for product in products.bounded():
            access = with_everything(product.roles["CodebuildRole"])
            jobs_role = f"arn:{product.partition}:iam::{product.account}:role/{product.full('sagemaker-role')}"
            pairs = list(unconfined(access, [*product.of_jobs(), jobs_role], product.place))
            for name, text in pairs:
                if name.startswith(STEPS) and ":*/pipelines-" not in text and "/pipelines-" in text:
                    reasons[name] = "Jobs of pipelines' steps have the same names for all products of an account"
                if name.startswith(BY_SERVICE):
                    assert "ServiceKeys" in text
                    reasons[name] = "Only through CodeCommit or S3 (kms:ViaService), for own buckets"
            self.check_confined(pairs, reasons, used)
        assert set(SHARED) - used == set(), "stale"

    def test_network_interfaces_are_for_builds_and_jobs_only(self):
        for product in products.bounded():
            access = with_everything(product.roles["CodebuildRole"])
            for service, may in (("codebuild", True), ("sagemaker", True), ("lambda", False), ("ec2", False)):
                context = ANY_REQUEST.joined(Context({"ec2:AuthorizedService": f"{service}.amazonaws.com"}))
                decision = decide(access, "ec2:CreateNetworkInterfacePermission", "*", context)
                assert decision.possible == may, f"{product.file} {service}: {decision.explanation}"

    def test_tags_of_a_session_open_the_boundary_for_things_named_like_products_only(self):
        """Who may write a trust policy can allow sts:TagSession. IAM has no condition on a trust policy's text."""
        writers = set()
        for product in products.bounded():
            trust = f"arn:{product.partition}:iam::{product.account}:role/*"
            known = [*product.who_has_all(), *(it.access() for it in product.suite.roles.values())]
            bounded = Context({"iam:PermissionsBoundary": product.suite.boundary_arn})
            for access in known:
                if reach(access, "iam:UpdateAssumeRolePolicy", trust, ANY_REQUEST.joined(bounded)):
                    writers.add(access.name.rpartition(": ")[2].partition("-A")[0])
                # Only roles that the boundary limits.
                for boundary in (ABSENT, "arn:aws:iam::aws:policy/AdministratorAccess"):
                    other = ANY_REQUEST.joined(Context({"iam:PermissionsBoundary": boundary}))
                    assert reach(access, "iam:UpdateAssumeRolePolicy", trust, other) is None, access.name
            pairs = list(reached_by_chosen_tags(product))
            reasons = SHARED | {
                name: "Steps of pipelines, or through CodeCommit or S3 only"
                for name, text in pairs
                if (name.startswith(STEPS) and "/pipelines-" in text)
                or (name.startswith(BY_SERVICE) and "ServiceKeys" in text)
            }
            self.check_confined(pairs, reasons, set())
        assert len(writers) == 3, writers

    def test_a_products_role_hands_over_its_own_jobs_role_to_sagemaker_only(self):
        for product in products.bounded():
            jobs_role = product.roles["SagemakerRole"]
            assert jobs_role.boundary_arn == product.suite.boundary_arn
            assert jobs_role.arn.rsplit("/", 1)[-1] == product.full("sagemaker-role")
            access = with_everything(product.roles["CodebuildRole"])
            for service, may in (("sagemaker", True), ("codebuild", False), ("lambda", False), ("ec2", False)):
                context = ANY_REQUEST.joined(Context({"iam:PassedToService": f"{service}.amazonaws.com"}))
                assert decide(access, "iam:PassRole", jobs_role.arn, context).possible == may, service
            self.check(attacks_on_roles(access, product.place, product.suite.boundary_arn))
            self.check(attacks_by_tags(access, product.place, FOREIGN_TAGS))
            self.check(attacks_by_templates(access, product.place, True, foreign_urls(product)))

    def test_no_role_of_a_product_runs_something_in_studio_with_the_role_of_somebody_else(self):
        """Names of apps, spaces and profiles may begin like those of jobs, and their roles are the domain's or a user's."""
        for product in [*products.bounded(), *products.unbounded()]:
            # AmazonSageMakerFullAccess, which starter attaches, allows them; only the boundary denies them.
            if product.suite is None and product.tier == "starter":
                continue
            here, jobs = f"arn:{product.partition}:sagemaker:{product.region}:{product.account}", product.full("jobs")
            for role, (name, resource) in itertools.product(product.roles.values(), STUDIO):
                arn = f"{here}:{resource.format(jobs=jobs)}"
                found = decide(role.access(), name, arn, ANY_REQUEST)
                assert not found.possible, f"{product.file}: {role.logical_id}: {name} {arn}"

    def test_every_request_that_names_a_model_is_known(self):
        assert set(OF_NO_FOREIGN_MODEL) - naming_a_model() == set(), "stale"
        for name, kinds, has_key in of_a_model():
            assert kinds, name
            assert has_key or name in matched(INFERENCE), f"{name} runs a model, and no condition key tells which"
        assert naming_a_model() - set(OF_NO_FOREIGN_MODEL) > matched(INFERENCE) & naming_a_model()

    def test_no_role_of_a_product_runs_a_model_of_another(self):
        for product in [*products.bounded(), *products.unbounded()]:
            if product.suite is None and product.tier == "starter":
                continue
            here, jobs = f"arn:{product.partition}:sagemaker:{product.region}:{product.account}", product.full("jobs")
            access = product.roles["CodebuildRole"].access()
            for name, kinds, _ in of_a_model():
                is_denied = name in matched(INFERENCE)
                models = ((f"{jobs}1", not is_denied), ("other-0123456789bcdf--1", False), (f"{jobs[1:]}1", False))
                for kind, (model, may) in itertools.product(kinds, models):
                    arn = f"{here}:{kind}/{jobs}live"
                    context = Context({MODEL_KEY: f"{here}:model/{model}"}, free=["*"])
                    found = decide(access, name, arn, context)
                    assert found.possible == may, f"{product.file}: {name} with {model}"
            # Also those that name no model, such as UpdateInferenceComponentRuntimeConfig.
            for name in matched(INFERENCE):
                for kind in filter(None, action(name)["resource_types"]):
                    found = decide(access, name, f"{here}:{kind}/{jobs}live", ANY_REQUEST)
                    assert not found.possible, f"{product.file}: {name}: {found.explanation}"

    def test_without_a_boundary_a_products_role_still_changes_no_role_policy_or_user(self):
        # AmazonSageMakerFullAccess, which starter attaches, hands any role that trusts SageMaker to SageMaker, and creates
        # service-linked roles. The boundary is there for that.
        wide = {"iam:PassRole", "iam:CreateServiceLinkedRole"}
        for product in products.unbounded():
            partition, _, account = product.place
            for role in product.roles.values():
                access = role.access()
                for name, _ in classes(writes("iam") - wide, policies_of(access)):
                    found = reach(access, name, f"arn:{partition}:iam::{account}:*", ANY_REQUEST)
                    assert found is None, f"{product.file}: {role.logical_id} may {name}: {found}"


def statements(template, policy):
    return template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]


def named(them, sid):
    (found,) = (it for it in them if it.get("Sid") == sid)
    return found


class TestBroken:
    """The same proof over policies that are broken on purpose."""

    @pytest.fixture(autouse=True)
    def prepared(self):
        self.product = next(it for it in products.bounded() if it.file == ENTERPRISE)

    def take_the_product_whose_policy_has(self, *sids):
        """Policies that would need more documents otherwise are merged, and have other statements."""

        def has_them(product):
            statements = [it for document in product.documents("iam-policy") for it in document.document["Statement"]]
            return set(sids) <= {it.get("Sid") for it in statements}

        self.product = next(it for it in products.bounded() if has_them(it))

    def of_product(self, kind, change):
        """Who gets a product's golden policies after a change of all their statements."""
        documents = [copy.deepcopy(it.document) for it in self.product.documents(kind)]
        change([statement for document in documents for statement in document["Statement"]])
        policies = [
            Policy(policy.name, document)
            for policy, document in zip(self.product.documents(kind), documents, strict=True)
        ]
        return self.product.who_has(kind, tuple(policies))

    def of_suite(self, change):
        partition, region, account = self.product.place
        return Suite(partition=partition, region=region, account=account, changed=change)

    def assert_found(self, findings, *parts):
        findings = list(findings)
        assert any(all(part in it for part in parts) for it in findings), f"{parts}: {findings[:5]}"

    def test_a_role_without_a_boundary_is_found(self):
        access = self.of_product("service-role-policy", lambda them: named(them, "RoleRights").pop("Condition"))
        findings = list(attacks_on_roles(access, self.product.place, self.product.suite.boundary_arn))
        self.assert_found(
            findings,
            f"{ENTERPRISE}: service-role-policy may iam:CreateRole without a boundary on arn:aws:iam::123456789012:role/"
            "globalbank-prod-c001-demand-forecasting-ml-codebuild-role (allowed by service-role-policy/RoleRights)",
        )
        self.assert_found(findings, "iam:AttachRolePolicy of AWS's administrators")
        self.assert_found(findings, "iam:PutRolePermissionsBoundary with the boundary")

    def test_a_boundary_that_can_be_left_out_is_found(self):
        def if_exists(them):
            condition = named(them, "RoleRights")["Condition"]
            condition["ArnEqualsIfExists"] = condition.pop("ArnEquals")

        access = self.of_product("iam-policy", if_exists)
        findings = attacks_on_roles(access, self.product.place, self.product.suite.boundary_arn)
        self.assert_found(findings, "iam:CreateRole without a boundary", "RoleRights")

    def test_inline_policies_and_a_boundary_that_can_be_removed_are_found(self):
        self.take_the_product_whose_policy_has("IamManagement")

        def more(them):
            named(them, "IamManagement")["Action"] += ["iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"]

        findings = list(
            attacks_on_roles(self.of_product("iam-policy", more), self.product.place, self.product.suite.boundary_arn)
        )
        self.assert_found(findings, "iam:PutRolePolicy without a boundary", "IamManagement")
        self.assert_found(findings, "iam:DeleteRolePermissionsBoundary", "IamManagement")

    def test_a_boundary_that_can_be_rewritten_is_found(self):
        def wide(them):
            named(them, "IamManagement")["Resource"] = "arn:aws:iam::123456789012:policy/*"

        access = self.of_product("service-role-policy", wide)
        findings = attacks_on_roles(access, self.product.place, self.product.suite.boundary_arn)
        self.assert_found(findings, "iam:CreatePolicyVersion that is the boundary", "mlp-product-boundary-us-west-2")

    def test_a_role_that_is_handed_to_any_service_is_found(self):
        access = self.of_product("iam-policy", lambda them: named(them, "PassRoles").pop("Condition"))
        findings = attacks_on_roles(access, self.product.place, self.product.suite.boundary_arn)
        self.assert_found(findings, "iam:PassRole to lambda", "PassRoles")

    def test_any_tags_of_a_role_are_found(self):
        access = self.of_product("service-role-policy", lambda them: named(them, "RoleTags").pop("Condition"))
        findings = list(attacks_by_tags(access, self.product.place, FOREIGN_TAGS))
        self.assert_found(findings, "iam:TagRole with ml-provisioner:artifacts = 'payments-data'", "RoleTags")
        self.assert_found(findings, "ml-provisioner:sagemaker-role = 'OrganizationAccountAccessRole'")

    def test_a_boundary_that_trusts_a_tag_alone_is_found(self):
        fixed = {
            "-ml-artifacts": "s3:DeleteObject",
            "-ml-models": "sagemaker:DeleteModelPackageGroup",
            "-ml-sagemaker-role": "iam:PassRole",
            "--": "sagemaker:DeleteEndpoint",
            "*model-*.zip": "s3:GetObject",
        }
        for text, name in fixed.items():

            def changed(template, text=text):
                properties = template["Resources"]["ProductBoundary"]["Properties"]
                document = (
                    json.dumps(properties["PolicyDocument"]).replace(f"}}/{text}", "}/*").replace(f"}}{text}", "}")
                )
                properties["PolicyDocument"] = json.loads(document)

            assert name in self.reached(changed), text

        def without_deny(template):
            statements = template["Resources"]["ProductBoundary"]["Properties"]["PolicyDocument"]["Statement"]
            statements[:] = [it for it in statements if it.get("Sid") != "OfAProduct"]

        assert "ecr:PutImage" in self.reached(without_deny)
        assert "iam:PassRole" not in self.reached(lambda template: None)

    def reached(self, changed):
        partition, region, account = self.product.place
        suite = Suite(partition=partition, region=region, account=account, changed=changed)
        product = products.Product(self.product.file, suite)
        return {name for name, _ in reached_by_chosen_tags(product)}

    def test_a_foreign_trust_policy_is_found(self):
        def wide(them):
            named(them, "RoleRights")["Resource"].append("arn:aws:iam::123456789012:role/*-codebuild-role")

        found = unconfined(self.of_product("service-role-policy", wide), self.product.named(), self.product.place)
        texts = [text for name, text in found if name == "iam:UpdateAssumeRolePolicy"]
        self.assert_found(texts, "role/-codebuild-role (allowed by service-role-policy/RoleRights)")

    def test_a_fence_that_is_open_is_found(self):
        access = self.of_product("service-role-policy", lambda them: named(them, "TaggedResources").pop("Condition"))
        found = {name for name, _ in unconfined(access, self.product.named(), self.product.place)}
        assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource"} <= found

    def test_a_foreign_key_that_can_be_tagged_is_found(self):
        def without_null(them):
            named(them, "NewResources")["Condition"].pop("Null")

        access = self.of_product("service-role-policy", without_null)
        found = unconfined(access, self.product.named(), self.product.place)
        self.assert_found([text for _, text in found], "kms:TagResource on arn:aws:kms", "NewResources")

    def test_code_of_foreign_builds_is_found(self):
        self.take_the_product_whose_policy_has("CodeBuildManagement")

        def wide(them):
            _, region, account = self.product.place
            named(them, "CodeBuildManagement")["Resource"] = f"arn:aws:codebuild:{region}:{account}:project/*-build"

        found = unconfined(self.of_product("iam-policy", wide), self.product.named(), self.product.place)
        self.assert_found([text for _, text in found], "codebuild:UpdateProject on", "CodeBuildManagement")

    def test_stack_tags_that_open_the_boundary_are_found(self):
        statements = {"StackTemplate": "cloudformation:CreateChangeSet", "StackTags": "cloudformation:TagResource"}
        conditions = {
            "ForAllValues:StringNotEqualsIgnoreCase": OF_ROLES_ONLY,
            "StringEqualsIfExists": ("product", "use-case"),
        }
        for (sid, name), (condition, keys) in itertools.product(statements.items(), conditions.items()):

            def weakened(them, sid=sid, condition=condition):
                named(them, sid)["Condition"].pop(condition)

            access = self.of_product("stack-operator-policy", weakened)
            findings = list(attacks_by_stack_tags(access, self.product.place))
            for key in keys:
                self.assert_found(findings, f"{name} with ml-provisioner:{key} =", sid)

    def test_a_template_of_ones_own_is_found(self):
        for kind in ("iam-policy", "stack-operator-policy"):
            access = self.of_product(kind, lambda them: named(them, "StackTemplate")["Condition"].pop("StringLike"))
            findings = list(attacks_by_templates(access, self.product.place, True, foreign_urls(self.product)))
            self.assert_found(findings, "cloudformation:CreateChangeSet with the template None", "StackTemplate")
            self.assert_found(findings, "configs/template.yaml")

    def test_an_import_and_an_update_are_found(self):
        def more(them):
            named(them, "StackTemplate")["Condition"].pop("Null")
            named(them, "StackManagement")["Action"].append("cloudformation:UpdateStack")

        access = self.of_product("stack-operator-policy", more)
        findings = list(attacks_by_templates(access, self.product.place, True, foreign_urls(self.product)))
        self.assert_found(findings, "that imports a resource", "StackTemplate")
        self.assert_found(findings, "cloudformation:UpdateStack on", "StackManagement")

    def test_a_service_role_of_the_suite_without_the_boundary_is_found(self):
        def changed(template):
            them = statements(template, "ServiceRoleIdentity")
            them.remove(named(them, "NoRoleWithoutBoundary"))
            named(them, "RoleRights").pop("Condition")

        suite = self.of_suite(changed)
        access = suite.roles["ServiceRole"].access()
        findings = list(attacks_on_roles(access, self.product.place, suite.boundary_arn))
        self.assert_found(findings, "ml-provisioner-ServiceRole-", "iam:CreateRole without a boundary", "RoleRights")

    def test_either_of_the_suites_two_fences_is_enough(self):
        def without_denial(template):
            them = statements(template, "ServiceRoleIdentity")
            them.remove(named(them, "NoRoleWithoutBoundary"))

        def without_condition(template):
            named(statements(template, "ServiceRoleIdentity"), "RoleRights").pop("Condition")

        for changed in (without_denial, without_condition):
            suite = self.of_suite(changed)
            access = suite.roles["ServiceRole"].access()
            findings = [
                it
                for it in attacks_on_roles(access, self.product.place, suite.boundary_arn)
                if "of AWS's administrators" not in it
            ]
            assert findings == []

    def test_a_deploy_function_that_takes_any_template_or_role_is_found(self):
        def changed(template):
            named(statements(template, "DeployPolicy"), "ChangeSets").pop("Condition")
            named(statements(template, "DeployPolicy"), "HandOverServiceRole").pop("Condition")

        suite = self.of_suite(changed)
        access = suite.roles["DeployRole"].access()
        findings = list(attacks_by_templates(access, self.product.place, True, foreign_urls(self.product)))
        self.assert_found(findings, "ml-provisioner-DeployRole-", "with the template None", "ChangeSets")
        self.assert_found(findings, "with another role")
        self.assert_found(attacks_on_roles(access, self.product.place, suite.boundary_arn), "iam:PassRole to lambda")

    def test_a_function_of_the_suite_that_rewrites_functions_is_found(self):
        def changed(template):
            statements(template, "MacroPolicy").append(
                {
                    "Sid": "TooMuch",
                    "Effect": "Allow",
                    "Action": ["lambda:Update*", "states:UpdateStateMachine"],
                    "Resource": "*",
                }
            )

        access = self.of_suite(changed).roles["MacroRole"].access()
        found = dict(unconfined(access, [], self.product.place))
        assert "TooMuch" in found["lambda:UpdateFunctionCode"]
        assert "TooMuch" in found["states:UpdateStateMachine"]

    def test_a_boundary_that_lets_a_component_take_any_model_is_found(self):
        def changed(template):
            for statement in statements(template, "ProductBoundary"):
                if statement["Effect"] == "Deny" and isinstance(statement["Action"], list):
                    statement["Action"] = [it for it in statement["Action"] if it != INFERENCE]

        for change, may in ((lambda _: None, False), (changed, True)):
            product = products.Product(ENTERPRISE, self.of_suite(change))
            access = with_everything(product.roles["CodebuildRole"])
            for name in ("UpdateInferenceComponent", "CreateInferenceExperiment", "CreateInferenceRecommendationsJob"):
                (kind,) = filter(None, action(f"sagemaker:{name}")["resource_types"])
                arn = f"arn:aws:sagemaker:{product.region}:{product.account}:{kind}/{product.full('jobs')}x"
                assert decide(access, f"sagemaker:{name}", arn, ANY_REQUEST).possible == may, name

    def test_a_boundary_that_allows_iam_is_found(self):
        def changed(template):
            statements(template, "ProductBoundary").append(
                {"Sid": "TooMuch", "Effect": "Allow", "Action": ["iam:*", "sts:AssumeRole"], "Resource": "*"}
            )

        suite = self.of_suite(changed)
        product = products.Product(ENTERPRISE, suite)
        access = with_everything(product.roles["CodebuildRole"])
        findings = list(attacks_on_roles(access, product.place, suite.boundary_arn))
        for part in (
            "iam:CreateRole without a boundary",
            "iam:CreatePolicyVersion that is the boundary",
            "sts:AssumeRole",
        ):
            self.assert_found(findings, part, "mlp-product-boundary-us-west-2/TooMuch")
