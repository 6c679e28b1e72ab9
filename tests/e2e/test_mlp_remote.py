"""`mlp` deploys, follows, approves and deletes on the running suite."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid

sys.path.insert(0, os.path.dirname(__file__))

import suite  # noqa: E402


def setUpModule():
    suite.setting("MLP_DEPLOY_MACHINE")


def mlp(*arguments, status=0, everything=False, **environment):
    """What `mlp` prints on standard output, or everywhere; nobody is at its terminal."""
    done = subprocess.run(
        [suite.setting("MLP_BINARY"), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    if done.returncode != status:
        raise AssertionError(f"mlp {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr if everything else done.stdout


class Remote(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
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
        self.assertEqual((shown["outcome"], shown["changes"]["added"]), ("previewed", 13))
        self.assertEqual(self.result("deploy-product", *given, status=1)["error"]["name"], "MLProvisioner.InvalidInput")
        created = self.result("deploy-product", "--force", *given)
        self.assertEqual(created["outcome"], "created")
        self.assertIn("There is nothing to change", mlp("deploy-product", "--force", *given))
        deleted = self.result("delete-product", "--force", "--yes", *given)
        self.assertEqual(deleted["outcome"], "deleted")

    def test_a_stored_config_is_deployed_after_approval(self):
        key = f"configs/{os.path.basename(os.path.dirname(self.config))}.yaml"
        suite.upload(key, self.config.read_bytes())
        suite.wait("status", lambda: suite.exists(f"status/{key}.json"))
        place = f"s3://{suite.bucket()}/{key}"
        started = self.result("deploy-product", "--force", "--approval", "--no-follow", "--s3-config", place)
        execution = started["execution"]
        name = execution.rsplit(":", 1)[1]

        def told():
            return json.loads(suite.read(f"status/{key}.json")).get("deployment", {})

        waiting = suite.wait("request", lambda: told() if told().get("state") == "waiting-for-approval" else None)
        self.assertEqual((waiting["execution"], waiting["changes"]["added"]), (execution, 13))
        self.assertGreater(waiting["expires"], waiting["at"])
        given = ("approve", execution, "--yes", "--bucket", suite.bucket())
        self.assertIn("can't approve it", self.result(*given, status=1)["error"]["message"])
        self.assertEqual(self.result(*given, **self.somebody_else())["outcome"], "answered")
        self.assertEqual(self.result("follow", execution)["outcome"], "created")
        self.assertEqual((told()["state"], told()["result"]), ("created", f"s3://{suite.bucket()}/deployments/results/{name}.json"))

    def test_a_failure_is_told_with_its_cause(self):
        self.addCleanup(suite.faults, clear=True)
        suite.faults(resource_type="AWS::CodeBuild::Project", message="no capacity")
        told = mlp("deploy-product", "--force", "--config", str(self.config), status=1, everything=True)
        self.assertIn("MLProvisioner.DeploymentFailed", told)
        self.assertIn("no capacity", told)


if __name__ == "__main__":
    unittest.main()
