"""The running suite, as `cargo xtask test` hands it over in the environment."""

import functools
import json
import os
import uuid

import jsonschema
import pytest
from botocore.exceptions import ClientError

from . import emulated
from .paths import ROOT

REGION = "us-west-2"


def setting(name):
    value = os.environ.get(name)
    if not value:
        pytest.skip(
            f"{name} is not set: run `cargo xtask test`, or `cargo xtask demo --keep` and source target/local/env"
        )
    return value


def bucket():
    return setting("MLP_BUCKET")


def client(service, account=None, region=REGION):
    """A client of the suite; a key of twelve digits is the account that it calls in."""
    return emulated.client(service, setting("AWS_ENDPOINT_URL"), account or setting("AWS_ACCESS_KEY_ID"), region)


def client_with(service, credentials):
    """A client with an access key that the suite has given out."""
    key, secret = credentials["AccessKeyId"], credentials["SecretAccessKey"]
    token = credentials.get("SessionToken")
    return emulated.client(service, setting("AWS_ENDPOINT_URL"), key, REGION, secret, token)


def examples():
    return sorted((ROOT / "configs/examples").glob("*/*.yaml"))


def starter(**replacements):
    """A starter config of a product that no other test has."""
    text = next(path for path in examples() if path.name.endswith("churn-ml-codecommit.yaml")).read_text(
        encoding="utf-8"
    )
    replacements.setdefault("a001", "t" + uuid.uuid4().hex[:7])
    for old, new in replacements.items():
        if old not in text:
            raise AssertionError(f"{old} is not in the example")
        text = text.replace(old, new)
    return text


def upload(key, text):
    """Puts a config; returns its version."""
    body = text if isinstance(text, bytes) else text.encode()
    return client("s3").put_object(Bucket=bucket(), Key=key, Body=body)["VersionId"]


def read(key):
    return client("s3").get_object(Bucket=bucket(), Key=key)["Body"].read()


def exists(key):
    try:
        client("s3").head_object(Bucket=bucket(), Key=key)
        return True
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise


def wait(what, check, seconds=30):
    """The first value of `check` that isn't None or False."""
    value = emulated.eventually(check, seconds)
    if not value:
        raise AssertionError(f"no {what} within {seconds} seconds")
    return value


@functools.cache
def schema():
    return jsonschema.Draft202012Validator(
        json.loads((ROOT / "schemas/outcome.schema.json").read_text(encoding="utf-8"))
    )


def status(key, version):
    """The status object, once it answers this version of the config; always of its published shape."""

    def answered():
        try:
            found = json.loads(read(f"status/{key}.json"))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return found if found["source"].get("version_id") == version else None

    found = wait(f"status of {key}", answered)
    schema().validate(found)
    return found


def control(switch, **body):
    """One of the emulator's own switches (docs/local.md)."""
    return emulated.control(setting("AWS_ENDPOINT_URL"), switch, body)


def faults(**body):
    return control("faults", **body)


def record(key, version, sequencer, event="ObjectCreated:Put"):
    """One record of an S3 message, as S3 sends it."""
    message = json.loads((ROOT / "events/s3/put.json").read_text(encoding="utf-8"))["Records"][0]
    message["eventName"] = event
    message["s3"]["bucket"]["name"] = bucket()
    message["s3"]["object"].update({"key": key, "versionId": version, "sequencer": sequencer})
    return message


def invoke(*records):
    answer = client("lambda").invoke(
        FunctionName=setting("MLP_GENERATE_FUNCTION"), Payload=json.dumps({"Records": list(records)})
    )
    return answer.get("FunctionError"), json.loads(answer["Payload"].read() or b"null")
