"""The evaluator: what AWS documents, what it refuses, and that its search finds what there is."""

import itertools
import random
import re

import pytest

from mlp_tests.iam import globs
from mlp_tests.iam.cases import ALL, CASES, ROLE, policy, statement
from mlp_tests.iam.evaluator import (
    ABSENT,
    FREE,
    Access,
    Context,
    Policy,
    PolicyError,
    Principal,
    classes,
    decide,
    reach,
)
from mlp_tests.iam.questions import asked_of_us


def access(*documents, boundary=None):
    return Access(
        "dev",
        Principal.role(ROLE),
        tuple(Policy(f"policy {index}", it) for index, it in enumerate(documents, 1)),
        Policy("boundary", boundary, "boundary") if boundary else None,
    )


class TestDocumented:
    def test_every_case_has_the_answer_that_aws_documents(self, subtests):
        assert len(CASES) >= 122
        for it in CASES:
            with subtests.test(it["name"]):
                assert asked_of_us(it) == it["want"]


class TestUnknown:
    """What the evaluator doesn't know is an error, and never an answer."""

    def refused(self, document, text, **request):
        with pytest.raises(PolicyError, match=text):
            decide(access(document), "s3:GetObject", "arn:aws:s3:::a/b", Context(free=["*"]), **request)

    def allow(self, **more):
        return policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*", **more})

    def test_unknown_parts_of_a_policy_are_refused(self, subtests):
        for more, text in (
            ({"Condition": {"StringMatches": {"aws:SourceIp": "x"}}}, "unknown operator StringMatches"),
            ({"Condition": {"ForSomeValues:StringEquals": {"aws:TagKeys": "x"}}}, "unknown qualifier"),
            ({"Condition": {"NullIfExists": {"aws:TagKeys": "true"}}}, "NullIfExists has no meaning"),
            ({"Condition": {"BinaryEquals": {"aws:TagKeys": "QQ=="}}}, "unknown operator BinaryEquals"),
            ({"Condition": {"StringEquals": {"aws:PrincipalTags/a": "x"}}}, "AWS has no condition key"),
            ({"Condition": {"StringEquals": {"s3:Prefixes": "x"}}}, "AWS has no condition key s3:Prefixes"),
            ({"NotAction": "s3:*"}, "one of Action and NotAction"),
            ({"NotResource": "*"}, "Resource and NotResource"),
            ({"Effect": "Maybe"}, "Effect Maybe"),
            ({"Principal": "*"}, "Principal belongs in resource policies"),
            ({"Comment": "x"}, "unknown elements"),
            ({"Resource": "arn:aws:s3"}, "no ARN of six parts"),
            ({"Resource": "arn:aws:s3:::${aws:PrincipalTags/a}"}, "AWS has no condition key"),
        ):
            with subtests.test(text):
                self.refused(self.allow(**more), text)
        self.refused({**self.allow(), "Version": "2020-01-01"}, "Version 2020-01-01")

    def test_unknown_principals_are_refused(self):
        for principal, text in (
            ({"Federated": "cognito-identity.amazonaws.com"}, "principals of the kind Federated"),
            ({"AWS": "arn:aws:iam::111111111111:role/*"}, "a principal"),
            ("arn:aws:iam::111111111111:root", "Principal"),
        ):
            with pytest.raises(PolicyError, match=text):
                Policy("bucket", policy(statement("Allow", "s3:*", Principal=principal)), "resource")
        with pytest.raises(PolicyError, match="unknown elements"):
            Policy("bucket", policy(statement("Deny", "s3:*", NotPrincipal="*", Principal="*")), "resource")

    def test_a_request_that_does_not_say_whether_it_has_a_key_is_refused(self):
        document = self.allow(Condition={"StringEqualsIfExists": {"s3:prefix": "a"}})
        with pytest.raises(PolicyError, match="the request doesn't say whether it has s3:prefix"):
            decide(access(document), "s3:ListBucket", "arn:aws:s3:::a")
        assert decide(access(document), "s3:ListBucket", "arn:aws:s3:::a", Context({"s3:prefix": ABSENT})).certain
        # Requests for another action can't have it.
        assert decide(access(document), "s3:DeleteBucket", "arn:aws:s3:::a").certain

    def test_several_values_without_a_qualifier_are_refused(self):
        document = self.allow(Condition={"StringEquals": {"aws:TagKeys": "a"}})
        with pytest.raises(PolicyError, match="has several values and StringEquals no qualifier"):
            decide(access(document), "s3:GetObject", "arn:aws:s3:::a/b", Context({"aws:TagKeys": ["a", "b"]}))

    def test_a_resource_that_is_no_arn_is_refused(self):
        with pytest.raises(PolicyError, match="is no ARN"):
            decide(access(ALL), "s3:GetObject", "a/b")


class TestFree:
    """Keys of which nothing is known: what may be isn't what must be."""

    def test_what_is_free_may_allow_and_may_deny(self):
        tag = {"StringEquals": {"aws:RequestTag/a": "x"}}
        free = Context({"aws:RequestTag/a": FREE})
        for effect, possible, certain in (("Allow", True, False), ("Deny", True, False)):
            documents = [policy(statement(effect, "kms:CreateKey", "*", tag))] + ([ALL] if effect == "Deny" else [])
            found = decide(access(*documents), "kms:CreateKey", "*", free)
            assert (found.possible, found.certain) == (possible, certain)
            with pytest.raises(PolicyError, match="undecided"):
                _ = found.result

    def test_a_free_variable_may_be_any_name(self):
        own = policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/bucket}/*"))
        anyone = access(own)
        free = Context({"aws:PrincipalTag/*": FREE})
        assert decide(anyone, "s3:GetObject", "arn:aws:s3:::any/key", free).possible
        assert not decide(anyone, "s3:GetObject", "arn:aws:s3:::any/key", free).certain
        assert reach(anyone, "s3:GetObject", "arn:aws:s3:::mine/*", free).arn == "arn:aws:s3:::mine/"
        for value, expected in (("mine", "arn:aws:s3:::mine/"), ("*", None), (ABSENT, None)):
            found = reach(anyone, "s3:GetObject", "arn:aws:s3:::mine/*", Context({"aws:PrincipalTag/bucket": value}))
            assert (found and found.arn) == expected

    def test_a_denial_counts_only_if_every_request_meets_it(self):
        tls = statement("Deny", "s3:*", "*", {"Bool": {"aws:SecureTransport": "false"}})
        denied = statement("Deny", "s3:*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"])
        free = Context(free=["*"])
        assert reach(access(ALL, policy(tls)), "s3:GetObject", "arn:aws:s3:::b/*", free) is not None
        assert reach(access(ALL, policy(denied)), "s3:GetObject", "arn:aws:s3:::b/*", free) is None
        other = reach(access(ALL, policy(denied)), "s3:GetObject", "arn:aws:s3:::b?/*", free)
        assert re.search("^arn:aws:s3:::b./$", other.arn)


class TestSearch:
    """`reach` and `witness` against trying everything."""

    @pytest.fixture(autouse=True)
    def prepared(self):
        self.random = random.Random(20261129)

    def pattern(self, most=5):
        return "".join(self.random.choice("aab:*?") for _ in range(self.random.randint(0, most)))

    def texts(self):
        return ("".join(it) for length in range(6) for it in itertools.product("ab:", repeat=length))

    def test_a_witness_is_found_if_and_only_if_there_is_one(self):
        texts = list(self.texts())
        found = 0
        for _ in range(400):
            include = tuple(globs.tokens(self.pattern()) for _ in range(self.random.randint(1, 3)))
            exclude = tuple(globs.tokens(self.pattern(3)) for _ in range(self.random.randint(0, 2)))
            witness = globs.witness(include, exclude)
            by_trying = [
                it
                for it in texts
                if all(globs.matches(one, it) for one in include) and not any(globs.matches(one, it) for one in exclude)
            ]
            if witness is None:
                assert by_trying == [], (include, exclude)
            else:
                found += 1
                assert all(globs.matches(one, witness) for one in include)
                assert not any(globs.matches(one, witness) for one in exclude)
        assert found > 50
        assert found < 350

    def test_a_pattern_covers_another_one_only_if_it_matches_all_of_its_texts(self):
        texts = list(self.texts())
        covered = 0
        for _ in range(3000):
            wide, narrow = globs.tokens(self.pattern()), globs.tokens(self.pattern())
            if globs.covers(wide, narrow):
                covered += 1
                assert [it for it in texts if globs.matches(narrow, it) and not globs.matches(wide, it)] == []
        assert covered > 50

    def test_what_is_reached_is_allowed_and_what_is_not_reached_is_not(self):
        names = ["a", "ab", "b", "ba/x", "a/b"]
        answers = set()
        for _ in range(300):
            documents = [
                policy(
                    *(
                        statement(self.random.choice(["Allow", "Allow", "Deny"]), "s3:GetObject", f"arn:aws:s3:::{it}")
                        for it in (self.pattern().replace(":", "/") or "a" for _ in range(3))
                    )
                )
                for _ in range(2)
            ]
            boundary = policy(statement("Allow", "s3:*", f"arn:aws:s3:::{self.pattern().replace(':', '/') or 'b'}"))
            anyone = access(*documents, boundary=boundary if self.random.random() < 0.5 else None)
            found = reach(anyone, "s3:GetObject", "arn:aws:s3:::*")
            answers.add(found is None)
            if found:
                assert decide(anyone, "s3:GetObject", found.arn).certain, found.arn
            else:
                for name in names:
                    assert not decide(anyone, "s3:GetObject", f"arn:aws:s3:::{name}").possible
        assert answers == {True, False}

    def test_actions_of_a_class_have_the_same_answer(self):
        anyone = access(policy(statement("Allow", ["s3:Get*", "s3:PutObject"]), statement("Deny", "s3:GetObjectAcl")))
        actions = ["s3:GetObject", "s3:GetObjectAcl", "s3:GetBucketAcl", "s3:PutObject", "s3:DeleteObject"]
        found = classes(actions, anyone.identity)
        assert sorted(members for _, members in found) == [
            ["s3:GetBucketAcl", "s3:GetObject", "s3:PutObject"],
            ["s3:GetObjectAcl"],
        ]
