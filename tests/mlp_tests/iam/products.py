"""The golden products: their roles, policies and names."""

import functools
import json
import re

from .. import cloudformation, golden
from ..paths import GOLDEN
from .evaluator import Access, Policy, Principal
from .suite import RolesOf, Suite, principal_context

KINDS = ("iam-policy", "service-role-policy", "stack-operator-policy")


def partition_of(region):
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def place_of(template):
    """Partition, region and account that a golden template is for."""
    about = template["Metadata"]["MLProvisioner"]
    return partition_of(about["Region"]), about["Region"], str(about["AccountId"])


@functools.cache
def suite_of(place):
    """The suite of an account and region, as `sam deploy` with the default parameters makes it."""
    partition, region, account = place
    return Suite(partition=partition, region=region, account=account)


@functools.cache
def bounded():
    """The golden products, each with the boundary of its account's suite on its roles."""
    return [Product(name, suite_of(place_of(template))) for name, template in golden.templates().items()]


@functools.cache
def unbounded():
    """The golden products with the parameter `PermissionsBoundary` empty."""
    return [Product(name) for name in golden.templates()]


class Product:
    """A golden product as a stack, with the suite's boundary on its roles or without."""

    def __init__(self, name, suite=None, template=None):
        self.file = name
        self.template = template or golden.templates()[name]
        about = self.template["Metadata"]["MLProvisioner"]
        self.name = about["MlName"]
        self.tier, self.scenario = about["Tier"], about["Scenario"]
        self.place = place_of(self.template)
        self.partition, self.region, self.account = self.place
        self.suite = suite
        boundary = suite.boundary_arn if suite else None
        self.stack = cloudformation.Stack(
            self.template,
            stack=about["StackName"],
            account=self.account,
            region=self.region,
            partition=self.partition,
            parameters={"PermissionsBoundary": boundary or ""},
        )
        mine = RolesOf(self.stack, {boundary: suite.boundary} if boundary else {})
        self.roles, self.policies = mine.roles, mine.policies
        self.resource_policies = {
            self.stack.arn(name): Policy(f"policy of {name}", self.stack.properties(name)["KeyPolicy"], "resource")
            for name in self.stack.kinds("AWS::KMS::Key")
        }

    def who_has(self, kind, documents=None):
        """Who gets the golden policies of a kind: the service role, or a person's role."""
        arn = f"arn:{self.partition}:iam::{self.account}:role/operators"
        if kind == "service-role-policy":
            arn = self.service_role_arn
        return Access(
            f"{self.file}: {kind}",
            Principal.role(arn),
            documents or self.documents(kind),
            None,
            principal_context(arn, {}),
        )

    def who_has_all(self):
        """Everybody who gets a policy of the product."""
        return [self.who_has(kind) for kind in KINDS]

    def documents(self, kind):
        """The golden policies of a kind, all documents."""
        paths = (GOLDEN / "policies").glob(f"{self.file}-{kind}*.json")
        wanted = re.compile(rf"{re.escape(self.file)}-{kind}(-\d)?")
        return tuple(
            Policy(path.stem.removeprefix(f"{self.file}-"), json.loads(path.read_text(encoding="utf-8")))
            for path in sorted(paths)
            if wanted.fullmatch(path.stem)
        )

    @property
    def service_role_arn(self):
        """As `service_role_arn` of shared/product/src/policy names it, read from the policy that passes it."""
        for policy in self.documents("stack-operator-policy"):
            for statement in policy.statements:
                if statement.sid == "PassServiceRole":
                    return statement.resources[0]
        raise LookupError("no PassServiceRole")

    def named(self):
        """ARN patterns of everything that the product's stack names, and of the stack."""
        found = [f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:stack/{self.stack_name}/*"]
        for name, it in self.stack.resources.items():
            kind = it["Type"]
            arn = self.stack.arn(name) if kind in cloudformation.NAMED else None
            if not arn:
                continue
            found.append(arn)
            if kind == "AWS::S3::Bucket":
                found.append(f"{arn}/*")
            if kind == "AWS::Logs::LogGroup":
                found.append(f"{arn}:*")
        found.append(f"arn:{self.partition}:ssm:{self.region}:{self.account}:parameter/ml/{self.name}/*")
        return found

    def used(self):
        """ARN patterns of what the product's builds, jobs and endpoints call after the product."""
        here = f"{self.region}:{self.account}"

        def arn(service, resource):
            return f"arn:{self.partition}:{service}:{here}:{resource}"

        found = [
            arn("sagemaker", f"model-package/{self.full('registry')}/*"),
            arn("sagemaker", f"*/{self.full('jobs')}*"),
            arn("logs", f"log-group:/aws/sagemaker/*{self.full('jobs')}*"),
            arn("ecr", f"repository/{self.name}"),
            arn("ecr", f"repository/{self.name}/*"),
        ]
        for name in self.stack.kinds("AWS::CodeBuild::Project"):
            project = self.stack.name(name)
            found += [
                arn("codebuild", f"report-group/{project}-*"),
                arn("logs", f"log-group:/aws/codebuild/{project}:*"),
            ]
        lake = self.tag("data-lake")
        if lake:
            found.append(f"arn:{self.partition}:s3:::{lake}/solutions/{self.tag('use-case')}/*")
        return found

    def of_jobs(self):
        """ARN patterns of what the product's roles may change: never a role, a policy, a stack or a key."""
        kinds = {"codebuild", "codecommit", "codepipeline", "ecr", "logs", "s3", "sagemaker"}
        return [it for it in self.named() + self.used() if it.split(":")[2] in kinds]

    def full(self, key):
        """The name that a tag of the product's roles stands for, with what the boundary adds."""
        value = self.tag(key)
        return value and value + ENDINGS[key]

    def tag(self, key):
        """A tag of the product's roles; all of them have the same."""
        values = {role.tags.get(f"ml-provisioner:{key}") for role in self.roles.values()}
        if len(values) != 1:
            raise LookupError(f"{self.file}: the roles have different tags {key}: {values}")
        return values.pop()

    def bucket(self, key):
        """The bucket that a tag of the product's roles names, or nothing."""
        name = self.tag(key)
        return None if name == "no bucket" else name

    @property
    def stack_name(self):
        return self.stack.pseudo["AWS::StackName"]


# What the boundary adds to a name in a tag.
ENDINGS = {"artifacts": "-ml-artifacts", "jobs": "--", "registry": "-ml-models", "sagemaker-role": "-ml-sagemaker-role"}

# How the names of products' resources end: ARN (of any account and region of a partition) and suffixes, for every type that
# has a name. Also a name that a service's limit cuts ends in `-ml-<suffix>` (shared/product/src/names.rs).
SUFFIXES = {
    "AWS::CloudWatch::Alarm": ("cloudwatch:*:*:alarm:{}", ["root-usage", "unauthorized-calls"]),
    "AWS::CloudWatch::Dashboard": ("cloudwatch::*:dashboard/{}", ["dashboard"]),
    "AWS::CodeBuild::Project": ("codebuild:*:*:project/{}", ["build", "deploy"]),
    "AWS::CodeCommit::Repository": ("codecommit:*:*:{}", ["model-build", "model-deploy"]),
    "AWS::CodePipeline::Pipeline": ("codepipeline:*:*:{}", ["build-pipeline", "deploy-pipeline"]),
    "AWS::Events::Rule": ("events:*:*:rule/{}", ["approval"]),
    "AWS::IAM::ManagedPolicy": ("iam::*:policy/{}", ["build-policy", "deploy-policy", "permission-boundary"]),
    "AWS::IAM::Role": ("iam::*:role/{}", ["codebuild-role", "codepipeline-role", "sagemaker-role"]),
    "AWS::KMS::Alias": ("kms:*:*:alias/{}", ["key"]),
    "AWS::Logs::LogGroup": ("logs:*:*:log-group:{}", ["security-logs", "security-logs:*"]),
    "AWS::S3::Bucket": ("s3:::{}", ["artifacts"]),
    "AWS::SNS::Topic": ("sns:*:*:{}", ["security-alerts"]),
    "AWS::SageMaker::ModelPackageGroup": ("sagemaker:*:*:model-package-group/{}", ["models"]),
}


def namespace(partition):
    """The ARN patterns of all names that products can have."""
    found = [f"arn:{partition}:ssm:*:*:parameter/ml/*"]
    for pattern, suffixes in SUFFIXES.values():
        found += [f"arn:{partition}:{pattern.format(f'*-ml-{suffix}')}" for suffix in suffixes]
    return found
