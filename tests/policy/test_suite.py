"""The policies of the suite itself, in infra/template.yaml, against what AWS says of its actions (`mlp_tests/aws.py`).

The template is resolved as CloudFormation would, for parameters that make it longest. Every pattern is held against the
real names of the golden templates' resources: a role that may do the right things to the wrong names can do nothing.
"""

import collections
import functools
import itertools
import json
import re

import botocore.exceptions
import botocore.session
import pytest

from mlp_tests import cloudformation, golden
from mlp_tests.aws import (
    AWS,
    CUT,
    EXCEPTIONS,
    MAX_SIZE,
    action,
    handlers,
    is_of_type,
    like,
    listed,
    matched,
    meant,
    resource_types,
    size,
    useless,
)
from mlp_tests.iam import products
from mlp_tests.iam import suite as iam_suite
from mlp_tests.iam.evaluator import Context, decide
from mlp_tests.iam.evaluator import tags as tag_keys
from mlp_tests.paths import GOLDEN, ROOT

TEMPLATE = iam_suite.template()
ACCOUNT, REGION = "123456789012", "us-west-2"
BUCKET = f"mlp-{ACCOUNT}-{REGION}"
# Everything that adds a statement or an ARN to a policy of the suite's own.
LONGEST = {
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "LicenceMode": "enforce",
    "Tracing": "Active",
    "ConfigWriters": [f"arn:aws:iam::{ACCOUNT}:role/ml-config-writers"],
    "RuleWriters": [f"arn:aws:iam::{ACCOUNT}:role/ml-rule-writers"],
    "Approvers": [f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_MlApprovers_*"],
}
# The service and the resource type in the data set, for the product's types that have a name of our choice.
KINDS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "dashboard"),
    "AWS::CodeBuild::Project": ("codebuild", "project"),
    "AWS::CodeCommit::Repository": ("codecommit", "repository"),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "pipeline"),
    "AWS::Events::Rule": ("events", "rule-on-default-event-bus"),
    "AWS::IAM::ManagedPolicy": ("iam", "policy"),
    "AWS::IAM::Role": ("iam", "role"),
    "AWS::KMS::Alias": ("kms", "alias"),
    "AWS::Logs::LogGroup": ("logs", "log-group"),
    "AWS::S3::Bucket": ("s3", "bucket"),
    "AWS::SNS::Topic": ("sns", "topic"),
    "AWS::SSM::Parameter": ("ssm", "parameter"),
    "AWS::SageMaker::ModelPackageGroup": ("sagemaker", "model-package-group"),
}
# IAM: managed policies of a role, if nobody asks for more. S3: a bucket policy's bytes.
MOST_POLICIES, MAX_BUCKET_POLICY = 10, 20_480
# What the suite's roles may do with their bucket: keys to actions, all of them. `""` is the bucket itself.
READ, READ_VERSIONS = {"s3:GetObject"}, {"s3:GetObject", "s3:GetObjectVersion"}
KEEP = {"s3:GetObject", "s3:PutObject"}
KEYS = {
    "CustomResourceRole": {"": {"s3:ListBucket"}, "/pending/requests/*": KEEP, "/status/configs/*": KEEP},
    "DeployRole": {
        "": {"s3:ListBucket", "s3:ListBucketVersions"},
        "/configs/*": READ_VERSIONS,
        "/deployments/*": KEEP | READ_VERSIONS,
        "/pending/approvals/*": KEEP,
        "/pending/requests/*": KEEP,
        "/reports/changes/*": KEEP | READ_VERSIONS,
        "/reports/drift/runs/*": READ_VERSIONS,
        "/rules/*": READ_VERSIONS,
        "/status/*": KEEP,
        "/templates/*": READ_VERSIONS,
    },
    "DriftMachineRole": {"/reports/drift/runs/*": READ},
    "DriftRole": {
        "": {"s3:ListBucket"},
        "/configs/*": READ_VERSIONS,
        "/deployments/files/*": READ_VERSIONS,
        "/drift-ignore.yaml": READ_VERSIONS,
        "/reports/drift/*": KEEP | READ_VERSIONS,
        "/status/*": READ_VERSIONS,
        "/templates/*": READ_VERSIONS,
    },
    "FleetMachineRole": {"/deployments/fleets/*": READ},
    "GenerateRole": {
        "": {"s3:ListBucket", "s3:ListBucketVersions"},
        "/configs/*": READ_VERSIONS,
        "/policies/*": KEEP,
        "/reports/*": KEEP,
        "/rules/*": READ,
        "/status/*": KEEP,
        "/templates/*": KEEP,
    },
}
# Who may use a resource of the suite by a policy of the resource: services only, for this account only.
INVOKERS = {"ExecutionsWithoutAnswerPermission": "events.amazonaws.com", "GeneratePermission": "s3.amazonaws.com"}


class Deployment(cloudformation.Stack):
    """The template as CloudFormation resolves it for some parameters."""

    def __init__(self, long_names=False, account=ACCOUNT, region=REGION, pseudo=None, **parameters):
        self.long_names = long_names
        given = {name: ",".join(it) if isinstance(it, list) else it for name, it in parameters.items()}
        super().__init__(
            TEMPLATE,
            stack="ml-provisioner",
            account=account,
            region=region,
            partition=products.partition_of(region),
            parameters=given,
        )
        self.pseudo |= pseudo or {}
        self.place |= {"partition": self.pseudo["AWS::Partition"], "region": self.pseudo["AWS::Region"]}

    @functools.cached_property
    def deployed(self):
        """The resources with their properties resolved."""
        return {name: {**it, "Properties": self.properties(name)} for name, it in self.resources.items()}

    def name(self, name):
        """The physical name, without the random characters that CloudFormation adds."""
        properties = self.template["Resources"][name]["Properties"]
        for key in ("BucketName", "ManagedPolicyName", "Name", "FunctionName"):
            if key in properties:
                return self.resolve(properties[key])
        physical = f"{self.pseudo['AWS::StackName']}-{name}"
        # CloudFormation cuts the names that it chooses to what the service takes.
        return physical.ljust(64, "x")[:64] if self.long_names else physical

    def roles(self):
        """Role to its policies, each a name and its statements."""
        roles = collections.defaultdict(dict)
        for name in self.kinds("AWS::IAM::ManagedPolicy"):
            for role in self.template["Resources"][name]["Properties"].get("Roles", []):
                roles[role["Ref"]][name] = self.statements(name)
        return roles

    def statements(self, resource):
        return self.properties(resource)["PolicyDocument"]["Statement"]


@functools.cache
def suite(account=ACCOUNT, region=REGION):
    return Deployment(account=account, region=region, **LONGEST)


def arn_of(kind, name):
    """The ARN of a product's resource."""
    service, resource = KINDS[kind]
    raw = AWS[service]["resources"][resource]["arn"]
    raw = raw.replace("${Partition}", "aws").replace("${Region}", REGION).replace("${Account}", ACCOUNT)
    # Names of parameters and aliases bring the separator with them.
    return re.sub(r"\$\{[^}]*\}", name.removeprefix("/").removeprefix("alias/"), raw)


def written(kind):
    """The actions that the golden policies of a kind are meant to grant."""
    paths = list((GOLDEN / "policies").glob(f"*-{kind}*.json"))
    statements = [it for path in paths for it in json.loads(path.read_text(encoding="utf-8"))["Statement"]]
    return {name for it in statements for pattern in listed(it["Action"]) for name in meant(pattern)}


def any_like(texts, patterns):
    return any(like(text, pattern) for text in listed(texts) for pattern in listed(patterns))


class TestPolicies:
    """The roles' policies, the golden templates and the names in them."""

    @classmethod
    def setup_class(cls):
        cls.roles = suite().roles()
        cls.templates = golden.templates()
        cls.identities = collections.defaultdict(set)
        for line in (GOLDEN / "identities.txt").read_text(encoding="utf-8").splitlines():
            _, _, kind, name = line.split(" | ")
            # The names of other partitions' products belong to suites there, and follow the same patterns.
            if kind in KINDS and name != "-":
                cls.identities[kind].add(name)

    def statements(self):
        """Where, role and statement, of everything that a role of the suite is allowed."""
        for role, policies in self.roles.items():
            for policy, statements in policies.items():
                for statement in statements:
                    if statement["Effect"] == "Allow":
                        yield f"{policy}: {statement['Sid']}", role, statement

    def allowing(self, role, name, arn=None):
        """The statements that allow a role to do something (to a resource), conditions apart."""
        return [
            statement
            for _, owner, statement in self.statements()
            if owner == role
            and any(name in matched(pattern) for pattern in listed(statement["Action"]))
            and (arn is None or any_like(arn, statement["Resource"]))
        ]

    def allows(self, role, name, arn):
        return bool(self.allowing(role, name, arn))

    def grants(self, role, name):
        return bool(self.allowing(role, name))

    def every_statement(self):
        """Where and statement, of all policies of roles and of the boundary."""
        for where, _, statement in self.statements():
            yield where, statement
        for statement in suite().statements("ProductBoundary"):
            yield f"ProductBoundary: {named(statement)}", statement


def named(statement):
    """What a statement is called: its Sid, or its first action."""
    return statement.get("Sid") or listed(statement["Action"])[0]


class TestSuite(TestPolicies):
    def test_every_role_has_its_policies_and_none_inline(self):
        roles = {name for name, it in suite().deployed.items() if it["Type"] == "AWS::IAM::Role"}
        assert len(roles) >= 10
        assert set(self.roles) == roles
        for name in roles:
            assert "Policies" not in suite().deployed[name]["Properties"], name
            assert "ManagedPolicyArns" not in suite().deployed[name]["Properties"], name
            assert len(self.roles[name]) <= MOST_POLICIES, name

    def test_every_document_fits_into_a_managed_policy_with_the_longest_names(self):
        longest = Deployment(
            long_names=True,
            pseudo={
                "AWS::Partition": "aws-us-gov",
                "AWS::Region": "ap-southeast-2",
                "AWS::URLSuffix": "amazonaws.com.cn",
            },
            **LONGEST,
            BucketName="b" * 63,
            BoundaryName="b" * 128,
            StateMachineName="m" * 70,
            CustomResourceFunctionName="f" * 64,
        )
        for name, resource in longest.deployed.items():
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                assert size(resource["Properties"]["PolicyDocument"]) <= MAX_SIZE, name
        policy = longest.deployed["BucketPolicy"]["Properties"]["PolicyDocument"]
        assert len(json.dumps(policy)) <= MAX_BUCKET_POLICY / 2, "leave room for lists of principals"

    def test_sids_are_used_once(self):
        for name, resource in suite().deployed.items():
            document = resource["Properties"].get("PolicyDocument")
            if document:
                sids = [statement["Sid"] for statement in document["Statement"] if "Sid" in statement]
                assert len(sids) == len(set(sids)), name
                # The boundary saves the characters.
                if name != "ProductBoundary":
                    assert len(sids) == len(document["Statement"]), name

    def test_every_action_exists(self):
        for name in suite().deployed:
            if "PolicyDocument" in suite().deployed[name]["Properties"]:
                for statement in suite().statements(name):
                    for pattern in listed(statement["Action"]):
                        if (pattern, statement["Effect"]) != ("*", "Deny"):
                            assert matched(pattern), f"{name}: {pattern} matches no action of AWS"

    def test_every_action_takes_the_resources_that_it_is_scoped_to(self):
        for where, statement in self.every_statement():
            # A log group's Arn ends in `:*`, which stands for its streams.
            resources = [re.sub(r"\$\{[^}]*\}", "x", it) for it in listed(statement["Resource"])]
            resources = [re.sub(r"(:log-group:[^:]+):\*$", r"\1:log-stream:*", it) for it in resources]
            if resources == ["*"] or listed(statement["Action"]) == ["s3:*"]:
                continue
            effective = set()
            for pattern in listed(statement["Action"]):
                on = set()
                for name in matched(pattern):
                    kinds = set(resource_types(name))
                    lagging = EXCEPTIONS["data_set_lags"].get(name)
                    kinds |= {lagging["resource"]} if lagging else set()
                    service = name.partition(":")[0]
                    on |= {arn for arn in resources if any(is_of_type(arn, service, kind) for kind in kinds)}
                assert on, f"{where}: {pattern} takes none of {resources}"
                effective |= on
            assert set(resources) - effective == set(), f"{where}: no action takes these"

    def test_what_can_be_scoped_is_scoped_and_the_rest_is_bounded(self):
        unscoped = set()
        for where, statement in self.every_statement():
            if listed(statement["Resource"]) == ["*"] and statement["Effect"] == "Allow":
                assert "Condition" in statement, where
                for pattern in listed(statement["Action"]):
                    if "*" not in pattern:
                        unscoped |= {pattern} if resource_types(pattern) else set()
                        continue
                    # Beside the calls that it is for, a pattern may match others that only look.
                    levels = {action(name)["access_level"] for name in matched(pattern)}
                    unscoped |= set() if levels <= {"Read", "List"} else {pattern}
        assert unscoped == set(EXCEPTIONS["suite_unscoped"])

    def test_every_condition_key_means_something_to_its_actions(self):
        for where, statement in self.every_statement():
            names = {name for pattern in listed(statement["Action"]) for name in matched(pattern)}
            assert list(useless(statement, names)) == [], where

    def test_what_an_action_depends_on_is_granted_too(self):
        missing = set()
        for _, role, statement in self.statements():
            for pattern in listed(statement["Action"]):
                for name in matched(pattern):
                    for it in action(name)["resource_types"].values():
                        needed = [other for other in it["dependent_actions"] if not self.grants(role, other)]
                        missing |= {f"{role} {name} {other}" for other in needed}
        assert missing == set(EXCEPTIONS["suite_independent"])

    def needed(self, wanted):
        """Type and action for everything that CloudFormation calls in some handlers of the products' types."""
        kinds = {str(it["Type"]) for template in self.templates.values() for it in template["Resources"].values()}
        for kind in sorted(kinds):
            for name, needing in handlers(kind).items():
                if needing & wanted and name not in EXCEPTIONS["never_triggered"].get(kind, {}):
                    yield kind, name

    def test_the_service_role_may_do_what_every_handler_asks_for(self):
        needed = self.needed({"create", "read", "update", "delete", "tag", "by hand"})
        missing = [(kind, name) for kind, name in needed if not self.grants("ServiceRole", name)]
        assert missing == []

    def test_the_service_role_may_do_whatever_the_policies_of_single_products_grant(self):
        missing = {name for name in written("service-role-policy") if not self.grants("ServiceRole", name)}
        assert missing == set()

    def test_the_functions_may_do_with_stacks_what_an_operator_may(self):
        stacks = {name for name in written("stack-operator-policy") if name.startswith("cloudformation:")}
        missing = {name for name in stacks if not any(self.grants(it, name) for it in ("DeployRole", "DriftRole"))}
        assert missing == set(EXCEPTIONS["operators_only"])

    def test_the_drift_function_may_read_whatever_a_detection_reads(self):
        missing = {name for _, name in self.needed({"read"}) if not self.grants("DriftRole", name)}
        assert missing == set(EXCEPTIONS["drift_unread"])

    def test_patterns_are_those_of_the_products_real_names(self):
        for role, wanted in (
            ("ServiceRole", {"create", "read", "update", "delete", "tag", "by hand"}),
            ("DriftRole", {"read"}),
        ):
            for kind, name in self.needed(wanted):
                if kind not in KINDS or not self.grants(role, name):
                    continue
                service, resource = KINDS[kind]
                known = set(resource_types(name)) | {EXCEPTIONS["data_set_lags"].get(name, {}).get("resource")}
                if not name.startswith(f"{service}:") or resource not in known:
                    continue
                for physical in self.identities[kind]:
                    arn = arn_of(kind, physical)
                    assert self.allows(role, name, arn), f"{role}: {name} on {arn}"

    def test_patterns_match_no_name_that_only_ends_like_a_products(self):
        """`payments-artifacts` is somebody else's: names of products end in `-ml-artifacts`."""
        suffixes = {(kind, re.sub(r".*-ml-", "", name)) for kind in KINDS for name in self.identities[kind]}
        # The words in the middle have 12 letters, as many as the symbols of a digest.
        foreign = [
            arn_of(kind, f"{name}-{suffix}")
            for kind, suffix in suffixes
            for name in ("payments", "payments-applications", "release-distribution", "api-integrations")
            if kind != "AWS::SSM::Parameter"
        ]
        foreign += [f"{arn}/key" for arn in foreign if ":s3:" in arn]
        foreign.append(f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/payments-stack/1234abcd")
        assert len(foreign) > 20
        for where, role, statement in self.statements():
            if role not in ("DeployRole", "DriftRole", "ServiceRole"):
                continue
            for pattern in listed(statement["Resource"]):
                # What is only looked at may have any name.
                if any(f"-{suffix}" in pattern for suffix in [*(it for _, it in suffixes), "stack/*"]):
                    assert not [arn for arn in foreign if like(arn, pattern)], f"{where}: {pattern}"

    def test_every_suffix_has_its_pattern_and_no_pattern_takes_any_digest(self):
        """Names that are cut end in `-ml-{suffix}`, too, so nothing has to stand for the symbols of a digest."""
        patterns = [
            str(value)
            for name, resource in suite().deployed.items()
            if "PolicyDocument" in resource["Properties"]
            for statement in suite().statements(name)
            for values in [
                statement["Resource"],
                *(it for them in statement.get("Condition", {}).values() for it in them.values()),
            ]
            for value in listed(values)
        ]
        assert [it for it in patterns if "??" in it and it != f"?*-{'?' * 14}"] == []
        found = {it[1] for it in (re.search(r"\*-ml-([a-z-]+)", pattern) for pattern in patterns) if it}
        cut = set()
        for kind in set(KINDS) - {"AWS::SSM::Parameter"}:
            for name in self.identities[kind]:
                suffix = re.sub(".*-ml-", "", name)
                assert suffix in found, name
                if CUT.search(name):
                    cut.add(kind)
        assert cut >= {"AWS::Events::Rule", "AWS::IAM::Role", "AWS::S3::Bucket"}, "names that are cut are among these"

    def test_the_deploy_function_may_empty_and_look_at_what_products_publish(self):
        for name in self.identities["AWS::S3::Bucket"]:
            bucket = f"arn:aws:s3:::{name}"
            for looked in ("s3:ListBucketVersions", "s3:GetBucketTagging"):
                assert self.allows("DeployRole", looked, bucket), name
            assert self.allows("DeployRole", "s3:DeleteObjectVersion", f"{bucket}/key"), name
        for name in self.identities["AWS::SSM::Parameter"]:
            assert self.allows("DeployRole", "ssm:GetParameters", arn_of("AWS::SSM::Parameter", name)), name

    @staticmethod
    def may_read(stack, role, path, account=ACCOUNT, region=REGION):
        """Whether a role of the suite may read an SSM parameter."""
        context = Context(
            {"aws:ResourceAccount": account, "aws:RequestedRegion": region, **tag_keys("aws:ResourceTag", {})}
        )
        arn = f"arn:aws:ssm:{region}:{account}:parameter{path}"
        return decide(stack.roles[role].access(context), "ssm:GetParameters", arn).certain

    def test_values_can_be_read_below_the_parameter_paths_of_this_account_and_region_only(self):
        stack = iam_suite.Suite(account=ACCOUNT, region=REGION)
        for role in ("MacroRole", "DeployRole", "ServiceRole"):
            for pattern in TEMPLATE["Parameters"]["ParameterPaths"]["Default"].split(","):
                assert self.may_read(stack, role, pattern.replace("*", "a/b")), f"{role}: {pattern}"
            for path in ("/billing/db/password", "/vpc", "/vpcs/a", "/app/vpc/a"):
                assert not self.may_read(stack, role, path), f"{role}: {path}"
            assert not self.may_read(stack, role, "/vpc/a", account="999999999999"), role
            assert not self.may_read(stack, role, "/s3/a", region="eu-west-1"), role

    def test_other_parameter_paths_are_the_only_ones_and_published_values_stay_readable(self):
        stack = iam_suite.Suite(account=ACCOUNT, region=REGION, parameters={"ParameterPaths": "/net/*/id,/lakes/*"})
        for role in ("MacroRole", "DeployRole", "ServiceRole"):
            assert self.may_read(stack, role, "/net/main/id"), role
            assert self.may_read(stack, role, "/lakes/one"), role
            assert not self.may_read(stack, role, "/vpc/main/VPCId"), role
        for role in ("DeployRole", "ServiceRole"):
            assert self.may_read(stack, role, "/ml/product/BucketName"), role
        assert not self.may_read(stack, "MacroRole", "/ml/product/BucketName")

    def test_the_functions_may_use_their_parts_of_the_bucket(self):
        """What the Rust side does with which key; the statements' conditions are the bucket's owner alone."""
        for role, keys, names in (
            ("GenerateRole", ("status/a", "templates/a", "policies/a", "reports/a"), ("GetObject", "PutObject")),
            (
                "DeployRole",
                ("deployments/templates/a.yaml", "deployments/results/a.json", "deployments/files/a/b"),
                ("GetObject", "GetObjectVersion", "PutObject"),
            ),
            (
                "DeployRole",
                ("pending/approvals/a.json", "pending/requests/a/b.json", "status/a"),
                ("GetObject", "PutObject"),
            ),
            ("CustomResourceRole", ("pending/requests/a/b.json", "status/configs/a.json"), ("GetObject", "PutObject")),
            (
                "DriftRole",
                (
                    "configs/a.yaml",
                    "deployments/files/a/config.yaml",
                    "reports/drift/a",
                    "drift-ignore.yaml",
                    "status/a",
                    "templates/a",
                ),
                ("GetObject",),
            ),
            ("FleetMachineRole", ("deployments/fleets/a/items.json",), ("GetObject",)),
        ):
            for key in keys:
                for name in names:
                    assert self.allows(role, f"s3:{name}", f"arn:aws:s3:::{BUCKET}/{key}"), f"{role} {name} {key}"
                    assert not TestBucket.denied(f"s3:{name}", key, suite().arn(role)), f"{role} {name} {key}"
        for role in ("GenerateRole", "DeployRole", "CustomResourceRole", "DriftRole"):
            assert self.allows(role, "s3:ListBucket", f"arn:aws:s3:::{BUCKET}"), role
        stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/any-name/1234abcd"
        for role in ("DeployRole", "CustomResourceRole"):
            for name in ("DescribeStackEvents", "DescribeStackResource", "DescribeStacks"):
                assert self.allows(role, f"cloudformation:{name}", stack), f"{role} {name}"
        assert self.allows("DeployRole", "cloudformation:ListStackResources", stack)
        assert not self.grants("CustomResourceRole", "s3:DeleteObject")

    def test_global_services_may_be_asked_in_every_partition(self):
        """Their requests are of the region that signs for the partition, whatever the suite's region is."""
        session = botocore.session.get_session()
        schema = json.loads((ROOT / "schemas/config.schema.json").read_text(encoding="utf-8"))
        regions = schema["$defs"]["environment"]["properties"]["region"]["examples"]

        def signing(service, call, region, **parameters):
            secrets = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
            url = session.create_client(service, region_name=region, **secrets).generate_presigned_url(call, parameters)
            return re.search(r"X-Amz-Credential=a%2F\d+%2F([a-z0-9-]+)%2F", url)[1]

        zone = {"VPCId": "vpc-0", "VPCRegion": "us-east-1"}
        machine = iam_suite.Suite(account=ACCOUNT, region=REGION).roles["DeployMachineRole"]
        for region in regions:
            try:
                partition = session.get_partition_for_region(region)
            except botocore.exceptions.UnknownRegionError:
                continue
            context = Context({"aws:RequestedRegion": signing("iam", "get_account_summary", region)})
            role = machine.access(context)
            decision = decide(role, "iam:GetAccountSummary", "*", context)
            assert decision.certain, f"{region}: {decision.explanation}"
            if partition in ("aws", "aws-cn", "aws-us-gov"):
                context = Context(
                    {"aws:RequestedRegion": signing("route53", "list_hosted_zones_by_vpc", region, **zone)}
                )
                decision = decide(machine.access(context), "route53:ListHostedZonesByVPC", "*", context)
                assert decision.certain, f"{region}: {decision.explanation}"

    def test_roles_have_exactly_these_rights_on_the_bucket(self):
        found = collections.defaultdict(lambda: collections.defaultdict(set))
        bucket = f"arn:aws:s3:::{BUCKET}"
        for _, role, statement in self.statements():
            actions = {it for it in listed(statement["Action"]) if any(like(name, "s3:*") for name in matched(it))}
            for resource in listed(statement["Resource"]) if actions else ():
                # Buckets of products are `*-ml-artifacts`; `s3:::*` stands in LookAtBuckets alone.
                if like(bucket, resource) or resource.startswith(f"{bucket}/"):
                    found[role][resource.removeprefix(bucket)] |= actions
        assert found["DeployRole"].pop("arn:aws:s3:::*") == {"s3:GetBucketVersioning"}
        assert {role: dict(keys) for role, keys in found.items()} == KEYS

    def test_policies_of_resources_let_nobody_in_but_services_of_this_account(self):
        """A resource policy that allows something needs an entry here. The suite's topics and queues have none."""
        permissions = set()
        for name, resource in suite().deployed.items():
            properties = resource["Properties"]
            if resource["Type"] == "AWS::Lambda::Permission":
                permissions.add(name)
                assert properties["Action"] == "lambda:InvokeFunction", name
                assert properties["Principal"] == INVOKERS[name], name
                assert properties["SourceAccount"] == ACCOUNT, name
                assert properties["SourceArn"], name
            elif "PolicyDocument" in properties and resource["Type"] != "AWS::IAM::ManagedPolicy":
                for statement in properties["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Deny", f"{name}: {statement}"
            assert resource["Type"] not in ("AWS::SNS::TopicPolicy", "AWS::Lambda::Url", "AWS::KMS::Key"), name
        assert permissions == set(INVOKERS)

    def test_the_boundary_and_the_bucket_outlive_the_suite(self):
        resources = TEMPLATE["Resources"]
        assert str(resources["ProductBoundary"].get("DeletionPolicy")) == "RetainExceptOnCreate"
        assert str(resources["Bucket"].get("DeletionPolicy")) == "Retain"
        for name in ("ProductBoundary", "Bucket"):
            assert str(resources[name].get("UpdateReplacePolicy")) == "Retain", name

    def test_the_functions_get_their_environment(self):
        boundary = f"arn:aws:iam::{ACCOUNT}:policy/mlp-product-boundary-{REGION}"
        for function, wanted in (
            ("GenerateFunction", {"MLP_ACCOUNT_ID": ACCOUNT, "MLP_PERMISSIONS_BOUNDARY_ARN": boundary}),
            ("MacroFunction", {"MLP_PERMISSIONS_BOUNDARY_ARN": boundary}),
            (
                "DeployFunction",
                {"MLP_ACCOUNT_ID": ACCOUNT, "MLP_PERMISSIONS_BOUNDARY_ARN": boundary, "MLP_REQUIRE_APPROVAL": "none"},
            ),
            ("CustomResourceFunction", {"MLP_ACCOUNT_ID": ACCOUNT, "MLP_PERMISSIONS_BOUNDARY_ARN": boundary}),
            ("DriftFunction", {"MLP_ACCOUNT_ID": ACCOUNT}),
        ):
            environment = suite().deployed[function]["Properties"]["Environment"]["Variables"]
            assert wanted.items() <= environment.items(), function
        organization = f"arn:aws:iam::{ACCOUNT}:policy/organization/boundary"
        other = Deployment(PermissionsBoundaryArn=organization, RequireApproval="prod")
        assert "ProductBoundary" not in other.deployed
        environment = other.deployed["DeployFunction"]["Properties"]["Environment"]["Variables"]
        assert environment["MLP_PERMISSIONS_BOUNDARY_ARN"] == organization
        assert environment["MLP_REQUIRE_APPROVAL"] == "prod"
        assert organization in json.dumps(other.statements("ServiceRoleIdentity"))


class TestBucket:
    """The bucket policy: who is denied what, whatever else they may do. A test fails without the statement it names."""

    @classmethod
    def setup_class(cls):
        cls.all = suite().statements("BucketPolicy")
        names = (GOLDEN / "identities.txt").read_text(encoding="utf-8").splitlines()
        cls.product_roles = {
            f"arn:aws:iam::{ACCOUNT}:role/{path}{line.split(' | ')[3]}"
            for line in names
            if line.split(" | ")[2] == "AWS::IAM::Role"
            for path in ("", "teams/ml/")
        }
        cls.suite_roles = {name: suite().arn(name) for name in suite().roles()}

    @classmethod
    def denied(cls, name, key, principal, tags=None, statements=None):
        """Whether the policy denies something to a principal, on an object or (with no key) on the bucket."""
        arn = f"arn:aws:s3:::{BUCKET}" + (f"/{key}" if key is not None else "")
        context = {f"aws:PrincipalTag/{tag}": value for tag, value in (tags or {}).items()}
        context |= {"aws:PrincipalArn": principal} if principal else {}
        context["aws:SecureTransport"] = "true"
        return any(
            any(like(name.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
            and any_like(arn, statement["Resource"])
            and all(
                cls.met(operator, context.get(key), listed(values))
                for operator, keys in statement["Condition"].items()
                for key, values in keys.items()
            )
            for statement in (suite().statements("BucketPolicy") if statements is None else statements)
        )

    @staticmethod
    def met(operator, value, patterns):
        """IAM User Guide, "Condition operators": a key that is missing matches the negated operators, and no other."""
        if operator == "Null":
            return (value is None) == (patterns == ["true"])
        if operator in ("ArnNotEquals", "ArnNotLike"):
            return value is None or not any_like(value, patterns)
        if operator in ("ArnLike", "Bool"):
            return value is not None and any_like(value, patterns)
        raise AssertionError(f"the bucket policy has an operator that is new: {operator}")

    def test_every_statement_is_a_deny_for_everybody_with_a_condition(self):
        for statement in self.all:
            assert (statement["Effect"], statement["Principal"]) == ("Deny", "*"), statement["Sid"]
            assert statement["Condition"], statement["Sid"]
            assert "NotPrincipal" not in statement, statement["Sid"]

    def test_nobody_comes_without_tls(self):
        (tls,) = (it for it in self.all if it["Condition"] == {"Bool": {"aws:SecureTransport": "false"}})
        assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
        assert tls["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]

    def test_no_role_of_a_product_reaches_any_key(self):
        assert len(self.product_roles) > 20
        keys = (
            None,
            "configs/a.yaml",
            "rules/a.guard",
            "templates/a",
            "deployments/templates/a.yaml",
            "pending/approvals/a",
            "new",
        )
        for role in self.product_roles:
            for key in keys:
                for name in (
                    "s3:GetObject",
                    "s3:PutObject",
                    "s3:DeleteObjectVersion",
                    "s3:ListBucket",
                    "s3:PutBucketPolicy",
                ):
                    assert self.denied(name, key, role), f"{role} {name} {key}"

    def test_a_role_with_a_products_tag_reaches_nothing_either(self):
        role, tags = f"arn:aws:iam::{ACCOUNT}:role/anything", {"ml-provisioner:product": "a-ml"}
        assert self.denied("s3:GetObject", "configs/a.yaml", role, tags)
        assert not self.denied("s3:GetObject", "configs/a.yaml", role)

    def test_only_the_suites_roles_write_outputs(self):
        """Who may write by the roles' own policies, and nobody else by the bucket policy."""
        writes = {
            f"s3:{name}"
            for name, it in AWS["s3"]["privileges"].items()
            if "object" in it["resource_types"] and it["access_level"] not in ("Read", "List")
        }
        assert len(writes) > 15
        administrator = f"arn:aws:iam::{ACCOUNT}:role/administrator"
        outputs = {
            "templates/a.yaml": {"GenerateRole"},
            "policies/a.json": {"GenerateRole"},
            "reports/a.html": {"GenerateRole", "DeployRole", "DriftRole"},
            "reports/changes/a.html": {"DeployRole"},
            "reports/drift/runs/a.json": {"DriftRole"},
            "status/configs/a.json": {"GenerateRole", "DeployRole", "CustomResourceRole"},
            "deployments/templates/a.yaml": {"DeployRole"},
            "deployments/fleets/a/items.json": {"DeployRole"},
            "pending/approvals/a.json": {"DeployRole"},
            "pending/requests/a/b.json": {"DeployRole", "CustomResourceRole"},
        }
        for key, writers in outputs.items():
            for name in writes:
                for principal in (administrator, f"arn:aws:iam::{ACCOUNT}:root", None):
                    assert self.denied(name, key, principal), f"{principal} {name} {key}"
                for role, arn in self.suite_roles.items():
                    assert self.denied(name, key, arn) == (role not in writers), f"{role} {name} {key}"

    def test_only_the_suite_reads_response_urls(self):
        for name in ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes"):
            for principal in (f"arn:aws:iam::{ACCOUNT}:role/administrator", LONGEST["Approvers"][0], None):
                assert self.denied(name, "pending/requests/a/b.json", principal), principal
            for role, arn in self.suite_roles.items():
                denied = self.denied(name, "pending/requests/a/b.json", arn)
                assert denied == (role not in ("DeployRole", "CustomResourceRole")), role

    def test_only_approvers_read_tokens_where_they_are_named(self):
        role = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_MlApprovers_0123456789abcdef"
        session = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        starter = f"arn:aws:iam::{ACCOUNT}:role/starter"
        key = "pending/approvals/a.json"
        for name in ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes"):
            assert not self.denied(name, key, session), name
            assert not self.denied(name, key, suite().arn("DeployRole")), name
            assert self.denied(name, key, starter), name
        assert self.denied("s3:PutObject", key, session)
        open_to_iam = Deployment().statements("BucketPolicy")
        assert not self.denied("s3:GetObject", key, starter, statements=open_to_iam)
        for role in self.product_roles:
            assert self.denied("s3:GetObject", key, role, statements=open_to_iam), role

    def test_configs_and_rules_have_their_writers_where_they_are_named(self):
        nobody = f"arn:aws:iam::{ACCOUNT}:role/administrator"
        open_to_iam = Deployment().statements("BucketPolicy")
        for parameter, keys in (
            ("ConfigWriters", ["configs/a.yaml"]),
            ("RuleWriters", ["rules/a.guard", "drift-ignore.yaml"]),
        ):
            (writer,) = LONGEST[parameter]
            for name, key in itertools.product(("s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"), keys):
                assert not self.denied(name, key, writer), f"{parameter} {name} {key}"
                assert self.denied(name, key, nobody), f"{parameter} {name} {key}"
                assert not self.denied(name, key, nobody, statements=open_to_iam), f"{name} {key}"

    def test_people_and_the_suite_go_on_with_what_is_theirs(self):
        people = f"arn:aws:iam::{ACCOUNT}:role/ml-platform"
        plain = Deployment().statements("BucketPolicy")
        for name, key in (
            ("s3:PutObject", "configs/a.yaml"),
            ("s3:GetObject", "status/configs/a.json"),
            ("s3:GetObject", "reports/a.html"),
            ("s3:GetObject", "templates/a.yaml"),
            ("s3:GetObject", "deployments/results/a.json"),
            ("s3:ListBucket", None),
            ("s3:PutBucketPolicy", None),
            ("s3:PutLifecycleConfiguration", None),
        ):
            assert not self.denied(name, key, people, statements=plain), f"{name} {key}"
        for role, arn in self.suite_roles.items():
            for key in ("configs/a.yaml", "rules/a.guard", "templates/a.yaml", "deployments/fleets/a"):
                assert not self.denied("s3:GetObject", key, arn), f"{role} {key}"

    def test_the_bucket_keeps_no_pending_object_for_long(self):
        rules = suite().deployed["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        (pending,) = [rule for rule in rules if rule.get("Prefix") == "pending/"]
        assert (pending["ExpirationInDays"], pending["NoncurrentVersionExpiration"]) == (14, {"NoncurrentDays": 1})

    def test_an_access_log_is_written_where_it_is_asked_for(self):
        assert "LoggingConfiguration" not in suite().deployed["Bucket"]["Properties"]
        logged = Deployment(AccessLogBucket="access-logs").deployed["Bucket"]["Properties"]["LoggingConfiguration"]
        assert logged == {"DestinationBucketName": "access-logs", "LogFilePrefix": f"{BUCKET}/"}


class TestConditions(TestPolicies):
    """Conditions that keep rights from growing. Each test fails without the condition."""

    BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/mlp-product-boundary-{REGION}"
    PRODUCT_NAMES = {"aws:RequestTag/ml-provisioner:product", "aws:ResourceTag/ml-provisioner:product"}

    def condition(self, statement, operator, key):
        return listed(statement.get("Condition", {}).get(operator, {}).get(key, []))

    def test_cloudformation_gets_templates_of_the_suite_alone(self):
        for endpoint, start in (
            ("", f"https://s3.{REGION}.amazonaws.com"),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ):
            deployment = Deployment(EndpointUrl=endpoint)
            found = [
                it
                for policies in deployment.roles().values()
                for statements in policies.values()
                for it in statements
                if any(
                    "cloudformation:CreateChangeSet" in matched(pattern)
                    or "cloudformation:CreateStack" in matched(pattern)
                    or "cloudformation:UpdateStack" in matched(pattern)
                    for pattern in listed(it["Action"])
                )
            ]
            assert len(found) == 1
            (statement,) = found
            assert listed(statement["Action"]) == ["cloudformation:CreateChangeSet"]
            assert statement["Condition"] == {
                "StringEquals": {"cloudformation:RoleArn": deployment.arn("ServiceRole")},
                "StringLike": {"cloudformation:TemplateUrl": f"{start}/{BUCKET}/deployments/templates/*"},
                "Null": {"cloudformation:ImportResourceTypes": "true"},
            }

    def test_buckets_are_those_of_the_account(self):
        """A bucket's ARN has no account, so each statement that names one says whose it must be."""
        checked, foreign = 0, set()
        for where, statement in self.every_statement():
            buckets = [
                it
                for it in listed(statement["Resource"])
                if re.match(r"arn:(aws|\*):s3:::", it) and it != "arn:aws:s3:::*"
            ]
            if not buckets or statement["Effect"] == "Deny":
                continue
            if where in EXCEPTIONS["suite_foreign_buckets"]:
                foreign.add(where)
                continue
            assert self.condition(statement, "StringEquals", "aws:ResourceAccount") == [ACCOUNT], where
            checked += 1
        assert checked >= 15
        assert foreign == set(EXCEPTIONS["suite_foreign_buckets"]), "stale: suite_foreign_buckets"

    def test_roles_are_created_with_the_boundary_alone(self):
        wanted = {
            "iam:CreateRole",
            "iam:AttachRolePolicy",
            "iam:PutRolePermissionsBoundary",
            "iam:UpdateAssumeRolePolicy",
        }
        for name in wanted:
            found = self.allowing("ServiceRole", name)
            assert found, name
            for statement in found:
                assert self.condition(statement, "ArnEquals", "iam:PermissionsBoundary") == [self.BOUNDARY], name
        for where, role, statement in self.statements():
            for pattern in listed(statement["Action"]):
                beyond = matched(pattern) & {
                    "iam:DeleteRolePermissionsBoundary",
                    "iam:PutRolePolicy",
                    "iam:CreateUser",
                    "iam:AddUserToGroup",
                    "iam:CreateAccessKey",
                    "iam:AttachUserPolicy",
                    "iam:AttachGroupPolicy",
                    "iam:SetDefaultPolicyVersion",
                    "iam:CreateLoginProfile",
                    "sts:AssumeRole",
                }
                assert not beyond, where
                if role != "ServiceRole":
                    changing = {
                        it
                        for it in matched(pattern)
                        if it.startswith("iam:") and action(it)["access_level"] not in ("Read", "List")
                    }
                    assert changing <= {"iam:PassRole"}, where

    def test_what_roles_are_attached_is_what_templates_attach(self):
        attached = {
            str(it["Fn::Sub"])
            for template in self.templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::IAM::Role"
            for it in resource["Properties"]["ManagedPolicyArns"]
            if "Fn::Sub" in it
        }
        (statement,) = self.allowing("ServiceRole", "iam:AttachRolePolicy")
        allowed = self.condition(statement, "ArnLikeIfExists", "iam:PolicyARN")
        of_aws = {arn for arn in allowed if ":iam::aws:" in arn}
        assert of_aws == {arn.replace("${AWS::Partition}", "aws") for arn in attached}
        own = {arn_of("AWS::IAM::ManagedPolicy", it) for it in self.identities["AWS::IAM::ManagedPolicy"]}
        for arn in own:
            # A product's own boundary bounds; attached it would grant.
            assert any_like(arn, allowed) == (not arn.endswith("-permission-boundary")), arn
        assert not any_like(["arn:aws:iam::aws:policy/AdministratorAccess", self.BOUNDARY], allowed)

    def test_nobody_changes_the_boundary(self):
        denies = [it for it in self.roles["ServiceRole"]["ServiceRoleIdentity"] if it["Effect"] == "Deny"]
        refused = {
            name
            for it in denies
            if any_like(self.BOUNDARY, it["Resource"]) and "Condition" not in it
            for name in listed(it["Action"])
        }
        changes = {
            f"iam:{name}"
            for name, it in AWS["iam"]["privileges"].items()
            if "policy" in it["resource_types"] and it["access_level"] not in ("Read", "List")
        }
        assert changes - refused == set()
        assert "iam:DeleteRolePermissionsBoundary" in refused
        (without,) = [it for it in denies if it.get("Condition")]
        assert without["Condition"] == {"ArnNotEquals": {"iam:PermissionsBoundary": self.BOUNDARY}}
        assert {"iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"} <= set(without["Action"])
        # No role of the suite's own could, even without the Deny.
        for role in self.roles:
            for name in changes:
                for statement in self.allowing(role, name):
                    assert not any_like(self.BOUNDARY, statement["Resource"]), f"{role} {name}"

    def test_tags_of_roles_name_what_products_are_called(self):
        (statement,) = self.allowing("ServiceRole", "iam:TagRole")
        patterns = statement["Condition"]["StringLikeIfExists"]
        tags = collections.defaultdict(set)
        for template in self.templates.values():
            for resource in template["Resources"].values():
                if resource["Type"] == "AWS::IAM::Role":
                    for tag in resource["Properties"]["Tags"]:
                        tags[f"aws:RequestTag/{tag['Key']}"].add(str(tag["Value"]))
        for key, values in patterns.items():
            assert tags[key], key
            for value in tags[key]:
                assert any_like(value, values), f"{key}={value}"
            assert not any_like(["", "data", "*", "ml-provisioner-deploy"], values), key
        fences = set(
            re.findall(r"aws:PrincipalTag/(ml-provisioner:[a-z-]+)", json.dumps(suite().statements("ProductBoundary")))
        )
        fenced = {key.removeprefix("aws:RequestTag/") for key in patterns}
        assert fences - fenced == set(EXCEPTIONS["suite_free_tags"])

    def test_keys_are_tagged_when_they_are_new_and_deleted_slowly(self):
        new = [it for it in self.allowing("ServiceRole", "kms:TagResource") if it["Resource"] == "*"]
        for statement in [*new, *self.allowing("ServiceRole", "kms:CreateKey")]:
            assert statement["Condition"]["Null"] == {"kms:ResourceAliases": "true"}
            assert self.condition(statement, "StringLike", "aws:RequestTag/ml-provisioner:product") == ["*-ml"]
        for name in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:UntagResource", "kms:DeleteAlias"):
            for statement in self.allowing("ServiceRole", name, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"):
                assert self.condition(statement, "StringLike", "aws:ResourceTag/ml-provisioner:product") == ["*-ml"], (
                    name
                )
        for name in ("kms:EnableKeyRotation", "kms:CreateAlias", "kms:DescribeKey"):
            key = self.allowing("ServiceRole", name, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd")
            assert [it for it in key if "Condition" not in it], f"{name}: a new key's tags may not count yet"
        days = {
            resource["Properties"]["PendingWindowInDays"]
            for template in self.templates.values()
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::KMS::Key"
        }
        (deletion,) = self.allowing("ServiceRole", "kms:ScheduleKeyDeletion")
        window = deletion["Condition"]["NumericGreaterThanEquals"]["kms:ScheduleKeyDeletionPendingWindowInDays"]
        assert days == {int(window)}
        assert not self.grants("ServiceRole", "kms:CreateGrant")
        assert not self.grants("ServiceRole", "kms:Decrypt")

    def test_network_of_other_stacks_is_neither_deleted_nor_changed(self):
        """A group without the tag of a stack passes for a new one, so its rules can be changed: docs/security.md."""
        stacks = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/*-ml-stack/*"
        group, endpoint = (f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/x" for kind in ("security-group", "vpc-endpoint"))
        for name, arn in (
            ("ec2:DeleteSecurityGroup", group),
            ("ec2:DeleteTags", group),
            ("ec2:RevokeSecurityGroupIngress", group),
            ("ec2:UpdateSecurityGroupRuleDescriptionsIngress", group),
            ("ec2:DeleteVpcEndpoints", endpoint),
            ("ec2:ModifyVpcEndpoint", endpoint),
            ("ec2:DeleteTags", endpoint),
        ):
            found = self.allowing("ServiceRole", name, arn)
            assert found, name
            for statement in found:
                of_stack = self.condition(statement, "StringLike", "aws:ResourceTag/aws:cloudformation:stack-id")
                assert of_stack == [stacks], name
        # Rules and tags of a new group are set at the same time, so rules can't wait for a tag.
        for name in ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"):
            (statement,) = self.allowing("ServiceRole", f"ec2:{name}", group)
            of_stack = self.condition(statement, "StringLikeIfExists", "aws:ResourceTag/aws:cloudformation:stack-id")
            assert of_stack == [stacks], name
        access = iam_suite.Suite(partition="aws", region=REGION, account=ACCOUNT).roles["ServiceRole"].access()
        start = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack"
        for stack, expected in (
            (None, True),
            (f"{start}/a-prod-b-churn-ml-stack/1", True),
            (f"{start}/network/1", False),
        ):
            owner = {"aws:cloudformation:stack-id": stack} if stack else {}
            context = Context(tag_keys("aws:ResourceTag", owner), free=["*"])
            for name in ("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"):
                assert decide(access, f"ec2:{name}", group, context).possible == expected, f"{name} {stack}"
        for statement in self.allowing("ServiceRole", "ec2:CreateTags", group):
            assert self.condition(statement, "StringLike", "aws:RequestTag/ml-provisioner:product") or self.condition(
                statement, "StringLike", "aws:ResourceTag/aws:cloudformation:stack-id"
            )

    def test_conditions_on_tags_are_about_the_tags_that_products_have(self):
        keys = {
            key
            for _, statement in self.every_statement()
            for keys in statement.get("Condition", {}).values()
            for key in keys
            if "Tag/" in key
        }
        known = {f"aws:RequestTag/ml-provisioner:{name}" for name in ("jobs", "product")} | self.PRODUCT_NAMES
        known.add("aws:PrincipalTag/ml-provisioner:product")
        known |= {
            "aws:RequestTag/ManagedBy",
            "aws:ResourceTag/ManagedBy",
            "aws:ResourceTag/aws:cloudformation:stack-id",
        }
        assert keys == known


class TestBoundary(TestPolicies):
    """What the suite's permissions boundary lets through, for the roles of each golden product."""

    # The data lake of the golden templates is a look-up.
    LOOKED_UP = {"DataLakeBucketName": "golden-data-lake"}

    @classmethod
    def setup_class(cls):
        super().setup_class()
        cls.products = {name: list(cls.roles_of(template)) for name, template in cls.templates.items()}

    @classmethod
    def roles_of(cls, template):
        """Role, its tags, the statements of the product's own policies that it gets, and the suite of its account."""
        place = template["Metadata"]["MLProvisioner"]
        deployment = suite(str(place["AccountId"]), str(place["Region"]))

        def plain(value):
            """A value of the template as CloudFormation would make it."""
            if isinstance(value, list):
                return [plain(it) for it in value]
            if not isinstance(value, dict):
                return value
            if "Fn::Sub" in value:
                return re.sub(r"\$\{([^}]+)\}", lambda it: known(it[1]), str(value["Fn::Sub"]))
            if "Ref" in value:
                return known(value["Ref"])
            if "Fn::GetAtt" in value:
                return known("AWS::Partition").join(
                    ["arn:", f":kms:{known('AWS::Region')}:{known('AWS::AccountId')}:key/1234abcd"]
                )
            return {str(key): plain(it) for key, it in value.items()}

        def known(name):
            return deployment.pseudo[name] if name in deployment.pseudo else cls.LOOKED_UP[name]

        resources = template["Resources"]
        for name, resource in resources.items():
            if resource["Type"] == "AWS::IAM::Role":
                properties = resource["Properties"]
                tags = {str(tag["Key"]): plain(tag["Value"]) for tag in properties["Tags"]}
                attached = [it["Ref"] for it in properties["ManagedPolicyArns"] if "Ref" in it]
                documents = [plain(resources[it]["Properties"]["PolicyDocument"]) for it in attached]
                yield (
                    name,
                    tags,
                    [statement for document in documents for statement in document["Statement"]],
                    deployment,
                )

    @classmethod
    def bounds(cls, deployment, tags):
        """The boundary's statements for a role with these tags: effect, actions, patterns and conditions."""
        key = id(deployment), tuple(sorted(tags.items()))
        if key not in cls.known_bounds:

            def filled(value):
                """A value with the role's tags in the place of variables; None where the role lacks a tag."""
                names = re.findall(r"\$\{aws:PrincipalTag/([^}]+)\}", value)
                if set(names) - set(tags):
                    return None
                return re.sub(r"\$\{aws:PrincipalTag/([^}]+)\}", lambda it: tags[it[1]], value)

            cls.known_bounds[key] = [
                (
                    it["Effect"],
                    frozenset(name for pattern in listed(it["Action"]) for name in matched(pattern)),
                    [pattern for pattern in map(filled, listed(it["Resource"])) if pattern is not None],
                    {
                        at: [pattern for pattern in map(filled, listed(values)) if pattern is not None]
                        for operator, keys in it.get("Condition", {}).items()
                        # Such a condition holds without the key.
                        if not operator.startswith("ForAllValues:")
                        for at, values in keys.items()
                    },
                )
                for it in deployment.statements("ProductBoundary")
            ]
        return cls.known_bounds[key]

    known_bounds = {}

    @classmethod
    def within(cls, deployment, tags, name, arn, condition, own=True):
        """Whether the boundary of a role with these tags lets a statement through for an action and an ARN (pattern).

        `own` says whether the resource is of the account and has the product's tag.
        """

        def implied(key, patterns):
            # Every client calls AWS by TLS.
            if key == "aws:SecureTransport":
                return True
            if key in ("aws:ResourceAccount", "aws:ResourceTag/ml-provisioner:product"):
                return own
            if key == "aws:RequestedRegion" and arn.count(":") > 4 and arn.split(":")[3] in patterns:
                return True
            given = [it for keys in condition.values() for at, it in keys.items() if at == key]
            return bool(given) and all(any_like(it, patterns) for it in listed(given[0]))

        allowed = False
        for effect, names, patterns, conditions in cls.bounds(deployment, tags):
            if name in names and any_like(arn, patterns):
                if effect == "Deny" and not conditions:
                    return False
                allowed |= effect == "Allow" and all(implied(key, values) for key, values in conditions.items())
        return allowed

    def test_the_products_own_policies_work_within_it(self):
        checked = 0
        assert len(self.products) >= 25
        for product in self.products:
            for role, tags, statements, place in self.products[product]:
                own = [it for it in statements if it["Effect"] == "Deny" and "Condition" not in it]
                denied = {name for it in own for pattern in listed(it["Action"]) for name in matched(pattern)}
                for statement in (it for it in statements if it["Effect"] == "Allow"):
                    for pattern in listed(statement["Action"]):
                        for name in set(matched(pattern)) - denied:
                            for arn in listed(statement["Resource"]):
                                # A merged statement has ARNs of several services; an action takes those of its own.
                                if arn != "*" and arn.split(":")[2] != name.partition(":")[0]:
                                    continue
                                checked += 1
                                if not self.within(place, tags, name, arn, statement.get("Condition", {})):
                                    # A pattern may match actions that don't take this resource.
                                    kinds = resource_types(name)
                                    if kinds and not any(
                                        is_of_type(arn, name.partition(":")[0], kind) for kind in kinds
                                    ):
                                        continue
                                    pytest.fail(f"{product} {role} {statement['Sid']}: {name} on {arn}")
        assert checked > 1000

    def test_a_starters_roles_keep_what_its_builds_and_pipelines_need(self):
        """Policies of AWS that starter attaches reach much further; within the boundary this is what they are for."""
        seen = 0
        for product in self.products:
            for role, tags, statements, place in self.products[product]:
                if statements:
                    continue
                seen += 1
                partition, region, account = (place.pseudo[f"AWS::{it}"] for it in ("Partition", "Region", "AccountId"))
                regional = {"aws:RequestedRegion": region}
                name, bucket = (
                    tags["ml-provisioner:product"],
                    f"arn:{partition}:s3:::{tags['ml-provisioner:artifacts']}-ml-artifacts",
                )

                def arn(service, resource, place=(partition, region, account)):
                    return f"arn:{place[0]}:{service}:{place[1]}:{place[2]}:{resource}"

                needed = [
                    ("s3:GetObject", f"{bucket}/key", {}),
                    ("s3:PutObject", f"{bucket}/key", {}),
                    ("s3:ListBucket", bucket, {}),
                    (
                        "sagemaker:CreateTrainingJob",
                        arn("sagemaker", f"training-job/{tags['ml-provisioner:jobs']}--x"),
                        {},
                    ),
                    (
                        "sagemaker:CreateModelPackage",
                        arn("sagemaker", f"model-package/{tags['ml-provisioner:registry']}-ml-models/*"),
                        {},
                    ),
                    ("sagemaker:ListModelPackages", "*", {"StringEquals": regional}),
                    ("ssm:GetParameters", arn("ssm", f"parameter/ml/{name}/ModelPackageGroupArn"), {}),
                    ("logs:PutLogEvents", arn("logs", f"log-group:/aws/codebuild/{name}-build:*"), {}),
                    ("codebuild:StartBuild", arn("codebuild", f"project/{name}-build"), {}),
                    ("codecommit:UploadArchive", arn("codecommit", f"{name}-model-build"), {}),
                    (
                        "iam:PassRole",
                        f"arn:{partition}:iam::{account}:role/{tags['ml-provisioner:sagemaker-role']}-ml-sagemaker-role",
                        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                    ),
                    (
                        "ecr:BatchGetImage",
                        f"arn:{partition}:ecr:{region}:683313688378:repository/sagemaker-xgboost",
                        {},
                    ),
                ]
                for needed_name, needed_arn, condition in needed:
                    assert self.within(place, tags, needed_name, needed_arn, condition), (
                        f"{product} {role} {needed_name}"
                    )
        assert seen > 5

    def test_it_keeps_roles_from_the_suite_and_from_everything_of_others(self):
        for product in self.products:
            for role, tags, _, place in self.products[product]:
                # Whatever a tag says.
                bucket = place.name("Bucket")
                tags = tags | {f"ml-provisioner:{it}": bucket for it in ("source", "data-lake", "artifacts")}
                for name in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
                    for key in (
                        "configs/a.yaml",
                        f"solutions/{tags['ml-provisioner:use-case']}/a",
                        "deployments/templates/a.yaml",
                    ):
                        assert not self.within(place, tags, name, f"arn:aws:s3:::{bucket}/{key}", {}), (
                            f"{product} {role} {key}"
                        )
        _, tags, _, place = next(it[0] for it in self.products.values() if it[0][3].name("Bucket") == BUCKET)
        for name, arn in (
            ("s3:GetObject", "arn:aws:s3:::payments/key"),
            ("s3:PutObject", "arn:aws:s3:::other-ml-artifacts/key"),
            ("s3:CreateBucket", f"arn:aws:s3:::{tags['ml-provisioner:artifacts']}-ml-artifacts"),
            ("s3:PutBucketPolicy", f"arn:aws:s3:::{tags['ml-provisioner:artifacts']}-ml-artifacts"),
            ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/billing/db/password"),
            ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/ml/{tags['ml-provisioner:product']}-2/x"),
            ("ssm:PutParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/ml/{tags['ml-provisioner:product']}/x"),
            ("sagemaker:DeleteEndpoint", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/other-0123456789bcdf--x"),
            (
                "sagemaker:PutModelPackageGroupPolicy",
                f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{tags['ml-provisioner:registry']}-ml-models",
            ),
            (
                "sagemaker:CreatePresignedNotebookInstanceUrl",
                f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/{tags['ml-provisioner:jobs']}--x",
            ),
            ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/other-ml-sagemaker-role"),
            (
                "iam:CreateRole",
                f"arn:aws:iam::{ACCOUNT}:role/{tags['ml-provisioner:sagemaker-role']}-ml-sagemaker-role",
            ),
            ("iam:TagRole", f"arn:aws:iam::{ACCOUNT}:role/{tags['ml-provisioner:sagemaker-role']}-ml-sagemaker-role"),
            ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/administrator"),
            (
                "logs:DeleteLogGroup",
                f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/codebuild/{tags['ml-provisioner:product']}-build:*",
            ),
            ("kms:TagResource", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"),
            ("kms:PutKeyPolicy", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"),
            (
                "codecommit:GitPush",
                f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{tags['ml-provisioner:product']}-model-build",
            ),
            ("states:StartExecution", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:MLProvisionerDeploy"),
            ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:MLProvisionerProduct"),
        ):
            assert not self.within(
                place, tags, name, arn, {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            ), f"{name} {arn}"
        own = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"
        in_region = {"StringEquals": {"aws:RequestedRegion": REGION}}
        assert self.within(place, tags, "kms:Decrypt", own, in_region)
        assert not self.within(place, tags, "kms:Decrypt", own, in_region, own=False), "a key of another product"

    def test_one_product_is_not_within_the_boundary_of_another(self):
        """Statements on names of a product; the neighbours' tests of shared/product try names that are alike."""
        by_name = {roles[0][1]["ml-provisioner:product"]: name for name, roles in self.products.items()}
        for one, other in itertools.permutations(by_name.values(), 2):
            _, tags, _, place = self.products[one][0]
            for _, _, statements, _ in self.products[other]:
                for statement in statements:
                    if statement["Sid"] not in (
                        "UseArtifacts",
                        "RunJobsAndEndpoints",
                        "ReadPublishedValues",
                        "RunBuilds",
                        "PassSagemakerRole",
                    ):
                        continue
                    for pattern, arn in itertools.product(listed(statement["Action"]), listed(statement["Resource"])):
                        for name in matched(pattern):
                            if name.startswith("sagemaker:List"):
                                continue
                            assert not self.within(place, tags, name, arn, statement.get("Condition", {}), own=False), (
                                f"{one} -> {other}: {name} {arn}"
                            )

    def test_it_contains_no_right_on_identities_and_no_tags_that_open_it(self):
        tagging = set()
        for statement in suite().statements("ProductBoundary"):
            if statement["Effect"] == "Deny":
                continue
            for pattern in listed(statement["Action"]):
                assert not re.search(r"^[a-z-]+:\*$", pattern), named(statement)
                for name in matched(pattern):
                    if name.startswith(("iam:", "sts:")):
                        assert name == "iam:PassRole", named(statement)
                    if action(name)["access_level"] == "Tagging":
                        assert name in EXCEPTIONS["boundary_tagging"], named(statement)
                        tagging.add(name)
        assert tagging == set(EXCEPTIONS["boundary_tagging"]), "stale: boundary_tagging"

    def test_artifacts_are_in_buckets_of_the_account(self):
        statements = {named(it): it for it in suite().statements("ProductBoundary")}
        assert statements["Artifacts"]["Condition"] == {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}

    def test_it_denies_what_no_grant_may_bring_back(self):
        denied = {named(it): it for it in suite().statements("ProductBoundary") if it["Effect"] == "Deny"}
        assert denied["NotTheSuite"]["Action"] == "s3:*"
        assert denied["NotTheSuite"]["Resource"] == [f"arn:*:s3:::{BUCKET}", f"arn:*:s3:::{BUCKET}/*"]
        assert denied["s3:*"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        studio = {name for pattern in denied["sagemaker:*App"]["Action"] for name in matched(pattern)}
        for name in (
            "CreateApp",
            "CreateSpace",
            "UpdateSpace",
            "CreateUserProfile",
            "UpdateUserProfile",
            "StartSession",
            "CreatePresignedDomainUrl",
        ):
            assert f"sagemaker:{name}" in studio


class TestParameters:
    def test_every_text_has_its_rule_and_says_it(self):
        free = set()
        for name, it in TEMPLATE["Parameters"].items():
            if it["Type"] in ("String", "CommaDelimitedList") and "AllowedValues" not in it:
                if name in EXCEPTIONS["free_parameters"] and "AllowedPattern" not in it:
                    free.add(name)
                    continue
                assert "AllowedPattern" in it, name
                assert "ConstraintDescription" in it, name
        assert free == set(EXCEPTIONS["free_parameters"]), "stale: free_parameters"

    def test_every_parameter_has_a_description(self):
        for name, it in TEMPLATE["Parameters"].items():
            assert "Description" in it, name

    def test_groups_show_every_parameter_once(self):
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [str(name) for group in groups for name in group["Parameters"]]
        assert sorted(shown) == sorted(TEMPLATE["Parameters"])

    def accepts(self, name, value):
        return re.fullmatch(str(TEMPLATE["Parameters"][name]["AllowedPattern"]), value) is not None

    def test_an_endpoint_is_on_the_same_machine(self):
        for good in ("", "http://localhost", "http://127.0.0.1:4566", "https://localhost:4566"):
            assert self.accepts("EndpointUrl", good), good
        for bad in (
            "http://evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost:4566@evil.example",
            "http://127x0x0x1",
            "http://localhost/x",
        ):
            assert not self.accepts("EndpointUrl", bad), bad

    def test_the_suites_bucket_is_not_called_like_a_products(self):
        for good in ("", "acme-platform", "ml-artifacts-of-acme"):
            assert self.accepts("BucketName", good), good
        for bad in ("acme-ml-artifacts", "x-ml-artifacts", "Acme", "ab"):
            assert not self.accepts("BucketName", bad), bad

    def test_principals_are_roles_and_users(self):
        for name in ("ConfigWriters", "RuleWriters", "Approvers"):
            for good in (
                "",
                f"arn:aws:iam::{ACCOUNT}:role/teams/*",
                f"arn:aws-us-gov:iam::{ACCOUNT}:user/jane@company.example",
            ):
                assert self.accepts(name, good), good
            for bad in (
                "*",
                f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b",
                "arn:aws:iam::*:role/a",
                f"arn:aws:iam::{ACCOUNT}:root",
            ):
                assert not self.accepts(name, bad), bad

    def test_the_generate_function_may_be_limited(self):
        assert "ReservedConcurrentExecutions" not in suite().deployed["GenerateFunction"]["Properties"]
        limited = Deployment(GenerateConcurrency=10).deployed["GenerateFunction"]["Properties"]
        assert limited["ReservedConcurrentExecutions"] == "10"
