"""The launcher's own tests: suites of their own, without the product deployed into them."""

import contextlib
import io
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from . import emulated
from .emulated import eventually
from .paths import ROOT

LAUNCHER = ROOT / "infra/local/launcher.py"
FIXTURES = ROOT / "infra/local/tests/fixtures"
ACCOUNT, REGION = "123456789012", "us-west-2"
# The interpreter of the emulator's own environment.
PYTHON = os.environ.get("MLP_EMULATOR_PYTHON", str(ROOT / "target/venv/emulator/bin/python"))


def start(directory, *arguments, wait=20):
    """Starts a launcher with its files in `directory`; returns the process and what its ready file says."""
    ready, log = directory / "ready.json", directory / "log"
    process = subprocess.Popen(
        [
            PYTHON,
            LAUNCHER,
            "--data-dir",
            directory / "data",
            "--ready-file",
            ready,
            "--log",
            log,
            "--account-id",
            ACCOUNT,
            "--die-with-parent",
            *arguments,
        ]
    )
    deadline = time.monotonic() + wait
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("the suite did not start:\n" + log.read_text(encoding="utf-8"))
        time.sleep(0.02)
    return process, json.loads(ready.read_text(encoding="utf-8"))


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=15)


@contextlib.contextmanager
def running(*arguments):
    """A suite, and its end."""
    with tempfile.TemporaryDirectory(prefix="mlp-suite-") as folder:
        process, ready = start(Path(folder), *arguments)
        try:
            yield Local(ready["endpoint"], Path(folder))
        finally:
            stop(process)


def unique(prefix="t"):
    return f"{prefix}{uuid.uuid4().hex[:8]}"


class Local:
    """A suite that runs."""

    def __init__(self, endpoint, folder):
        self.endpoint, self.folder = endpoint, folder

    def client(self, service):
        return emulated.client(service, self.endpoint, ACCOUNT, REGION)

    def client_with(self, service, credentials):
        """A client with an access key that the suite has given out."""
        token = credentials.get("SessionToken")
        key, secret = credentials["AccessKeyId"], credentials["SecretAccessKey"]
        return emulated.client(service, self.endpoint, key, REGION, secret, token)

    def control(self, name, body=None):
        """A call to one of the suite's own paths; a body makes it a POST."""
        return emulated.control(self.endpoint, name, body)

    def role(self, *services):
        """A role that these services may assume; returns its ARN."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}],
        }
        created = self.client("iam").create_role(
            RoleName=unique("role-"), AssumeRolePolicyDocument=json.dumps(document)
        )
        return created["Role"]["Arn"]

    def function(self, answer="printf '%s' \"$FUNCTION_EVENT\"", **options):
        """A function whose code is the shell runtime of the fixtures; returns its name."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            zipped.writestr(entry, (FIXTURES / "shell/bootstrap").read_text(encoding="utf-8"))
        name = unique("fn-")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=self.role("lambda.amazonaws.com"),
            Code={"ZipFile": archive.getvalue()},
            Timeout=10,
            Environment={"Variables": {"ANSWER": answer, **options}},
        )
        return name


def refused(code, call, **arguments):
    """Asserts that AWS's error `code` comes back; returns the message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response["Error"]["Message"]


class Stacks:
    """Templates that are deployed through change sets, as the product does it."""

    suite: Local

    @property
    def cloudformation(self):
        return self.suite.client("cloudformation")

    def change_set(self, stack, template, kind="CREATE", parameters=None, name=None, **options):
        """Creates a change set and returns its description."""
        name = name or unique("cs")
        text = template if isinstance(template, str) else json.dumps(template)
        options.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
        self.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=text,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
            **options,
        )
        return self.cloudformation.describe_change_set(StackName=stack, ChangeSetName=name, IncludePropertyValues=True)

    def execute(self, described):
        """Executes a change set and returns the stack once it is at rest."""
        self.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])
        return self.settled(described["StackId"])

    def settled(self, stack):
        def at_rest():
            body = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            return None if body["StackStatus"].endswith("IN_PROGRESS") else body

        return eventually(at_rest)

    def deploy(self, template, stack=None, kind="CREATE", parameters=None, status=None, **options):
        """Deploys and returns the stack; ``status`` is the one that must come out of it."""
        described = self.change_set(stack or unique("stack-"), template, kind, parameters, **options)
        assert described["Status"] == "CREATE_COMPLETE", described.get("StatusReason")
        body = self.execute(described)
        wanted = status or f"{kind}_COMPLETE"
        assert body["StackStatus"] == wanted, self.reasons(body["StackId"])
        return body

    def reasons(self, stack):
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return [
            f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}"
            for e in events
            if "FAILED" in e["ResourceStatus"] and e.get("ResourceStatusReason")
        ]

    def outputs(self, body):
        return {o["OutputKey"]: o["OutputValue"] for o in body.get("Outputs", [])}

    def delete(self, stack):
        identifier = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=stack)
        return self.settled(identifier)


class Case:
    """Tests on the suite that all modules share."""

    refused = staticmethod(refused)

    @pytest.fixture(autouse=True)
    def on_a_suite(self, local):
        self.suite = local


class StackCase(Case, Stacks):
    """Tests that deploy templates."""
