"""The values of properties that can't be changed without a replacement, in every golden template.

Resources with names of their own can't be replaced: CloudFormation creates the new one first, and its name is taken. So these
values never change from version to version. `tests/golden/create-only.txt` holds them; names are in `identities.txt`.

`python tests/write_tables.py create-only` adds lines for new products and resources. To change a line, edit it by hand
and tell users in the changelog's upgrade notes what to do.
"""

import json

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from .. import golden
from ..paths import GOLDEN

LINES = GOLDEN / "create-only.txt"
# `identities.txt` holds the names.
NAMES = {"Name", "GroupName", "AlarmName"}


def create_only(kind):
    """Properties whose change replaces a resource of a type."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-west-2", kind).schema
    paths = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", [])]
    return {path for path in paths if "/" not in path and path not in NAMES and not path.endswith("Name")}


def values():
    """`product | logical id | property` to the value as JSON."""
    found = {}
    for product, template in golden.templates().items():
        for logical_id, it in template["Resources"].items():
            for name in sorted(create_only(it["Type"]) & set(it["Properties"])):
                found[f"{product} | {logical_id} | {name}"] = json.dumps(it["Properties"][name], sort_keys=True)
    return found


def held():
    if not LINES.exists():
        return {}
    lines = LINES.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" = ", 1) for line in lines)


def write():
    """Adds what is new. A line that is there stays as it is."""
    lines = {**values(), **held()}
    LINES.write_text("".join(f"{key} = {value}\n" for key, value in sorted(lines.items())), encoding="utf-8")
