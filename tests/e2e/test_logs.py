"""The functions' logs on the running suite: JSON objects with each key once, and no user's mistake at level ERROR."""

import json
import re
import time
import uuid

from mlp_tests import suite

# `Done { run: "x" }`: Rust's Debug text.
DEBUG = re.compile(r"\b[A-Z]\w* \{ \w+")


def strictly(line):
    def once(pairs):
        keys = [key for key, _ in pairs]
        if len(keys) != len(set(keys)):
            raise ValueError(f"a key is there twice: {line}")
        return dict(pairs)

    return json.loads(line, object_pairs_hook=once)


def lines(since):
    """What all functions of the suite have written since a time, without Lambda's own lines."""
    logs = suite.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        if not name.startswith(("/aws/lambda/", "/ml-provisioner/")):
            continue
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since):
            for event in page["events"]:
                for line in event["message"].splitlines():
                    if line.startswith("{") and '"_aws"' not in line:
                        yield name, strictly(line)


class TestLogs:
    def test_mistakes_leave_no_errors_and_no_values_in_the_logs(self):
        since = int(time.time() * 1000) - 1000
        word = "hunter" + uuid.uuid4().hex[:8]
        mistakes = (suite.ROOT / "tests/golden/configs/ten-mistakes.yaml").read_text(
            encoding="utf-8"
        ) + f"{word}: {word}\n"
        key = f"configs/{uuid.uuid4().hex}.yaml"
        version = suite.upload(key, mistakes)
        states = suite.client("stepfunctions")
        machine = suite.setting("MLP_DEPLOY_MACHINE")
        executions = []
        for action, config in (("show-changes", mistakes), ("validate-config", mistakes), (word, mistakes),
                               ("validate-config", {"bucket": suite.bucket(), "key": f"configs/{word}.yaml"})):  # fmt: skip
            started = states.start_execution(
                stateMachineArn=machine, input=json.dumps({"action": action, "config": config})
            )
            executions.append(started["executionArn"])
        for execution in executions:
            ended = suite.wait("an execution", lambda execution=execution: self.ended(states, execution), 60)
            assert (ended["status"], ended["error"]) == ("FAILED", "MLProvisioner.InvalidInput")
        suite.status(key, version)

        def written():
            found = [line for _, line in lines(since)]
            told = [line for line in found if line.get("error") == "MLProvisioner.InvalidInput"]
            return found if len(told) >= 3 else None

        found = suite.wait("the lines", written, 30)
        for line in found:
            text = json.dumps(line)
            assert not re.search(DEBUG, text)
            assert word not in text
            if line.get("execution") in executions or line.get("key") == key:
                assert line["level"] in ("INFO", "DEBUG"), line

    def ended(self, states, execution):
        described = states.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None
