"""Types without handlers in their schema, against botocore's model of the service's API.

No schema says what CloudFormation calls for such a type. So each property that a template writes must be a member of the
input of the API's create or update operation; or `exceptions.yaml` names the further call that sets it, which the policies
then have to grant (`handlers_by_hand` feeds `aws.handlers`).
"""

import botocore.session
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from mlp_tests import golden
from mlp_tests.aws import EXCEPTIONS, REGION, action, resource_types

BY_HAND = EXCEPTIONS["handlers_by_hand"]


def members(shape):
    """Members of a structure, or of a list's structures, by name in lower case: `BuildSpec` is `buildspec` there."""
    if shape.type_name == "list":
        return members(shape.member)
    return {name.lower(): it for name, it in shape.members.items()} if shape.type_name == "structure" else {}


def unknown(properties, shape, calls, path=""):
    """Paths of properties that an operation's input doesn't have, without those that another call sets."""
    found = set()
    if isinstance(properties, list):
        return set().union(*(unknown(it, shape, calls, path) for it in properties))
    # A function (`Ref`, `Fn::Sub`) is a value.
    if not isinstance(properties, dict) or any(key == "Ref" or key.startswith("Fn::") for key in properties):
        return found
    known = members(shape)
    for key, value in properties.items():
        place = f"{path}/{key}"
        if place in calls:
            continue
        if key.lower() not in known:
            found.add(place)
        else:
            found |= unknown(value, known[key.lower()], calls, place)
    return found


class TestInputs:
    @classmethod
    def setup_class(cls):
        cls.resources = {}
        for name, template in golden.templates().items():
            for logical_id, it in template["Resources"].items():
                cls.resources.setdefault(str(it["Type"]), []).append((f"{name}: {logical_id}", it["Properties"]))

    @staticmethod
    def operations(by_hand):
        model = botocore.session.Session().get_service_model(by_hand["service"])
        return [model.operation_model(name).input_shape for name in by_hand["operations"]]

    def test_every_type_without_handlers_is_described_by_hand(self):
        without = {
            kind
            for kind in self.resources
            if "handlers" not in PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
        }
        assert without == set(BY_HAND)

    def test_every_property_is_a_member_of_the_create_and_of_the_update_operation(self):
        for kind, by_hand in BY_HAND.items():
            calls = by_hand.get("further_calls", {})
            for shape in self.operations(by_hand):
                for where, properties in self.resources[kind]:
                    assert unknown(properties, shape, calls) == set(), f"{where}: {shape.name}"

    def test_a_further_call_exists_is_granted_and_sets_a_property_that_is_written(self):
        for kind, by_hand in BY_HAND.items():
            for path, name in by_hand.get("further_calls", {}).items():
                assert resource_types(name), f"{kind}: {name} takes no resource"
                assert name in by_hand["actions"], f"{kind}: {path}"
                top = path.split("/")[1]
                assert any(top in properties for _, properties in self.resources[kind]), f"stale: {path}"

    def test_the_operations_are_among_the_actions(self):
        for kind, by_hand in BY_HAND.items():
            for name in by_hand["operations"]:
                full = f"{kind.split('::')[1].lower()}:{name}"
                assert action(full) is not None
                assert full in by_hand["actions"]

    def test_a_property_that_only_another_call_sets_is_found(self):
        by_hand = BY_HAND["AWS::CodeBuild::Project"]
        (create, update) = self.operations(by_hand)
        for shape in (create, update):
            assert unknown({"Visibility": "PRIVATE"}, shape, {}) == {"/Visibility"}
            nested = {"Environment": {"Image": "x", "Images": {"Ref": "x"}}, "Tags": [{"Key": "a", "Name": "b"}]}
            assert unknown(nested, shape, {}) == {"/Environment/Images", "/Tags/Name"}
        granted = {"/Visibility": "codebuild:UpdateProjectVisibility"}
        assert unknown({"Visibility": "PRIVATE"}, create, granted) == set()
        assert "codebuild:UpdateProjectVisibility" not in by_hand["actions"]
