"""Executions of the deployment state machine, and the stacks that they leave."""

import json
import uuid

from botocore.exceptions import ClientError

from .suite import client, read, setting, starter, wait

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def start(action, config, **more):
    """Starts an execution; returns its ARN."""
    given = {"action": action, "config": config, **more}
    started = client("stepfunctions").start_execution(
        stateMachineArn=setting("MLP_DEPLOY_MACHINE"), name="t" + uuid.uuid4().hex[:12], input=json.dumps(given)
    )
    return started["executionArn"]


def ended(execution, seconds=120):
    """The result object, once the execution has ended: its output, or the cause of its failure."""

    def look():
        found = client("stepfunctions").describe_execution(executionArn=execution)
        return found if found["status"] in ENDED else None

    found = wait(f"end of {execution}", look, seconds)
    result = json.loads(found["output"] if found["status"] == "SUCCEEDED" else found["cause"])
    if result["ok"] != (found["status"] == "SUCCEEDED"):
        raise AssertionError(found)
    kept = json.loads(read(f"deployments/results/{execution.rsplit(':', 1)[1]}.json"))
    # The execution's own output may hold fewer findings than the object.
    if "findings_left_out" not in result and kept != result:
        raise AssertionError(f"kept {kept}, answered {result}")
    return result


def run(action, config, **more):
    return ended(start(action, config, **more))


def develop(**replacements):
    """A starter config of a product of its own that isn't in prod, so that it may be deleted."""
    return starter(**{"env: prod": "env: dev", **replacements})


def stack(name):
    try:
        return client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def bucket_of(name):
    resources = client("cloudformation").list_stack_resources(StackName=name)["StackResourceSummaries"]
    return next(r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::S3::Bucket")
