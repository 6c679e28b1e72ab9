"""The table of resource types that regions lack, from two sources: cfn-lint and botocore.

- cfn-lint ships the resource types that CloudFormation lists in each region. A region without a list of its own has none
  here (cfn-lint gives such a region the list of us-east-1).
- botocore ships the endpoints of each service (`endpoints.json`).

CloudFormation's list decides. Without one, the service's endpoints decide. Where CloudFormation lists a type and botocore
knows no endpoint of its service, the sources disagree: the type is `unlisted`.

`cargo xtask docs --tables` writes the table again.
"""

import importlib.metadata
import json
import pathlib

import botocore.session
import cfnlint
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ..paths import ROOT

TABLE = ROOT / "schemas/regions.yaml"
LISTS = pathlib.Path(cfnlint.__file__).parent / "data/schemas/providers"
# The services of the types, as botocore's endpoints call them.
SERVICES = {
    "CloudWatch": "monitoring",
    "CodeBuild": "codebuild",
    "CodeCommit": "codecommit",
    "CodePipeline": "codepipeline",
    "EC2": "ec2",
    "Events": "events",
    "IAM": "iam",
    "KMS": "kms",
    "Logs": "logs",
    "S3": "s3",
    "SNS": "sns",
    "SSM": "ssm",
    "SageMaker": "api.sagemaker",
}
# One service for a partition; botocore's file leaves it out in some partitions, which all have it.
GLOBAL = {"IAM"}
HEAD = """\
# Which regions lack which of the products' resource types. Written by `cargo xtask docs --tables`
# (tests/mlp_tests/tables/regions.py); docs/regions.md is made from it.
#
# missing: CloudFormation doesn't list the type there; without a list, botocore knows no endpoint of its service.
# unlisted: CloudFormation lists the type, and botocore knows no endpoint of its service.
# unknown: regions of which neither source knows anything.
"""


def regions():
    """Every region that a config may name."""
    schema = json.loads((ROOT / "schemas/config.schema.json").read_text(encoding="utf-8"))
    return schema["$defs"]["environment"]["properties"]["region"]["examples"]


def types():
    """Every resource type of the products."""
    found = set()
    for path in sorted((ROOT / "schemas/products").rglob("*.yaml")):
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= {it["type"] for it in described.get("resources", {}).values() if "type" in it}
    return sorted(found)


def listed():
    """Region to the resource types of CloudFormation there, for regions with a list of their own."""
    usual = set(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1"))
    lists = {}
    for region in regions():
        if not (LISTS / f"{region}.json").exists():
            continue
        of_region = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
        if region == "us-east-1" or of_region != usual:
            lists[region] = of_region
    return lists


def endpoints():
    """Region to the services with an endpoint there, for regions that botocore knows."""
    data = botocore.session.Session().get_component("data_loader").load_data("endpoints")
    found = {}
    for partition in data["partitions"]:
        for region in partition["regions"]:
            found[region] = {
                name
                for name, it in partition["services"].items()
                if region in it.get("endpoints", {}) or it.get("isRegionalized") is False
            }
    return found


def table():
    lists, services = listed(), endpoints()
    rows = {}
    for kind in types():
        name = kind.split("::")[1]
        row: dict[str, list[str]] = {"missing": [], "unlisted": []}
        for region in regions():
            has_type = kind in lists[region] if region in lists else None
            has_endpoint = None
            if region in services:
                has_endpoint = name in GLOBAL or SERVICES[name] in services[region]
            if has_type is False or (has_type is None and has_endpoint is False):
                row["missing"].append(region)
            elif has_type and has_endpoint is False:
                row["unlisted"].append(region)
        rows[kind] = row
    unknown = [it for it in regions() if it not in lists and it not in services]
    sources = [f"{name} {importlib.metadata.version(name)}" for name in ("cfn-lint", "botocore")]
    lines = [HEAD + f"sources: [{', '.join(sources)}]", f"unknown: [{', '.join(unknown)}]", "types:"]
    for kind, row in rows.items():
        lines.append(f"  {kind}:")
        lines += [f"    {key}: [{', '.join(value)}]" for key, value in row.items()]
    return "\n".join(lines) + "\n"


def write():
    TABLE.write_text(table(), encoding="utf-8")
