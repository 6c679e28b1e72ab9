"""A config dropped into the bucket becomes a template and a status object."""

import concurrent.futures
import hashlib
import json
import pathlib
import random
import subprocess
import tempfile
import urllib.parse
import uuid

import pytest

from mlp_tests import suite
from mlp_tests.queues import received


def unique(name):
    return f"configs/{uuid.uuid4().hex[:8]}/{name}"


class TestUploads:
    def test_every_example_gives_its_template_and_status(self, subtests):
        versions = {path: suite.upload(f"configs/{path.name}", path.read_bytes()) for path in suite.examples()}
        assert len(versions) == 20
        for path, version in versions.items():
            with subtests.test(example=path.name):
                status = suite.status(f"configs/{path.name}", version)
                assert status["ok"], status["findings"]
                scenario = path.stem.split("-ml-", 1)[1]
                assert status["scenario"] == scenario
                name = f"{status['ml_name']}-{scenario}"
                outputs = {
                    "template": f"templates/{name}.yaml",
                    "policy": f"policies/{name}-iam-policy.json",
                    "policy-2": f"policies/{name}-iam-policy-2.json",
                    "service-role-policy": f"policies/{name}-service-role-policy.json",
                    "service-role-policy-2": f"policies/{name}-service-role-policy-2.json",
                    "stack-operator-policy": f"policies/{name}-stack-operator-policy.json",
                    "stack-operator-policy-2": f"policies/{name}-stack-operator-policy-2.json",
                    "report": f"reports/{name}-review.html",
                }
                # A golden policy has the config's name; a second document exists where one doesn't hold it.
                policies = {}
                for kind in [kind for kind in outputs if "policy" in kind]:
                    ending = outputs[kind].removeprefix(f"policies/{name}")
                    policies[kind] = suite.ROOT / "tests/golden/policies" / (path.stem + ending)
                    if not policies[kind].exists():
                        assert kind.endswith("-2"), policies[kind]
                        del outputs[kind], policies[kind]
                assert status["outputs"] == list(outputs.values())
                links = {kind: f"s3://{suite.bucket()}/{output}" for kind, output in outputs.items()}
                assert status["links"] == links
                stored = {output: suite.read(output) for output in outputs.values()}
                for output, content in stored.items():
                    assert status["hashes"][output] == hashlib.sha256(content).hexdigest()
                golden = suite.ROOT / "tests/golden/templates" / path.name
                assert stored[outputs["template"]] == golden.read_bytes()
                for kind, golden in policies.items():
                    assert stored[outputs[kind]] == golden.read_bytes()
                assert stored[outputs["report"]].startswith(b"<!doctype html>")
                head = suite.client("s3").head_object(Bucket=suite.bucket(), Key=outputs["report"])
                assert head["ContentType"] == "text/html; charset=utf-8"

    def test_keys_may_hold_anything(self, subtests):
        for name in (
            "with space.yaml",
            "a+b.yaml",
            "ünïcode-日本.yaml",
            "per%2Fcent.yaml",
            "100%.yaml",
            "a&b=c?.yml",
            "x'y\"z.yaml",
        ):
            with subtests.test(name=name):
                key = unique(name)
                status = suite.status(key, suite.upload(key, suite.starter()))
                assert status["ok"], status["findings"]
                assert status["source"]["key"] == key
                output = status["outputs"][0]
                head = suite.client("s3").head_object(Bucket=suite.bucket(), Key=output)
                assert urllib.parse.unquote(head["Metadata"]["mlp-config-key"]) == key

    def test_the_aws_client_drops_a_config_too(self):
        key = unique("by-cli.yaml")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "config.yaml")
            path.write_text(suite.starter(), encoding="utf-8")
            bucket = suite.bucket()
            subprocess.run(["aws", "s3", "cp", "--quiet", str(path), f"s3://{bucket}/{key}"], check=True, timeout=60)
        status = suite.wait(
            "status", lambda: suite.exists(f"status/{key}.json") and json.loads(suite.read(f"status/{key}.json"))
        )
        assert status["ok"], status["findings"]

    def test_a_broken_config_gives_its_findings_and_keeps_the_last_good_template(self):
        key, good = unique("broken.yaml"), suite.starter()
        first = suite.status(key, suite.upload(key, good))
        output = first["outputs"][0]
        before = suite.read(output)
        status = suite.status(key, suite.upload(key, good.replace("env: prod", "env: production")))
        assert not status["ok"]
        (finding,) = [finding for finding in status["findings"] if finding["severity"] == "error"]
        assert (finding["code"], finding["path"]) == ("MLP-CFG-004", "/environment/env")
        line = good[: good.index("env: prod")].count("\n") + 1
        assert finding["line"] == line
        assert status["outputs"] == []
        assert [stored["path"] for stored in status["stored"]] == first["outputs"]
        assert suite.read(output) == before

    def test_ten_mistakes_give_ten_findings(self):
        key = unique("ten.yaml")
        text = (suite.ROOT / "tests/golden/configs/ten-mistakes.yaml").read_text(encoding="utf-8")
        status = suite.status(key, suite.upload(key, text))
        errors = [finding for finding in status["findings"] if finding["severity"] == "error"]
        assert len(errors) == 10, errors
        lines = text.splitlines()
        for finding in errors:
            # What is missing stands nowhere; everything else is named in its line.
            name = finding["path"].rstrip("/0123456789").rsplit("/", 1)[1]
            if finding["code"] != "MLP-CFG-002":
                assert name in lines[finding["line"] - 1], finding

    def test_findings_without_end_are_limited_and_all_of_them_are_in_the_bucket(self):
        key = f"configs/{uuid.uuid4().hex}.yaml"
        text = suite.starter() + "".join(f"unknown_key_{number}: x\n" for number in range(1000))
        status = suite.status(key, suite.upload(key, text))
        assert not status["ok"]
        assert len(status["findings"]) <= 200
        place = f"s3://{suite.bucket()}/"
        assert status["findings_at"].startswith(f"{place}reports/findings/{key}/"), status["findings_at"]
        found = json.loads(suite.read(status["findings_at"].removeprefix(place)))["findings"]
        assert len(found) == len(status["findings"]) + status["findings_left_out"]
        assert len({f["path"] for f in found if f["code"] == "MLP-CFG-001"}) == 1000

    def test_a_config_for_another_place_is_generated_and_says_so(self):
        key = unique("elsewhere.yaml")
        status = suite.status(key, suite.upload(key, suite.starter(**{"us-west-2": "eu-central-1"})))
        assert status["ok"], status["findings"]
        codes = {finding["code"] for finding in status["findings"]}
        assert "MLP-GEN-002" in codes
        assert suite.exists(status["outputs"][0])

    def test_bytes_that_are_no_config_are_findings_and_no_failure(self, subtests):
        for name, body, code in (
            ("empty.yaml", b"", "MLP-YAML-007"),
            ("latin.yaml", b"client: \xe9", "MLP-YAML-001"),
            ("zeros.yaml", b"a: \0", "MLP-YAML-012"),
            ("large.yaml", b"a" * 5_000_000, "MLP-YAML-003"),
            ("deep.yaml", b"[" * 100_000, "MLP-YAML-004"),
        ):
            with subtests.test(name=name):
                key = unique(name)
                status = suite.status(key, suite.upload(key, body))
                assert code in [finding["code"] for finding in status["findings"]]

    def test_what_the_function_writes_starts_nothing(self):
        key = unique("once.yaml")
        status = suite.status(key, suite.upload(key, suite.starter()))
        for written in (f"status/{key}", *status["outputs"]):
            assert not suite.exists(f"status/{written}.json"), written


class TestOrder:
    """Events come at least once and in any order: S3's own are repeated and reordered by hand here."""

    def two_versions(self):
        key, text = unique("order.yaml"), suite.starter()
        older = suite.upload(key, text)
        suite.status(key, older)
        newer = suite.upload(key, text.replace("TechCorp", "Newer Corp"))
        status = suite.status(key, newer)
        return key, older, newer, status

    def test_an_older_event_never_overwrites_a_newer_ones_output(self):
        key, older, newer, status = self.two_versions()
        template = suite.read(status["outputs"][0])
        assert b"Newer Corp" in template
        error, _ = suite.invoke(suite.record(key, older, "0000000000000001"))
        assert error is None
        assert suite.status(key, newer)["source"]["version_id"] == newer
        assert suite.read(status["outputs"][0]) == template

    def test_a_repeated_event_changes_nothing(self):
        key, _, newer, status = self.two_versions()
        head = suite.client("s3").head_object(Bucket=suite.bucket(), Key=status["outputs"][0])
        for _ in range(3):
            error, _ = suite.invoke(suite.record(key, newer, status["source"]["sequencer"]))
            assert error is None
        assert suite.status(key, newer) == status
        again = suite.client("s3").head_object(Bucket=suite.bucket(), Key=status["outputs"][0])
        assert head["VersionId"] == again["VersionId"]

    def test_versions_in_quick_succession_end_with_the_newest(self):
        key, text = unique("racing.yaml"), suite.starter()
        suite.client("s3")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            texts = [text.replace("TechCorp", f"Company {number}") for number in range(12)]
            versions = dict(zip(pool.map(lambda body: suite.upload(key, body), texts), range(12), strict=True))
        newest = suite.client("s3").head_object(Bucket=suite.bucket(), Key=key)["VersionId"]
        status = suite.status(key, newest)
        assert f"Company {versions[newest]}".encode() in suite.read(status["outputs"][0])

    def test_events_in_any_order_and_number_leave_what_the_newest_made(self):
        key, text, events = unique("shuffled.yaml"), suite.starter(), []
        for number in range(4):
            version = suite.upload(key, text.replace("TechCorp", f"Company {number}"))
            status = suite.status(key, version)
            events += 3 * [suite.record(key, version, status["source"]["sequencer"])]
        template = suite.read(status["outputs"][0])
        random.Random(7).shuffle(events)
        suite.client("lambda")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for error, answer in pool.map(suite.invoke, events):
                assert error is None, answer
        assert suite.status(key, version) == status
        assert suite.read(status["outputs"][0]) == template

    def test_a_bad_record_does_not_lose_the_others_of_its_message(self):
        keys = [unique("first.yaml"), unique("last.yaml")]
        versions = [suite.upload(key, suite.starter()) for key in keys]
        for key, version in zip(keys, versions, strict=True):
            suite.status(key, version)
            suite.client("s3").delete_object(Bucket=suite.bucket(), Key=f"status/{key}.json")
        bad = suite.record(keys[0], versions[0], "FF")
        del bad["s3"]["object"]["key"]
        records = [
            suite.record(keys[0], versions[0], "FFFFFFFFFFFFFFFF"),
            bad,
            suite.record(keys[1], versions[1], "FFFFFFFFFFFFFFFF"),
        ]
        error, answer = suite.invoke(*records)
        assert (error is not None, answer["errorType"]) == (True, "MLProvisioner.RecordsFailed")
        for key, version in zip(keys, versions, strict=True):
            assert suite.status(key, version)["ok"]


class TestFailures:
    @pytest.fixture(autouse=True)
    def without_faults(self):
        yield
        suite.faults(clear=True)

    def test_throttled_calls_are_tried_again(self):
        suite.faults(service="s3", operation="PutObject", error="SlowDown", times=2, after=1)
        key = unique("throttled.yaml")
        status = suite.status(key, suite.upload(key, suite.starter()))
        assert status["ok"], status["findings"]

    def test_an_event_that_can_not_be_handled_waits_in_the_failure_queue(self):
        queue, key = suite.setting("MLP_GENERATE_FAILURES_URL"), unique("refused.yaml")
        suite.faults(service="s3", operation="GetObject", error="AccessDenied", times=1000)
        version = suite.upload(key, suite.starter())

        def arrived():
            bodies = received(queue)
            return [body for body in bodies if key in urllib.parse.unquote_plus(json.dumps(body["requestPayload"]))]

        (message, *_) = suite.wait("message in the failure queue", arrived, 60)
        suite.faults(clear=True)
        assert message["responsePayload"]["errorType"] == "MLProvisioner.RecordsFailed"
        error, _ = suite.invoke(*message["requestPayload"]["Records"])
        assert error is None
        assert suite.status(key, version)["ok"]


class TestBucket:
    def test_it_is_private_encrypted_versioned_and_tls_only(self):
        s3, name = suite.client("s3"), suite.bucket()
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        assert len(block) == 4
        rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        denied = [
            statement
            for statement in policy["Statement"]
            if statement["Effect"] == "Deny"
            and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
        ]
        assert len(denied) == 1
