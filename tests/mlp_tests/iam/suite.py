"""The suite: what infra/template.yaml creates, with every policy that counts."""

import copy
import dataclasses
import functools
import re

from .. import cloudformation
from ..paths import ROOT
from . import managed
from .evaluator import ABSENT, Access, Context, Policy, Principal, tags

TEMPLATE = ROOT / "infra/template.yaml"


@dataclasses.dataclass
class Role:
    """A role of a stack."""

    logical_id: str
    arn: str
    identity: tuple
    boundary: Policy | None
    boundary_arn: str | None
    trust: Policy
    tags: dict

    def access(self, context=None):
        """The role's sessions: what its policies are, and the keys that IAM sets for its principal."""
        own = principal_context(self.arn, self.tags)
        return Access(
            self.arn.rsplit("/", 1)[-1],
            Principal.role(self.arn),
            self.identity,
            self.boundary,
            own.joined(context) if context else own,
        )


def principal_context(arn, role_tags):
    """The keys of a role's session (IAM User Guide, "Properties of the principal")."""
    return Context(
        {
            "aws:PrincipalArn": arn,
            "aws:PrincipalAccount": arn.split(":")[4],
            "aws:PrincipalType": "AssumedRole",
            "aws:PrincipalIsAWSService": "false",
            "aws:PrincipalServiceName": ABSENT,
            "aws:PrincipalServiceNamesList": ABSENT,
            "aws:username": ABSENT,
            **tags("aws:PrincipalTag", role_tags),
        }
    )


@functools.cache
def template():
    return cloudformation.load(TEMPLATE)


def tag_map(value):
    if isinstance(value, dict):
        return dict(value)
    return {it["Key"]: it["Value"] for it in value or []}


# What gives rights in a template, of which the proofs know the meaning.
GIVES_RIGHTS = re.compile(r"AWS::IAM::|.*(Policy|Permission)$")
KNOWN_RIGHTS = {
    "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
}  # fmt: skip


class RolesOf:
    """The roles and managed policies of a stack."""

    def __init__(self, stack, boundaries=None):
        """`boundaries` maps ARNs of policies of other stacks to the policies."""
        self.stack = stack
        for name in stack.resources:
            kind = stack.resources[name]["Type"]
            if GIVES_RIGHTS.match(kind) and kind not in KNOWN_RIGHTS:
                raise LookupError(f"{name}: the proofs don't know what rights {kind} gives")
        self.policies = {
            name: Policy(stack.name(name), stack.properties(name)["PolicyDocument"])
            for name in stack.kinds("AWS::IAM::ManagedPolicy")
        }
        self._boundaries = boundaries or {}
        self.roles = {name: self._role(name) for name in stack.kinds("AWS::IAM::Role")}

    def _role(self, name):
        stack, properties = self.stack, self.stack.properties(name)
        identity = [managed_or(arn, self._own) for arn in properties.get("ManagedPolicyArns", [])]
        identity += [Policy(it["PolicyName"], it["PolicyDocument"]) for it in properties.get("Policies", [])]
        identity += [
            policy
            for logical_id, policy in self.policies.items()
            if stack.name(name) in stack.properties(logical_id).get("Roles", [])
        ]
        boundary_arn = properties.get("PermissionsBoundary")
        return Role(
            name,
            stack.arn(name),
            tuple(identity),
            self._boundary(boundary_arn) if boundary_arn else None,
            boundary_arn,
            Policy(f"trust policy of {name}", properties["AssumeRolePolicyDocument"], "trust"),
            tag_map(properties.get("Tags")),
        )

    def _own(self, arn):
        for name, policy in self.policies.items():
            if self.stack.arn(name) == arn:
                return policy
        raise LookupError(f"the template has no policy {arn}")

    def _boundary(self, arn):
        if arn in self._boundaries:
            return self._boundaries[arn]
        return managed_or(arn, self._own)


def managed_or(arn, other):
    return managed.policy(arn) if ":iam::aws:" in arn else other(arn)


class Suite:
    """A suite in an account and region. `changed` gets a copy of the template before it is resolved."""

    def __init__(self, *, account, region, partition="aws", parameters=None, changed=None):
        source = template()
        if changed:
            source = copy.deepcopy(source)
            changed(source)
        self.stack = stack = cloudformation.Stack(
            source, stack="ml-provisioner", account=account, region=region, partition=partition, parameters=parameters
        )
        self.place = (partition, region, account)
        mine = RolesOf(stack)
        self.roles, self.policies = mine.roles, mine.policies
        (self.bucket,) = stack.kinds("AWS::S3::Bucket")
        self.bucket_arn = stack.arn(self.bucket)
        self.resource_policies = self._resource_policies()

    @property
    def boundary_arn(self):
        """The ARN of the policy that bounds products' roles; `None` while there is none."""
        return self.stack.arn("ProductBoundary") if "ProductBoundary" in self.stack.resources else None

    @property
    def boundary(self):
        return self.policies.get("ProductBoundary")

    @property
    def bucket_policy(self):
        return self.resource_policies.get(self.bucket_arn)

    def _resource_policies(self):
        """ARN to the policy of the resource: of buckets, queues and topics.

        A topic without one gives roles nothing: "to enable other users", IAM policies or a topic policy are needed (Amazon
        SNS Developer Guide, "Give users permissions to publish"). A function's permissions are for services.
        """
        stack, found = self.stack, {}
        for name in stack.kinds("AWS::Lambda::Permission"):
            if not stack.properties(name)["Principal"].endswith(".amazonaws.com"):
                raise LookupError(f"{name} is for others than a service of AWS")
        for kind, targets in (
            ("AWS::S3::BucketPolicy", "Bucket"),
            ("AWS::SQS::QueuePolicy", "Queues"),
            ("AWS::SNS::TopicPolicy", "Topics"),
        ):
            for name in stack.kinds(kind):
                properties = stack.properties(name)
                for target in properties[targets] if isinstance(properties[targets], list) else [properties[targets]]:
                    arn = next(stack.arn(it) for it in stack.resources if target in (stack.ref(it), stack.arn(it)))
                    if arn in found:
                        raise LookupError(f"{arn} has two policies")
                    found[arn] = Policy(name, properties["PolicyDocument"], "resource")
        return found

    def arns(self):
        """The suite's own resources that have an ARN: logical id to ARN."""
        found = {name: self.stack.arn(name) for name in self.stack.resources}
        return {name: arn for name, arn in found.items() if arn}
