"""Proof (d): no policy of one product matches the names of another product, however alike they are.

Over all pairs of golden products of an account, and over neighbours of each: products whose names begin or end like its own.
Names of any length, by the rules of shared/product/src/names.rs itself: shared/product/tests/neighbours.rs.
"""

import collections
import copy
import functools
import hashlib
import re

import pytest

from mlp_tests.aws import SYMBOLS
from mlp_tests.iam import products
from mlp_tests.iam.evaluator import Policy
from mlp_tests.iam.proofs import Names, with_everything
from mlp_tests.iam.suite import Suite

ENTERPRISE = "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct"
OVERRIDE = "professional-multi-region-override"

# What products share, or AWS can't scope by name. Each is a pattern of no product, and has its reason.
JOBS_IN_A_VPC = "Within the boundary: builds and jobs in a VPC share its subnets with everything else there"
IMAGES = "Images of any repository. Inside the account the policy of a repository can only deny them (docs/security.md)"
SHARED_LOGS = "All jobs of an account share their log groups; reading and writing is by stream"
SHARED = {
    "ec2:CreateNetworkInterface": JOBS_IN_A_VPC,
    "ec2:CreateNetworkInterfacePermission": JOBS_IN_A_VPC,
    "ec2:DeleteNetworkInterface": JOBS_IN_A_VPC,
    "ec2:DeleteNetworkInterfacePermission": JOBS_IN_A_VPC,
    "ecr:BatchCheckLayerAvailability": IMAGES,
    "ecr:BatchGetImage": IMAGES,
    "ecr:GetDownloadUrlForLayer": IMAGES,
    "kms:CreateAlias": "A key can't wait for its tags; an alias takes nothing from its owner",
    "kms:DescribeKey": "A key can't wait for its tags; how it is set up",
    "kms:EnableKeyRotation": "A key can't wait for its tags; rotation takes nothing from its owner",
    "kms:TagResource": "An operator through CloudFormation, which tags keys of the stack",
    "logs:CreateLogAnomalyDetector": "Within the boundary: `CreateLog*` on the log groups that all jobs share",
    "logs:CreateLogGroup": SHARED_LOGS,
    "logs:CreateLogStream": SHARED_LOGS,
    "logs:DescribeLogStreams": "Lists names of streams",
    "logs:DescribeMetricFilters": "Lists settings",
    "logs:DescribeSubscriptionFilters": "Lists settings",
}
# Lists of names and settings.
LISTS = ("ec2:Describe", "sagemaker:List")
# Keys by the service that uses them, for own buckets and repositories (kms:ViaService, kms:EncryptionContext).
BY_SERVICE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt")

# Words that products' names have, and that end the names of their resources.
WORDS = (
    "a", "approval", "artifacts", "codebuild-role", "dashboard", "key", "ml", "mlops", "model", "models", "model-build",
    "permission-boundary", "pipeline", "security-alerts", "security-logs", "stack", "x",
)  # fmt: skip


def instances(patterns):
    """ARNs of things that the patterns match."""
    return [it.replace("*", "x-1") for it in patterns]


def things(product):
    """The ARNs of everything that a product names, and of what its builds and jobs name after it."""
    # A product without a data lake has a name there that no bucket can have.
    used = [it for it in product.used() if ":no bucket/" not in it]
    found = instances(product.named() + used)
    here = f"{product.region}:{product.account}"
    jobs = product.full("jobs")
    found += [
        f"arn:{product.partition}:sagemaker:{here}:{kind}/{jobs}{name}"
        for kind, name in (("endpoint", "live"), ("training-job", "2026-11-29"), ("model", "m"), ("pipeline", "p"))
    ]
    found += [
        f"arn:{product.partition}:logs:{here}:log-group:/aws/sagemaker/Endpoints/{jobs}live:log-stream:all/i-1",
        f"arn:{product.partition}:logs:{here}:log-group:/aws/sagemaker/TrainingJobs:log-stream:{jobs}1/algo-1",
        product.service_role_arn,
    ]
    bucket = product.suite.bucket_arn
    found += [f"{bucket}/templates/{product.name}-{product.scenario}.yaml"]
    # Keys, endpoints and groups have no names; their tags name the owner.
    found += [product.stack.arn(it) for it in product.stack.kinds("AWS::KMS::Key")]
    return list(dict.fromkeys(found))


def digest(name, count):
    """Symbols of a name's SHA-256: remainders of its first 16 bytes by 30, the lowest first."""
    left, symbols = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big"), ""
    for _ in range(count):
        left, remainder = divmod(left, len(SYMBOLS))
        symbols += SYMBOLS[remainder]
    return symbols


def override(name):
    """`ml_name` and global name of a product whose config sets this name, as in shared/product/src/names.rs."""
    return name, f"{name.removesuffix('-ml')}-{digest(name, 12)}-ml"


def neighbours(product):
    """Names of products that begin or end like a product's name: (ml_name, global name) pairs.

    A use case that goes on like a project of another product is refused (MLP-CFG-022), so `...-ml-build...` is none.
    """
    own, everywhere = product.name, product.name.replace(f"-{product.region}-", "-")
    pairs = []
    for word in WORDS:
        for there in (f"-ml-{word}-ml", f"-{word}-ml"):
            pairs.append((own[: -len("-ml")] + there, everywhere[: -len("-ml")] + there))
        pairs += [(f"{word}-{own}", f"{word}-{everywhere}"), (f"{word}{own}", f"{word}{everywhere}")]
    shorter = re.sub(r"-[a-z0-9]+-ml$", "-ml", own)
    pairs.append((shorter, re.sub(r"-[a-z0-9]+-ml$", "-ml", everywhere)))
    # Overrides that are what the product's own global names, or those of a product with a longer name, begin with.
    beginnings = {re.sub("-ml-.*", "-ml", product.stack.name(it)) for it in product.stack.kinds("AWS::IAM::Role")}
    pairs += [override(it) for it in sorted({everywhere, shorter} | beginnings)]
    return [(name, other) for name, other in dict.fromkeys(pairs) if name != own]


def renamed(product, name, everywhere):
    """The ARNs of a neighbour's things: the product's own, renamed. What a limit cuts can't be renamed so."""
    own = product.name
    own_everywhere = own.replace(f"-{product.region}-", "-")
    jobs = product.full("jobs")
    # Another product's prefix for jobs has another digest before the two hyphens.
    other_jobs = re.sub(f"[{SYMBOLS}]{{14}}--$", "0123456789bcdf--", jobs)
    assert other_jobs != jobs, jobs
    found = []
    for arn in things(product):
        new = (
            arn.replace(jobs, other_jobs)
            if jobs in arn
            else arn.replace(own, name)
            if own in arn
            else arn.replace(own_everywhere, everywhere)
        )
        if new != arn:
            found.append(new)
    return found


@functools.cache
def principals(product):
    """Everybody who gets a policy of a product."""
    found = [product.who_has(kind) for kind in products.KINDS]
    found.append(with_everything(product.roles["CodebuildRole"]))
    if product.tier != "starter":
        # Starter's policies are AWS's own, which know no products; the boundary is there for that.
        (unbounded,) = (it for it in products.unbounded() if it.file == product.file)
        found += [role.access() for role in unbounded.roles.values()]
    return [Names(it) for it in found]


def by_service(name, text):
    return name.startswith(BY_SERVICE) and "/ServiceKeys" in text


class TestNeighbours:
    used = set()

    def check(self, pairs):
        findings = []
        for name, text in pairs:
            if name in SHARED:
                self.used.add(name)
            elif not name.startswith(LISTS) and not by_service(name, text):
                findings.append(text)
        assert findings[:5] == [], f"{len(findings)} findings"

    def test_no_policy_matches_a_name_of_another_golden_product(self):
        pairs = 0
        by_place = collections.defaultdict(dict)
        for product in products.bounded():
            by_place[product.place].setdefault(product.name, []).append(product)
        for product in products.bounded():
            for name, others in by_place[product.place].items():
                for other in others if name != product.name else ():
                    pairs += 1
                    for names in principals(product):
                        self.check(names.reached(things(other), other.roles["CodebuildRole"].tags))
        assert pairs > 100

        for product in products.bounded():
            for names in principals(product):
                self.check(names.everything({"ml-provisioner:product": "another-ml"}))
        assert set(SHARED) - self.used == set(), "stale"

    def test_no_policy_matches_a_name_of_a_neighbour(self):
        for product in products.bounded():
            tags = product.roles["CodebuildRole"].tags
            for name, everywhere in neighbours(product):
                arns, theirs = renamed(product, name, everywhere), {**tags, "ml-provisioner:product": name}
                for names in principals(product):
                    self.check(names.reached(arns, theirs))

    def test_names_of_overrides_are_what_this_proof_takes_for_their_names(self):
        (product,) = (it for it in products.bounded() if it.file == OVERRIDE)
        _, everywhere = override(product.name)
        symbols = everywhere.removesuffix("-ml")[-12:]
        roles = [product.stack.name(it) for it in product.stack.kinds("AWS::IAM::Role")]
        assert roles
        for role in roles:
            assert f"-{symbols}-ml-" in role

    def test_prefixes_of_jobs_have_the_digest_that_this_proof_computes(self):
        for product in products.bounded():
            assert product.full("jobs").endswith(f"-{digest(product.name, 14)}--"), product.full("jobs")

    def test_a_product_may_use_its_own_names(self):
        # The proof is about something: the same question about a product's own things has an answer.
        product = next(it for it in products.bounded() if it.file == ENTERPRISE)
        tags = product.roles["CodebuildRole"].tags
        for names in principals(product):
            assert list(names.reached(things(product), tags)), names.access.name


class TestBroken:
    """The same proof over policies that are broken on purpose."""

    @pytest.fixture(autouse=True)
    def prepared(self):
        self.product = next(it for it in products.bounded() if it.file == ENTERPRISE)
        self.tags = self.product.roles["CodebuildRole"].tags

    def found(self, access):
        return [
            text
            for name, everywhere in neighbours(self.product)
            for _, text in Names(access).reached(
                renamed(self.product, name, everywhere), {**self.tags, "ml-provisioner:product": name}
            )
        ]

    def test_a_pattern_that_ends_too_early_is_found(self):
        documents = []
        for policy in self.product.documents("service-role-policy"):
            document = copy.deepcopy(policy.document)
            for statement in document["Statement"]:
                if statement["Sid"] == "CodeCommitManagement":
                    statement["Resource"] = f"arn:aws:codecommit:us-west-2:444455556666:{self.product.name}-*"
            documents.append(Policy(policy.name, document))
        findings = self.found(self.product.who_has("service-role-policy", tuple(documents)))
        wanted = (
            "service-role-policy may codecommit:DeleteRepository on arn:aws:codecommit:us-west-2:444455556666:"
            "globalbank-prod-c001-us-west-2-demand-forecasting-ml-ml-model-build"
        )
        assert any(wanted in it and "CodeCommitManagement" in it for it in findings), findings[:3]

    def test_a_fence_without_the_products_name_is_found(self):
        documents = []
        for policy in self.product.documents("iam-policy"):
            document = copy.deepcopy(policy.document)
            for statement in document["Statement"]:
                if statement["Sid"] == "TaggedResources":
                    statement["Condition"] = {"StringEquals": {"aws:ResourceTag/ManagedBy": "ml-provisioner"}}
            documents.append(Policy(policy.name, document))
        access = self.product.who_has("iam-policy", tuple(documents))
        key = [self.product.stack.arn("KmsKey")]
        findings = dict(Names(access).reached(key, {**self.tags, "ml-provisioner:product": "another-ml"}))
        assert "TaggedResources" in findings["kms:PutKeyPolicy"]

    def test_a_boundary_with_a_pattern_that_ends_too_early_is_found(self):
        def changed(template):
            boundary = template["Resources"]["ProductBoundary"]["Properties"]["PolicyDocument"]["Statement"]
            arn = "arn:aws:codebuild:${AWS::Region}:${AWS::AccountId}:project/${!aws:PrincipalTag/ml-provisioner:product}*"
            boundary.append(
                {"Sid": "TooMuch", "Effect": "Allow", "Action": "codebuild:StartBuild", "Resource": {"Fn::Sub": arn}}
            )

        partition, region, account = self.product.place
        suite = Suite(partition=partition, region=region, account=account, changed=changed)
        role = products.Product(ENTERPRISE, suite).roles["CodebuildRole"]
        findings = self.found(with_everything(role))
        assert any("may codebuild:StartBuild on" in it and "TooMuch" in it for it in findings), findings[:3]
