"""The table of taggable types against the resource provider schemas that cfn-lint ships.

`python tests/goldens/test_taggable.py --write` writes it anew.
"""

import pathlib
import sys
import unittest

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

TABLE = pathlib.Path(__file__).resolve().parents[2] / "schemas/security/taggable-types.txt"
HEAD = """\
# Resource types that take tags, one a line; behind the type the property that takes them, where it isn't `Tags`.
# From the resource provider schemas of us-east-1 that cfn-lint ships. Written by tests/goldens/test_taggable.py --write
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


class Taggable(unittest.TestCase):
    def test_the_table_is_what_the_schemas_say(self):
        self.assertEqual(TABLE.read_text(encoding="utf-8"), table())


if __name__ == "__main__":
    if "--write" in sys.argv:
        TABLE.write_text(table(), encoding="utf-8")
    else:
        unittest.main()
