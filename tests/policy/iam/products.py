"""The golden products: their roles, policies and names."""

import functools
import json
import pathlib
import re

from aws import GOLDEN

from . import cloudformation
from .evaluator import Policy
from .suite import RolesOf

KINDS = ("iam-policy", "service-role-policy", "stack-operator-policy")


@functools.cache
def templates():
    """Golden template by name."""
    return {path.stem: cloudformation.read(path) for path in sorted((GOLDEN / "templates").glob("*.yaml"))}


def partition_of(region):
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


class Product:
    """A golden product as a stack, with the suite's boundary on its roles or without."""

    def __init__(self, name, suite=None, template=None):
        self.file = name
        self.template = template or templates()[name]
        about = self.template["Metadata"]["MLProvisioner"]
        self.name = about["MlName"]
        self.tier, self.scenario = about["Tier"], about["Scenario"]
        self.account, self.region = str(about["AccountId"]), about["Region"]
        self.partition = partition_of(self.region)
        self.place = (self.partition, self.region, self.account)
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
        """As `service_role_arn` of shared/core/src/policy names it, read from the policy that passes it."""
        for policy in self.documents("stack-operator-policy"):
            for statement in policy.statements:
                if statement.sid == "PassServiceRole":
                    return statement.resources[0]
        raise LookupError("no PassServiceRole")
