"""The table of taggable types against the resource provider schemas that cfn-lint ships.

`cargo xtask docs --tables` writes the table again.
"""

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ..paths import ROOT

TABLE = ROOT / "schemas/security/taggable-types.txt"
HEAD = """\
# Resource types that take tags, one a line; behind the type the property that takes them, where it isn't `Tags`.
# From the resource provider schemas of us-east-1 that cfn-lint ships. Written by `cargo xtask docs --tables`.
"""


def table():
    lines = []
    for kind in sorted(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1")):
        tagging = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("tagging", {})
        # A schema that says nothing of tags says nothing of them.
        if not tagging.get("taggable", False):
            continue
        where = tagging.get("tagProperty", "/properties/Tags").removeprefix("/properties/")
        lines.append(kind if where == "Tags" else f"{kind} {where}")
    return HEAD + "\n".join(lines) + "\n"


def write():
    TABLE.write_text(table(), encoding="utf-8")
