"""The table of taggable types against the resource provider schemas that cfn-lint ships."""

from mlp_tests.tables.taggable import TABLE, table


class TestTaggable:
    def test_the_table_is_what_the_schemas_say(self):
        assert TABLE.read_text(encoding="utf-8") == table()
