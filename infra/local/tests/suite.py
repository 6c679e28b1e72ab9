"""One running suite for all test modules of this folder, and what they all need to talk to it.

    python -m unittest discover -s infra/local/tests

Run it with the interpreter of the emulator's virtual environment.
"""

import atexit
import functools
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid
import zipfile

import boto3
from botocore.config import Config

HERE = os.path.dirname(os.path.abspath(__file__))
LAUNCHER = os.path.join(os.path.dirname(HERE), "launcher.py")
ACCOUNT, REGION = "123456789012", "us-west-2"

_running = None


def start(directory, *arguments, wait=20):
    """Starts a launcher with its files in ``directory``; returns the process and what its ready file says."""
    ready = os.path.join(directory, "ready.json")
    process = subprocess.Popen(
        [sys.executable, LAUNCHER, "--data-dir", os.path.join(directory, "data"), "--ready-file", ready,
         "--log", os.path.join(directory, "log"), "--account-id", ACCOUNT, "--die-with-parent", *arguments])
    deadline = time.monotonic() + wait
    while not os.path.exists(ready):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            with open(os.path.join(directory, "log"), encoding="utf-8") as log:
                raise RuntimeError("the suite did not start:\n" + log.read())
        time.sleep(0.02)
    with open(ready, encoding="utf-8") as handle:
        return process, json.load(handle)


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=15)


def running():
    """The suite that the tests share."""
    global _running
    if _running is None:
        directory = tempfile.TemporaryDirectory(prefix="mlp-suite-")
        process, ready = start(directory.name)
        _running = {**ready, "directory": directory, "process": process}

        def end():
            stop(process)
            directory.cleanup()
        atexit.register(end)
    return _running


def client(service, endpoint=None):
    return _client(service, endpoint or running()["endpoint"])


@functools.lru_cache(maxsize=None)  # making one costs more than most calls with it
def _client(service, endpoint):
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=ACCOUNT,
                        aws_secret_access_key="local",
                        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


def control(name, body=None, endpoint=None):
    """A call to one of the suite's own paths; a body makes it a POST."""
    request = urllib.request.Request(f"{endpoint or running()['endpoint']}/_mlp/{name}",
                                     data=None if body is None else json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


def unique(prefix="t"):
    return f"{prefix}{uuid.uuid4().hex[:8]}"


def role(*services):
    """A role that these services may assume; returns its ARN."""
    name = unique("role-")
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}]}
    return client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]


def function(answer="printf '%s' \"$FUNCTION_EVENT\"", **options):
    """A function whose code is the shell runtime of the fixtures; returns its name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        with open(os.path.join(HERE, "fixtures", "shell", "bootstrap"), encoding="utf-8") as handle:
            zipped.writestr(entry, handle.read())
    name = unique("fn-")
    client("lambda").create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role("lambda.amazonaws.com"),
        Code={"ZipFile": archive.getvalue()}, Timeout=10,
        Environment={"Variables": {"ANSWER": answer, **options}})
    return name


def eventually(check, seconds=6.0):
    """What ``check`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.02)


class Case(unittest.TestCase):
    maxDiff = None

    def refused(self, code, call, **arguments):
        """Asserts that AWS's error ``code`` comes back; returns the message."""
        from botocore.exceptions import ClientError
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]


class StackCase(Case):
    """Tests that deploy templates through change sets, as the product does."""

    def setUp(self):
        self.cloudformation = client("cloudformation")

    def change_set(self, stack, template, kind="CREATE", parameters=None, name=None, **options):
        """Creates a change set and returns its description."""
        name = name or unique("cs")
        text = template if isinstance(template, str) else json.dumps(template)
        options.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
        self.cloudformation.create_change_set(
            StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=text,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()], **options)
        return self.cloudformation.describe_change_set(StackName=stack, ChangeSetName=name,
                                                       IncludePropertyValues=True)

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
        self.assertEqual(described["Status"], "CREATE_COMPLETE", described.get("StatusReason"))
        body = self.execute(described)
        wanted = status or f"{kind}_COMPLETE"
        self.assertEqual(body["StackStatus"], wanted, self.reasons(body["StackId"]))
        return body

    def reasons(self, stack):
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return [f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in events
                if "FAILED" in e["ResourceStatus"] and e.get("ResourceStatusReason")]

    def outputs(self, body):
        return {o["OutputKey"]: o["OutputValue"] for o in body.get("Outputs", [])}

    def delete(self, stack):
        identifier = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=stack)
        return self.settled(identifier)
