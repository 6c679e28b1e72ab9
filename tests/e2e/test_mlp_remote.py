"""`mlp` deploys, follows, approves and deletes on the running suite."""

import json
import pathlib
import tempfile
import uuid

import pytest

from mlp_tests import suite
from mlp_tests.commands import mlp


class TestRemote:
    @pytest.fixture(autouse=True)
    def prepared(self, cleanup):
        folder = tempfile.TemporaryDirectory()
        cleanup(folder.cleanup)
        self.config = pathlib.Path(folder.name) / "config.yaml"
        self.config.write_text(suite.starter(**{"env: prod": "env: dev"}), encoding="utf-8")

    def result(self, *arguments, **more):
        return json.loads(mlp("--format", "json", *arguments, **more))

    def somebody_else(self):
        """The credentials of a user who started nothing."""
        iam, name = suite.client("iam"), f"ann-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def test_a_product_is_shown_deployed_and_deleted(self):
        given = ("--config", str(self.config))
        shown = self.result("show-changes", *given)
        assert (shown["outcome"], shown["changes"]["added"]) == ("previewed", 13)
        assert self.result("deploy-product", *given, status=1)["error"]["name"] == "MLProvisioner.InvalidInput"
        created = self.result("deploy-product", "--force", *given)
        assert created["outcome"] == "created"
        assert "There is nothing to change" in mlp("deploy-product", "--force", *given)
        deleted = self.result("delete-product", "--force", "--yes", *given)
        assert deleted["outcome"] == "deleted"

    def test_a_stored_config_is_deployed_after_approval(self):
        key = f"configs/{self.config.parent.name}.yaml"
        suite.upload(key, self.config.read_bytes())
        suite.wait("status", lambda: suite.exists(f"status/{key}.json"))
        place = f"s3://{suite.bucket()}/{key}"
        started = self.result("deploy-product", "--force", "--approval", "--no-follow", "--s3-config", place)
        execution = started["execution"]
        name = execution.rsplit(":", 1)[1]

        def told():
            return json.loads(suite.read(f"status/{key}.json")).get("deployment", {})

        waiting = suite.wait("request", lambda: told() if told().get("state") == "waiting-for-approval" else None)
        assert (waiting["execution"], waiting["changes"]["added"]) == (execution, 13)
        assert waiting["expires"] > waiting["at"]
        given = ("approve", execution, "--yes", "--bucket", suite.bucket())
        assert "can't approve it" in self.result(*given, status=1)["error"]["message"]
        assert self.result(*given, **self.somebody_else())["outcome"] == "answered"
        assert self.result("follow", execution)["outcome"] == "created"
        assert (told()["state"], told()["result"]) == (
            "created",
            f"s3://{suite.bucket()}/deployments/results/{name}.json",
        )

    def test_a_failure_is_told_with_its_cause(self, cleanup):
        cleanup(suite.faults, clear=True)
        suite.faults(resource_type="AWS::CodeBuild::Project", message="no capacity")
        told = mlp("deploy-product", "--force", "--config", str(self.config), status=1, everything=True)
        assert "MLProvisioner.DeploymentFailed" in told
        assert "no capacity" in told
