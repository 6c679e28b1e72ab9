"""The values of properties that can't be changed without a replacement, in every golden template."""

from mlp_tests.tables.create_only import held, values


class TestCreateOnly:
    def test_no_value_changes_and_every_value_is_held(self):
        now, before = values(), held()
        assert len(now) > 100
        changed = {key: (value, now.get(key)) for key, value in before.items() if now.get(key) != value}
        assert changed == {}, "a replacement of a resource with a name of its own fails"
        assert set(now) - set(before) == set(), "new: python tests/write_tables.py create-only"

    def test_descriptions_of_policies_are_among_them(self):
        assert any(key.endswith("| BuildPolicy | Description") for key in values())
