"""The golden policies against what AWS says of its actions and of CloudFormation's resource types (`mlp_tests/aws.py`)."""

import collections
import fnmatch
import json
import re

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from mlp_tests import golden
from mlp_tests.aws import (
    EXCEPTIONS,
    MAX_SIZE,
    REGION,
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
from mlp_tests.iam.products import KINDS
from mlp_tests.iam.suite import Suite
from mlp_tests.paths import GOLDEN


class TestPolicies:
    @classmethod
    def setup_class(cls):
        cls.documents = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((GOLDEN / "policies").glob("*.json"))
        }
        cls.types = {
            name: {str(it["Type"]) for it in template["Resources"].values()}
            for name, template in golden.templates().items()
        }

    def statements(self):
        for name, document in self.documents.items():
            for statement in document["Statement"]:
                yield f"{name}: {statement['Sid']}", statement

    def policy(self, product, kind):
        """The statements of a policy, from all of its documents."""
        names = [name for name in self.documents if re.fullmatch(rf"{re.escape(product)}-{kind}(-\d)?", name)]
        assert names, f"no golden policy {product}-{kind}"
        return [statement for name in names for statement in self.documents[name]["Statement"]]

    def granted(self, product, kind):
        """Every action that a policy's patterns match."""
        return {
            name
            for statement in self.policy(product, kind)
            for pattern in listed(statement["Action"])
            for name in matched(pattern)
        }

    def test_every_template_has_its_three_policies(self):
        assert len(self.types) >= 31
        for product in self.types:
            for kind in KINDS:
                self.policy(product, kind)

    def test_every_document_fits_into_a_managed_policy(self):
        for name, document in self.documents.items():
            assert size(document) <= MAX_SIZE, name

    def test_every_action_exists(self):
        for where, statement in self.statements():
            for pattern in listed(statement["Action"]):
                assert matched(pattern), f"{where}: {pattern} matches no action of AWS"
                for name in meant(pattern):
                    assert action(name) is not None, f"{where}: {name}"

    def test_sids_are_letters_and_digits_and_used_once(self):
        for name, document in self.documents.items():
            sids = [statement["Sid"] for statement in document["Statement"]]
            assert len(sids) == len(set(sids)), name
            for sid in sids:
                assert re.search(r"\A[A-Za-z0-9]+\Z", sid), name

    def test_every_action_takes_the_resources_that_it_is_scoped_to(self):
        used = set()
        for where, statement in self.statements():
            resources = listed(statement["Resource"])
            if resources == ["*"]:
                continue
            needed = {name for pattern in listed(statement["Action"]) for name in meant(pattern)}
            effective = set()
            for name in sorted(needed):
                on = {arn for arn in resources if self.takes(name, arn)}
                lagging = EXCEPTIONS["data_set_lags"].get(name)
                if lagging:
                    service = name.partition(":")[0]
                    late = {arn for arn in resources if is_of_type(arn, service, lagging["resource"])} - on
                    used |= {name} if late else set()
                    on |= late
                assert on, f"{where}: {name} takes none of {resources}"
                effective |= on
            assert set(resources) - effective == set(), f"{where}: no action takes these"
        assert used == set(EXCEPTIONS["data_set_lags"]), "stale: data_set_lags"

    @staticmethod
    def takes(name, arn):
        """Whether an action can be allowed on an ARN."""
        return any(is_of_type(arn, name.partition(":")[0], kind) for kind in resource_types(name))

    def test_every_resource_that_an_action_must_have_is_there(self):
        for product in self.types:
            for kind in ("iam-policy", "service-role-policy"):
                has = collections.defaultdict(set)
                for statement in self.policy(product, kind):
                    for pattern in listed(statement["Action"]):
                        for name in meant(pattern):
                            has[name] |= set(listed(statement["Resource"]))
                for name, arns in has.items():
                    service = name.partition(":")[0]
                    for resource, required in resource_types(name).items():
                        if required and "*" not in arns:
                            assert any(is_of_type(arn, service, resource) for arn in arns), (
                                f"{product}-{kind}: {name} needs a {resource}"
                            )

    def test_what_can_be_scoped_is_scoped(self):
        used = set()
        for where, statement in self.statements():
            if listed(statement["Resource"]) != ["*"]:
                continue
            assert "Condition" in statement, where
            for pattern in listed(statement["Action"]):
                for name in meant(pattern):
                    if resource_types(name):
                        assert name in EXCEPTIONS["unscoped"], f"{where}: can be scoped"
                        used.add(name)
        assert used == set(EXCEPTIONS["unscoped"]), "stale: unscoped"

    def test_every_condition_key_exists_and_means_something_to_its_actions(self):
        for where, statement in self.statements():
            names = {name for pattern in listed(statement["Action"]) for name in meant(pattern)}
            assert list(useless(statement, names)) == [], where

    def test_every_handler_has_its_permissions(self):
        used = set()
        for product, types in self.types.items():
            for kind in ("iam-policy", "service-role-policy"):
                granted = self.granted(product, kind)
                for resource in types:
                    excepted = EXCEPTIONS["never_triggered"].get(resource, {})
                    for name, needing in handlers(resource).items():
                        if name in granted:
                            continue
                        assert name in excepted, f"{product}-{kind}: {resource} needs {name} ({sorted(needing)})"
                        used.add((resource, name))
        listed_ones = {(resource, name) for resource, names in EXCEPTIONS["never_triggered"].items() for name in names}
        assert listed_ones - used == set(), "stale: never_triggered"

    def test_nothing_is_granted_beyond(self):
        used, extra, writes = set(), set(), set()
        for product, types in self.types.items():
            needed = {
                name
                for resource in types
                for name in handlers(resource)
                if name not in EXCEPTIONS["never_triggered"].get(resource, {})
            }
            for kind in KINDS:
                for statement in self.policy(product, kind):
                    for pattern in listed(statement["Action"]):
                        for name in matched(pattern):
                            if name in needed:
                                continue
                            where = f"{product}-{kind}: {statement['Sid']}: {name}"
                            if name in meant(pattern):
                                assert name in EXCEPTIONS["beyond_handlers"], where
                                used.add(name)
                                continue
                            reasons = EXCEPTIONS["wildcard_matches"].get(pattern)
                            assert reasons is not None, f"{where}: not among the matches of {pattern}"
                            extra.add(pattern)
                            if action(name)["access_level"] not in ("Read", "List"):
                                assert name in reasons.get("writes", {}), where
                                writes.add((pattern, name))
        assert used == set(EXCEPTIONS["beyond_handlers"]), "stale: beyond_handlers"
        assert extra == set(EXCEPTIONS["wildcard_matches"]), "stale: wildcard_matches"
        excepted = {
            (pattern, name) for pattern, it in EXCEPTIONS["wildcard_matches"].items() for name in it.get("writes", {})
        }
        assert writes == excepted, "stale: wildcard_matches"

    def test_the_suites_service_role_gets_nothing_beyond(self):
        """A right that no handler needs, such as one to write a resource's policy, would open products to other accounts."""
        needed = {
            name
            for resource in set().union(*self.types.values())
            for name in handlers(resource)
            if name not in EXCEPTIONS["never_triggered"].get(resource, {})
        }
        beyond, used = EXCEPTIONS["suites_service_role"], set()
        for policy in Suite(region=REGION, account="123456789012").roles["ServiceRole"].identity:
            for statement in policy.document["Statement"]:
                if statement["Effect"] != "Allow":
                    continue
                for pattern in listed(statement["Action"]):
                    for name in sorted(matched(pattern)):
                        if name not in needed and name not in EXCEPTIONS["beyond_handlers"]:
                            assert name in beyond, f"{policy.name}: {pattern}: {name}"
                            used.add(name)
        assert used == set(beyond), "stale: suites_service_role"

    def test_types_without_handlers_are_still_without(self):
        for kind in EXCEPTIONS["handlers_by_hand"]:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
            assert "handlers" not in schema, f"{kind} has handlers now: take them"

    def test_a_stack_operator_gets_less_than_an_operator(self):
        for product in self.types:
            less, more = (self.granted(product, kind) for kind in ("stack-operator-policy", "iam-policy"))
            assert less < more, product
            for name in less & {"iam:CreateRole", "iam:AttachRolePolicy", "kms:PutKeyPolicy", "s3:DeleteBucket"}:
                pytest.fail(f"{product}: {name}")

    def test_the_service_role_has_no_rights_on_itself(self):
        for product in self.types:
            passed = [it for it in self.policy(product, KINDS[2]) if it["Sid"] == "PassServiceRole"]
            assert len(passed) == 1, product
            for statement in self.policy(product, KINDS[1]):
                for arn in listed(statement["Resource"]):
                    if arn.split(":")[2:3] == ["iam"]:
                        assert not fnmatch.fnmatchcase(passed[0]["Resource"], arn), f"{product}: {arn}"

    def test_roles_can_only_be_handed_to_the_services_that_they_are_made_for(self):
        services = {f"{name}.amazonaws.com" for name in ("codebuild", "codepipeline", "events", "cloudformation")}
        for where, statement in self.statements():
            if "iam:PassRole" in listed(statement["Action"]):
                assert listed(statement["Action"]) == ["iam:PassRole"], where
                passed = statement["Condition"]["StringEquals"]["iam:PassedToService"]
                assert set(listed(passed)) <= services, where
                for arn in listed(statement["Resource"]):
                    assert re.search(r":role/[a-z0-9].{10,}", arn), where

    def test_roles_only_get_policies_of_the_product_and_what_its_tier_attaches(self):
        for where, statement in self.statements():
            patterns = listed(statement["Action"])
            if "iam:AttachRolePolicy" not in patterns:
                continue
            allowed = listed(statement["Condition"]["ArnLikeIfExists"]["iam:PolicyARN"])
            assert not [arn for arn in allowed if "AdministratorAccess" in arn or arn == "*"], where
            # The suite's boundary, which none of these policies names anywhere else.
            boundary = statement["Condition"]["ArnEquals"]["iam:PermissionsBoundary"]
            assert re.search(r":policy/mlp-product-boundary-[a-z0-9-]+\Z", boundary), where
            wanted = {
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:UpdateAssumeRolePolicy",
            }
            assert set(patterns) - {"iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateRole*"} == wanted, where

    def test_nobody_changes_the_boundary_or_takes_it_from_a_role(self):
        for where, statement in self.statements():
            for pattern in listed(statement["Action"]):
                names = matched(pattern)
                assert "iam:DeleteRolePermissionsBoundary" not in names, where
                assert "iam:PutRolePolicy" not in names, where
                if {
                    it
                    for it in names
                    if it.startswith("iam:") and "Policy" in it and action(it)["access_level"] not in ("Read", "List")
                }:
                    for arn in listed(statement["Resource"]):
                        assert not like("arn:aws:iam::123456789012:policy/mlp-product-boundary-us-west-2", arn), where

    def test_change_sets_of_a_service_role_are_of_templates_that_the_suite_stored(self):
        for where, statement in self.statements():
            if "stack-operator" in where and "cloudformation:CreateChangeSet" in {
                name for pattern in listed(statement["Action"]) for name in matched(pattern)
            }:
                for url in listed(statement["Condition"]["StringLike"]["cloudformation:TemplateUrl"]):
                    assert re.search(r"\Ahttps://([a-z0-9.-]+\.)?s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/", url), where
