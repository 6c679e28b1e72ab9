"""Calls of the emulator: AWS's, and those of its own switches."""

import functools
import json
import time
import urllib.request

import boto3
from botocore.config import Config

# One attempt: a test sees each refusal. The path of a bucket, because 127.0.0.1 has no subdomains.
CONFIG = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@functools.cache  # creating one takes longer than most calls with it
def client(service, endpoint, key, region="us-west-2", secret="local", token=None):
    """A client of the emulator. An access key of twelve digits is the account in which it calls, as its root user."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=CONFIG,
    )


def control(endpoint, switch, body=None):
    """A switch of the emulator (docs/local.md): its state, or its answer to a change."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{endpoint}/_mlp/{switch}", data, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


def eventually(check, seconds=6.0):
    """What `check` returns once it is true, or its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.05)
