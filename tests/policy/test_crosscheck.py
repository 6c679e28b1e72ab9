"""The evaluator against two others: the same questions, the same answers.

The questions are the cases that AWS documents, and requests from the proofs: calls of CloudFormation with policies that
allow them and with those of another product, and products' roles at the suite's and at products' buckets, jobs and keys.
"""

import functools
import random

import pytest

from mlp_tests.iam import calls, products
from mlp_tests.iam.cases import CASES
from mlp_tests.iam.evaluator import Access, Context, tags
from mlp_tests.iam.oracles import Emulator, Missing, Simulate, Unsupported
from mlp_tests.iam.questions import asked_of_us, question

# Where ministack's answer differs from AWS's documentation: case and what it does.
EMULATOR_DIFFERS = {
    "3e": "ArnLike: its `*` spans parts of an ARN",
    "3f": "ArnLike: its `*` spans parts of an ARN",
    "4d": "It has no variables: a value's `*` is a wildcard for it",
    "4o": "It has no variables, so no `${*}`",
}


@functools.cache
def questions():
    """Some hundred questions, the same in every run."""
    chosen = random.Random(20261129)
    return [*CASES, *of_cloudformation(chosen), *of_roles()]


def of_cloudformation(chosen):
    everybody = products.bounded()
    found = []
    for index in range(140):
        product = chosen.choice(everybody)
        call = chosen.choice(_calls(product.file))
        # Half of the questions put a call of one product to the policies of another one.
        owner = product if index % 2 else chosen.choice(everybody)
        who, context = (
            (owner.suite.roles["ServiceRole"].access(), calls.SERVICE_ROLE),
            (owner.who_has("service-role-policy"), calls.SERVICE_ROLE),
            (owner.who_has("iam-policy"), calls.ON_BEHALF),
        )[index % 3]
        name = f"{index}: {who.name}: {call.shown()}"
        policy = product.resource_policies.get(call.resource)
        joined = context.joined(call.context)
        found.append(question(name, who, call.action, call.resource, joined, product.account, policy))
    return found


@functools.cache
def _calls(file):
    return calls.of_product(next(it for it in products.bounded() if it.file == file))


def of_roles():
    """Products' roles, with what is attached to them, at things of the suite, of their own and of another product."""
    found = []
    picked = {}
    for product in products.bounded():
        picked.setdefault((product.tier, product.partition), product)
    other = next(it for it in products.bounded() if it.name.startswith("techcorp-prod"))
    for product in picked.values():
        here = f"{product.region}:{product.account}"
        own, foreign = (
            {
                "bucket": it.stack.arn("ArtifactsBucket"),
                "jobs": f"arn:{product.partition}:sagemaker:{here}:endpoint/{it.full('jobs')}live",
                "project": f"arn:{product.partition}:codebuild:{here}:project/{it.name}-build",
                "role": it.roles["SagemakerRole"].arn,
            }
            for it in (product, other)
        )
        bucket = product.suite.bucket_arn
        asked = []
        for things in (own, foreign):
            asked += [
                ("s3:GetObject", f"{things['bucket']}/models/m", {}, None),
                ("s3:PutObject", f"{things['bucket']}/models/m", {}, None),
                ("sagemaker:DescribeEndpoint", things["jobs"], {}, None),
                ("sagemaker:DeleteEndpoint", things["jobs"], {}, None),
                ("codebuild:StartBuild", things["project"], {}, None),
                ("iam:PassRole", things["role"], {"iam:PassedToService": "sagemaker.amazonaws.com"}, None),
                ("iam:PassRole", things["role"], {"iam:PassedToService": "lambda.amazonaws.com"}, None),
            ]
        for key in ("configs/a.yaml", "deployments/templates/a.yaml", "templates/a.yaml"):
            asked += [
                (name, f"{bucket}/{key}", {}, product.suite.bucket_policy) for name in ("s3:GetObject", "s3:PutObject")
            ]
        if product.stack.kinds("AWS::KMS::Key"):
            key = product.stack.arn("KmsKey")
            policy = product.resource_policies[key]
            for mine in (True, False):
                owner = {"ml-provisioner:product": product.name if mine else "another-ml"}
                asked.append(("kms:Decrypt", key, tags("aws:ResourceTag", owner), policy))
        for role in product.roles.values():
            for access in (role.access(), unlimited(role)):
                for name, arn, keys, policy in asked:
                    context = Context(
                        {
                            "aws:RequestedRegion": product.region,
                            "aws:ResourceAccount": product.account,
                            "aws:SecureTransport": "true",
                            **keys,
                        }
                    )
                    what = f"{access.name}{'' if access.boundary else ' without boundary'}: {name} on {arn} {keys}"
                    found.append(question(what, access, name, arn, context, product.account, policy))
    return found + of_trust()


def unlimited(role):
    access = role.access()
    return Access(access.name, access.principal, access.identity, None, access.context)


def of_trust():
    product = products.bounded()[-1]
    found = []
    for role in (*product.roles.values(), *product.suite.roles.values()):
        for service in ("codebuild", "codepipeline", "lambda", "sagemaker", "states", "cloudformation"):
            source = f"arn:{product.partition}:{service}:{product.region}:{product.account}:any/thing"
            found.append(
                {
                    "name": f"{role.arn}: trusts {service}",
                    "principal": f"{service}.amazonaws.com",
                    "action": "sts:AssumeRole",
                    "resource": role.arn,
                    "account": product.account,
                    "identity": [],
                    "boundary": None,
                    "resource_policy": role.trust.document,
                    "context": {"aws:SourceAccount": product.account, "aws:SourceArn": source},
                }
            )
    return found


class TestCrosscheck:
    def compare(self, oracle, differs):
        """Every question; what the other evaluator can't be asked must stay the exception."""
        answers, wrong, unasked, differing = {}, [], [], set()
        for it in questions():
            ours = asked_of_us(it)
            answers[ours] = answers.get(ours, 0) + 1
            try:
                theirs = oracle.decide(it)
            except Unsupported as reason:
                unasked.append(f"{it['name']}: {reason}")
                continue
            if theirs == ours:
                continue
            code = it["name"].split()[0]
            if code in differs:
                differing.add(code)
            else:
                wrong.append(f"{it['name']}: {ours}, and it says {theirs}")
        assert wrong[:10] == [], f"{len(wrong)} of {len(questions())} answers differ"
        assert len(unasked) < len(questions()) / 8, unasked[:10]
        assert differing == set(differs), "stale"
        # The questions are no formality: each answer is there, and often.
        assert all(answers[it] >= 40 for it in ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied")), answers

    def open(self, cleanup, kind):
        try:
            oracle = kind()
        except Missing as reason:
            pytest.skip(f"the IAM evaluator against {kind.name}; {reason}")
        cleanup(oracle.close)
        return oracle

    def test_ministack_says_the_same(self, cleanup):
        self.compare(self.open(cleanup, Emulator), EMULATOR_DIFFERS)

    def test_iam_simulate_says_the_same(self, cleanup):
        self.compare(self.open(cleanup, Simulate), {})
