"""One action for many products: a fleet's execution, and its one summary."""

import json
import uuid

from mlp_tests import suite
from mlp_tests.deploying import develop


def run(**given):
    machine = suite.client("stepfunctions")
    started = machine.start_execution(
        stateMachineArn=suite.setting("MLP_FLEET_MACHINE"), name="f" + uuid.uuid4().hex[:12], input=json.dumps(given)
    )["executionArn"]

    def look():
        found = machine.describe_execution(executionArn=started)
        return found if found["status"] != "RUNNING" else None

    found = suite.wait("the fleet's end", look, 180)
    return found, started.rsplit(":", 1)[1]


def upload(prefix, texts):
    for name, text in texts.items():
        suite.upload(f"{prefix}{name}.yaml", text)


class TestFleet:
    def test_every_config_below_the_prefix_is_deployed_and_then_deleted_with_one_summary(self):
        prefix = f"configs/{uuid.uuid4().hex[:8]}/"
        upload(prefix, {"a": develop(), "b": develop(), "broken": "client: 5\n", "c": develop()})
        suite.client("s3").put_object(Bucket=suite.bucket(), Key=prefix + "readme.md", Body=b"no config")
        place = {"bucket": suite.bucket(), "prefix": prefix}
        # A team's configs are checked before anything is deployed.
        found, name = run(action="validate-config", configs=place, tolerated_failure_percentage=25)
        assert found["status"] == "SUCCEEDED", found
        summary = json.loads(suite.read(f"deployments/fleets/{name}/summary.json"))
        assert summary["outcomes"] == {"valid": 3, "failed": 1}
        found, name = run(
            action="deploy-product", force=True, configs=place, concurrency=2, tolerated_failure_percentage=25
        )
        assert found["status"] == "SUCCEEDED", found
        summary = json.loads(suite.read(f"deployments/fleets/{name}/summary.json"))
        assert (summary["total"], summary["succeeded"], summary["failed"]) == (4, 3, 1)
        assert summary["outcomes"] == {"created": 3, "failed": 1}
        by_config = {line["config"].rsplit("/", 1)[1]: line for line in summary["products"]}
        assert by_config["broken.yaml"]["error"][0] == "MLProvisioner.InvalidInput"
        told = json.loads(found["output"])
        assert [line["config"] for line in told["products"]] == [f"{prefix}broken.yaml"]
        for line in summary["products"]:
            result = json.loads(suite.read(f"deployments/results/{line['execution']}.json"))
            assert result["outcome"] == line["outcome"]

        # Without tolerance the same failure fails the fleet: it starts no product after that.
        found, name = run(action="delete-product", force=True, configs=place, concurrency=1)
        assert (found["status"], found["error"]) == ("FAILED", "MLProvisioner.FleetFailed"), found
        summary = json.loads(suite.read(f"deployments/fleets/{name}/summary.json"))
        assert not summary["ok"]
        assert summary["outcomes"] == {"deleted": 2, "failed": 1, "not-started": 1}
        assert [line["config"] for line in summary["products"] if "outcome" not in line] == [f"{prefix}c.yaml"]
        # Once the mistake is fixed, a second fleet deletes the rest.
        suite.upload(f"{prefix}broken.yaml", develop())
        found, name = run(action="delete-product", force=True, configs=place)
        assert found["status"] == "SUCCEEDED", found
        summary = json.loads(suite.read(f"deployments/fleets/{name}/summary.json"))
        assert summary["outcomes"] == {"absent": 3, "deleted": 1}

    def test_mistakes_in_the_input_are_told_before_anything_is_begun(self):
        found, _ = run(
            action="deploy-product", configs={"bucket": suite.bucket(), "prefix": "configs/"}, concurrency=500
        )
        assert (found["status"], found["error"]) == ("FAILED", "MLProvisioner.InvalidInput"), found
        assert "/concurrency" in found["cause"]
        found, _ = run(action="show-changes", configs={"bucket": suite.bucket(), "prefix": "configs/nobody-has-this/"})
        assert "there is no config below" in found["cause"]
