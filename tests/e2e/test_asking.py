"""Executions that deploy nothing: what the library does alone, and drift, give what `mlp` gives and keep what they make."""

import json
import pathlib
import tempfile

import pytest

from mlp_tests import suite
from mlp_tests.commands import mlp
from mlp_tests.deploying import develop, ended, stack
from mlp_tests.deploying import run as execute


def ask(**asked):
    """An execution of this input, to its end."""
    sfn = suite.client("stepfunctions")
    machine = suite.setting("MLP_DEPLOY_MACHINE")
    return ended(sfn.start_execution(stateMachineArn=machine, input=json.dumps(asked))["executionArn"])


def common(result):
    """A result without what says where it comes from and where it lies."""
    return {key: value for key, value in result.items() if key not in ("source", "outputs", "hashes", "links")}


class TestAsking:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        self.config = develop()
        folder = tempfile.TemporaryDirectory()
        cleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "config.yaml"
        self.file.write_text(self.config, encoding="utf-8")

    def by_hand(self, action, *more, status=0):
        return json.loads(mlp("--format", "json", action, *more, status=status))

    def test_what_mlp_makes_an_execution_makes_and_keeps(self, subtests):
        given = ("--config", str(self.file))
        for action, more, kinds in (
            ("validate-config", (), set()),
            ("create-policy", ("--out", str(self.folder)), {"policy", "service-role-policy", "stack-operator-policy"}),
            ("create-prov-template", ("--out", str(self.folder)), {"template"}),
            ("validate-prov-template", (), set()),
            ("create-review-report", ("--out", str(self.folder)), {"report"}),
            ("show-product", (), set()),
        ):
            with subtests.test(action=action):
                asked = ask(action=action, config=self.config)
                assert asked["ok"], asked
                made = self.by_hand(action, *given, *more)
                assert common(asked["result"]) == common(made)
                assert kinds <= set(asked["result"].get("links", {})), asked["result"]
                for key, path in zip(asked["result"]["outputs"], made["outputs"], strict=True):
                    assert suite.read(key) == pathlib.Path(self.folder, path).read_bytes(), key
                name = asked["execution"].rsplit(":", 1)[1]
                assert json.loads(suite.read(f"deployments/files/{name}/result.json")) == asked["result"]
                assert json.loads(suite.read(f"deployments/results/{name}.json")) == asked

    def test_tiers_are_listed_and_shown(self):
        assert common(ask(action="list-products")["result"]) == common(self.by_hand("list-products"))
        shown = ask(action="show-product", tier="enterprise")
        assert common(shown["result"]) == common(self.by_hand("show-product", "enterprise"))

    def test_mistakes_are_the_answer_and_mlp_follow_tells_them(self):
        wrong = self.config.replace("region: us-west-2", "region: us-west-9").replace("tier: starter", "tier: starte")
        self.file.write_text(wrong, encoding="utf-8")
        asked = ask(action="validate-config", config=wrong)
        assert (asked["outcome"], asked["error"]["name"]) == ("failed", "MLProvisioner.InvalidInput")
        made = self.by_hand("validate-config", "--config", str(self.file), status=1)
        assert common(asked["result"]) == common(made)
        told = mlp("follow", asked["execution"], status=1, everything=True)
        for finding in made["findings"]:
            assert finding["code"] in told

    def test_a_template_of_somebodys_own_is_checked(self):
        template = "Resources:\n  Open: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Nowhere}}\n"
        key = "templates/somebodys-own.yaml"
        suite.upload(key, template)
        asked = ask(action="validate-prov-template", template={"bucket": suite.bucket(), "key": key})
        file = self.folder / "template.yaml"
        file.write_text(template, encoding="utf-8")
        made = self.by_hand("validate-prov-template", str(file), status=1)
        assert common(asked["result"]) == common(made)
        assert not asked["ok"]

    def test_drift_is_looked_for_by_config_by_stack_and_by_prefix(self, cleanup):
        created = execute("deploy-product", self.config, force=True)
        name = created["stack_name"]
        cleanup(execute, "delete-product", self.config, force=True)
        quiet = ask(action="check-drift", config=self.config)
        assert (quiet["outcome"], quiet["stack_name"]) == ("in-sync", name), quiet
        path = sorted(created["outputs"])[0]
        value = created["outputs"][path]
        suite.client("ssm").put_parameter(Name=path, Value=f"{value}-changed", Overwrite=True)
        drifted = ask(action="check-drift", stack=name)
        assert (drifted["ok"], drifted["outcome"]) == (True, "drifted"), drifted
        assert (drifted["drift"]["totals"]["stacks"], drifted["drift"]["totals"]["drifted"]) == (1, 1)
        place = drifted["drift"]["data"].split("/", 3)[3]
        report = json.loads(suite.read(place))
        assert f"{value}-changed" in json.dumps(report["findings"])
        assert name in suite.read(place.replace(".json", ".html")).decode()
        some = ask(action="check-drift", prefix=name[:-6])
        assert (some["outcome"], some["drift"]["totals"]["stacks"]) == ("drifted", 1)
        assert "1 stack, 1 drifted" in mlp("follow", some["execution"])
        assert stack(name)["StackStatus"] == "CREATE_COMPLETE", "nothing was touched"

    def test_a_stack_that_is_not_there_is_not_in_sync(self):
        asked = ask(action="check-drift", stack="nobody-has-it-stack")
        assert (asked["error"]["name"], asked["findings"][0]["path"]) == ("MLProvisioner.InvalidInput", "/stack")
