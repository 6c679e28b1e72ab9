"""What we print works: every command of the documentation, of `mlp --help`, of reports and of messages runs as printed.

Only names are put in: another tenant, so that no other test has the product, and `NAME` of an execution. A command that
can't run here is in `NOT_RUN` with the reason; a command that is no longer printed must leave the list.
"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid

import pytest

from mlp_tests import printed, suite
from mlp_tests.deploying import ended, start
from mlp_tests.paths import ROOT, TEMPLATES
from mlp_tests.queues import Listener
from mlp_tests.vpc import network

RELEASE = "a release build, which takes ten minutes and more; `cargo xtask bench --zip` makes one"
PART_OF_TEST = "`cargo xtask test` runs the same tests in its own steps"
NO_GIT_SERVER = "the local suite has no server of git"
NOT_RUN = {
    "cargo xtask demo": "starts a suite, as the one that this test runs on was started",
    "cargo xtask demo --keep": "starts a suite, as the one that this test runs on was started",
    "cargo xtask demo --stop": "ends a suite; `xtask/src/demo.rs` tests which one",
    "cargo xtask test": "runs this test",
    "cargo xtask test --release-checks": "runs this test",
    "cargo xtask requirements": "asks the package index for all hashes; `xtask/src/requirements.rs` tests the result",
    "cargo install --path cli": RELEASE,
    "cargo lambda build --release --package mlp-generate --arm64 --output-format zip": RELEASE,
    "cargo lambda build --release --package mlp-generate --output-format zip": RELEASE,
    "cargo lambda invoke generate --data-file events/s3/put.json": "needs `cargo lambda watch`, which builds the function again",
    "pip install aws-sam-cli cargo-lambda ziglang": "downloads; tests/requirements.txt pins these packages",
    "rustup target add aarch64-unknown-linux-gnu": "downloads a part of the toolchain",
    "python3 -m venv target/venv/emulator": "makes the environment that this suite runs in",
    (
        "target/venv/emulator/bin/pip install --require-hashes --only-binary :all: --no-deps "
        "-r infra/local/requirements.txt"
    ): "makes the environment that this suite runs in",
    "cargo nextest run --profile suite -E 'binary(suite)'": PART_OF_TEST,
    "PATH=$PWD/target/venv/tools/bin:$PATH pytest tests/e2e/test_generate.py": PART_OF_TEST,
    "target/venv/tools/bin/pytest infra/local/tests": PART_OF_TEST,
    "UPDATE_GOLDEN=1 cargo test --workspace --test config_errors": "writes into the repository",
    "git diff tests/golden/configs": "shows what the command before it has written",
    "mlp init": "asks on a terminal; tests/e2e/test_init.py answers",
}
# What is typed where a command asks.
TYPED = {
    "sam deploy --config-file infra/samconfig.toml": "y\n",
    'mlp approve "$EXECUTION"': "y\n",
    "mlp approve NAME --region us-west-2": "y\n",
}
# A command that ends only with its work: what it must say before it is ended.
UNTIL = {"target/venv/emulator/bin/python infra/local/launcher.py": "target/local/ready.json"}
# An archive without files.
EMPTY_ZIP = b"PK\x05\x06" + b"\0" * 18
# In place of cargo in `sam build`, which would make a release build. What `sam` does with the files that it gets is the
# same; the functions' own code runs in the suite that every other test uses.
CARGO = """#!/bin/sh
if [ "$1" = metadata ]; then echo "{\\"target_directory\\": \\"$PWD/target\\", \\"packages\\": [], \\"version\\": 1}"; exit; fi
while [ $# -gt 0 ]; do if [ "$1" = --bin ]; then name=$2; fi; shift; done
name=${name:-$(basename "$PWD")}
mkdir -p "target/lambda/$name"
printf '#!/bin/sh\n' > "target/lambda/$name/bootstrap"
"""


def tenant():
    return "p" + uuid.uuid4().hex[:7]


class Shell:
    """A shell in a folder that looks like the repository, with the programs and the environment of the local suite."""

    def __init__(self, folder, **environment):
        self.tenant = tenant()
        self.folder = folder
        for entry in ROOT.iterdir():
            if entry.name not in ("target", "out", ".git", ".aws-sam", "my.yaml"):
                (self.folder / entry.name).symlink_to(entry)
        built = pathlib.Path(suite.setting("MLP_BINARY")).parent
        for path, place in (("target/venv", ROOT / "target/venv"), ("target/debug", built)):
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).symlink_to(place)
        names = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "MLP_", "SAM_"))}
        local = self.folder / "target/local"
        local.mkdir()
        (local / "env").write_text(
            "".join(f"export {key}='{value}'\n" for key, value in names.items()), encoding="utf-8"
        )
        programs = [str(built), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
        home = self.folder / "home"
        home.mkdir()
        self.environment = {**os.environ, "PATH": os.pathsep.join(programs), "HOME": str(home), **environment}
        self.environment["BUCKET"] = suite.bucket()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("a001", self.tenant), encoding="utf-8")
        return path

    def run(self, script, typed="", status=(0,), until=None, folder=".", seconds=180):
        """What a script prints on both outputs, at a terminal where `typed` is typed."""
        script = script.replace("a001", self.tenant)
        terminal, side = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder / folder,
            env=self.environment,
            stdin=side,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(side)
        os.write(terminal, typed.encode())
        out, deadline, stopped, is_open = b"", time.monotonic() + seconds, False, True
        # A program may close its outputs and go on.
        while is_open or process.poll() is None:
            if is_open and select.select([process.stdout], [], [], 0.1)[0]:
                more = os.read(process.stdout.fileno(), 65536)
                out, is_open = out + more, bool(more)
            elif not is_open:
                time.sleep(0.1)
            if until and not stopped and until(out.decode(errors="replace")):
                os.killpg(process.pid, signal.SIGINT)
                stopped = True
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"no end after {seconds} seconds:\n{script}\n{out.decode(errors='replace')}")
        text, ended_with = out.decode(errors="replace"), process.wait()
        # Not before the end: who loses the terminal gets SIGHUP.
        os.close(terminal)
        process.stdout.close()
        if until and not stopped:
            raise AssertionError(f"it ended too early, with {ended_with}:\n{script}\n{text}")
        if not until and ended_with not in status:
            raise AssertionError(f"it ended with {ended_with}:\n{script}\n{text}")
        return text

    def run_printed(self, text, **more):
        """Runs commands that are printed together, without those that can't run here."""
        wanted = [command for command in printed.commands(text) if command not in NOT_RUN]
        typed = "".join(TYPED.get(command, "") for command in wanted)
        until = next((UNTIL[start] for command in wanted for start in UNTIL if command.startswith(start)), None)
        if until:
            more["until"] = lambda _: (self.folder / until).exists()
        return self.run("\n".join(wanted), typed=typed, **more)


def config(**replacements):
    """The config that README shows."""
    text = next(block.text for block in printed.blocks(ROOT / "README.md") if block.kind == "yaml")
    for old, new in replacements.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def started(**more):
    """An execution of a product of its own; its ARN."""
    return start("deploy-product", config(**{"a001": tenant(), "env: prod": "env: dev"}), force=True, **more)


def waiting():
    """An execution that waits for approval."""
    execution = started(approval=True)
    key = f"pending/approvals/{execution.rsplit(':', 1)[1]}.json"
    suite.wait("request for approval", lambda: suite.exists(key), 60)
    return execution


def sources(bucket):
    """A bucket with the archives that the professional example reads."""
    s3 = suite.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for archive in ("model-build.zip", "model-deploy.zip"):
        s3.put_object(Bucket=bucket, Key=f"fraud-detection/{archive}", Body=EMPTY_ZIP)


class TestListed:
    """What needs no suite."""

    def test_every_command_that_is_not_run_is_printed(self):
        found = set()
        for page in printed.PAGES:
            for block in printed.shell_blocks(page):
                found.update(printed.commands(block.text))
        assert len(found) > 40
        assert set(NOT_RUN) - found == set()
        assert set(TYPED) - {"mlp approve NAME --region us-west-2"} - found == set()

    def test_commands_have_no_placeholders_that_a_shell_reads_otherwise(self, subtests):
        for page in printed.PAGES:
            for block in printed.shell_blocks(page):
                for command in printed.commands(block.text):
                    with subtests.test(place=block.place, command=command):
                        assert not re.search(r"<[a-z_-]+>|=\.\.\.", command)
                        # Version 2 of the AWS CLI wants base64 in these options, and version 1 doesn't know this one.
                        assert "--cli-binary-format" not in command
                        assert not re.search(r"--(payload|zip-file)[ =](?!fileb://)", command)

    def test_every_command_is_in_a_block_that_is_marked_as_a_shell_s(self):
        for page in printed.PAGES:
            text, name = page.read_text(encoding="utf-8"), page.name
            outside = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
            indented = rf"^ {{4,}}({'|'.join(printed.PROGRAMS)}) [a-z-]+.*$"
            assert re.search(indented, outside, re.MULTILINE) is None, name
            for block in printed.blocks(page):
                if block.kind == "":
                    assert re.match(rf"({'|'.join(printed.PROGRAMS)}) ", block.text) is None, block.place


class TestDocumentation:
    @pytest.fixture(autouse=True)
    def prepared(self, tmp_path):
        suite.setting("MLP_DEPLOY_MACHINE")
        self.shell = Shell(tmp_path)

    def page(self, subtests, name, **environment):
        """Runs every block of a page, one after the other in one folder."""
        self.shell.environment.update(environment)
        count = 0
        for block in printed.shell_blocks(ROOT / name):
            with subtests.test(block=block.place):
                if "$EXECUTION" in block.text or "${EXECUTION" in block.text:
                    self.shell.environment["EXECUTION"] = waiting()
                self.shell.run_printed(block.text)
                count += 1
        assert count > 0

    def upload(self, key="configs/my.yaml"):
        path = self.shell.write("my.yaml", config(**{"env: prod": "env: dev"}))
        suite.upload(key, path.read_bytes())

    def test_readme(self, subtests):
        # What builds writes beside its sources.
        (self.shell.folder / "functions").unlink()
        shutil.copytree(ROOT / "functions", self.shell.folder / "functions")
        # An account of its own: the stack has the name of the suite that this test runs on.
        account = str(uuid.uuid4().int)[:12]
        stubs = self.shell.folder / "stubs"
        stubs.mkdir()
        (stubs / "cargo").write_text(CARGO, encoding="utf-8")
        (stubs / "cargo").chmod(0o755)
        self.shell.write("my.yaml", config())
        self.shell.write("any-template.yaml", TEMPLATES[0].read_text(encoding="utf-8"))
        path = f"{stubs}{os.pathsep}{self.shell.environment['PATH']}"
        self.page(subtests, "README.md", AWS_ACCESS_KEY_ID=account, PATH=path)
        stack = suite.client("cloudformation", account).describe_stacks(StackName="ml-provisioner")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE"

    def test_deploy(self, subtests):
        self.upload()
        self.page(subtests, "docs/deploy.md")

    def test_generate(self, subtests):
        self.upload()
        self.page(subtests, "docs/generate.md", FUNCTION=suite.setting("MLP_GENERATE_FUNCTION"))
        answer = (self.shell.folder / "answer.json").read_text(encoding="utf-8")
        assert "errorMessage" not in answer

    def test_local(self, subtests):
        self.page(subtests, "docs/local.md")

    def test_macro(self, subtests):
        shown = [block.text for block in printed.blocks(ROOT / "docs/macro.md") if block.text.startswith("Transform: ")]
        template = shown[0].replace("c001", self.shell.tenant).replace("fraud-detection", f"fraud-{self.shell.tenant}")
        vpc, subnets = network()
        given = {"VPC": vpc, "SUBNETS": ",".join(subnets)}
        self.shell.write("template.yaml", template)
        self.shell.environment.update(given)
        blocks = list(printed.shell_blocks(ROOT / "docs/macro.md"))
        for block in blocks:
            if block.text.startswith("sam "):
                code = f"{self.shell.tenant}-code"
                s3 = suite.client("s3")
                s3.create_bucket(Bucket=code, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
                s3.put_object(Bucket=code, Key="score.zip", Body=EMPTY_ZIP)
                second = next(text for text in shown[1:] if "Serverless" in text)
                self.shell.write("template.yaml", second.replace("s3://techcorp-code", f"s3://{code}"))
            with subtests.test(block=block.place):
                own_name = self.shell.tenant
                text = block.text.replace("--stack-name fraud", f"--stack-name fraud-{own_name}")
                self.shell.run_printed(text.replace("--stack-name churn-score", f"--stack-name churn-score-{own_name}"))

    def test_mlp(self, subtests):
        outputs = suite.client("cloudformation").describe_stacks(StackName=suite.setting("MLP_STACK"))["Stacks"][0][
            "Outputs"
        ]
        boundary = next(it["OutputValue"] for it in outputs if it["OutputKey"] == "PermissionsBoundaryArn")
        self.shell.environment.update(BOUNDARY=boundary, GITHUB_RUN_ID=self.shell.tenant)
        self.shell.write("my.yaml", config())
        self.shell.run("mlp generate --config my.yaml")
        by_hand = None
        for block in printed.shell_blocks(ROOT / "docs/mlp.md"):
            with subtests.test(block=block.place):
                if "configs/*.yaml" in block.text:
                    # A repository of configs, as in CI.
                    (self.shell.folder / "configs").unlink()
                    self.shell.write("configs/my.yaml", config(**{"a001": tenant(), "env: prod": "env: dev"}))
                self.shell.run_printed(block.text)
                by_hand = by_hand or ("cloudformation deploy" in block.text)
        assert by_hand

    def test_every_other_page(self, subtests):
        own = {"README.md", "docs/deploy.md", "docs/generate.md", "docs/local.md", "docs/macro.md", "docs/mlp.md"}
        for page in printed.PAGES:
            name = str(page.relative_to(ROOT))
            if name not in own and list(printed.shell_blocks(page)):
                self.page(subtests, name)

    def test_samples_show_what_is_printed(self, subtests):
        count = 0
        for page in printed.PAGES:
            for block, command, sample in printed.samples(page):
                with subtests.test(block=block.place):
                    wrong = "tenant_id" in sample
                    text = config(tenant_id="tenant") if wrong else config()
                    if "deploy-product" in command:
                        text = text.replace("env: prod", "env: dev")
                        sample = sample.replace("-prod-", "-dev-")
                    self.shell.write("my.yaml", text)
                    actual = self.shell.run(command, status=(1,) if wrong else (0,))
                    actual = actual.replace(self.shell.tenant, "a001").replace("\r\n", "\n")
                    assert printed.differs(sample, actual) is None, actual
                    count += 1
        assert count >= 4

    def test_what_the_demo_says_of_the_suite(self):
        script = (ROOT / "xtask/src/how-to-talk.sh").read_text(encoding="utf-8")
        # The example's own product may be another test's.
        place = self.shell.folder / "configs"
        place.unlink()
        shutil.copytree(ROOT / "configs", place)
        example = place / "examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
        own = example.with_name(example.name.replace("a001", self.shell.tenant))
        own.write_text(example.read_text(encoding="utf-8").replace("a001", self.shell.tenant), encoding="utf-8")
        # As the demo puts it into the bucket, of a product that no other test has.
        name = "edge-prod-b001-us-west-2-fraud-detection-ml-s3.yaml"
        text = (ROOT / "configs/examples/professional" / name).read_text(encoding="utf-8")
        own = {"b001": self.shell.tenant, "edge-ml-sources": f"sources-{self.shell.tenant}"}
        own[re.search(r'account_id: "(\d+)"', text).group(1)] = "123456789012"
        for old, new in own.items():
            text = text.replace(old, new)
        sources(own["edge-ml-sources"])
        suite.upload(f"configs/{name}", text)
        self.shell.environment["PATH"] = os.environ["PATH"]
        wait = (
            "for _ in $(seq 60); do aws s3 ls s3://$MLP_BUCKET/status/configs/my.yaml.json > /dev/null && break; "
            "sleep 0.5; done\n"
        )
        first, status, rest = script.partition("aws s3 cp s3://")
        self.shell.run(first + wait + status + rest)


class TestHelp:
    def test_every_example_of_mlp_s_help(self, subtests, tmp_path):
        shell = Shell(tmp_path)
        listed = re.findall(r"^  ([a-z-]+)  ", shell.run("mlp --help").partition("Commands:")[2], re.MULTILINE)
        names = [name for name in listed if name != "help"]
        assert len(names) >= 19
        shell.write("my.yaml", config(**{"env: prod": "env: dev"}))
        shell.write("rules/own.guard", "let all = Resources.*\nrule some when %all !empty { %all.Type exists }\n")
        shell.write("drift-ignore.yaml", "ignore: []\n")
        template = (
            "Transform: MLProvisioner\nParameters:\n  Stage: {Type: String, Default: prod}\nOutputs:\n"
            "  Stage: {Value: !Ref Stage}\nResources:\n  Churn:\n"
            "    Type: MLProvisioner::MLOps::MLProduct\n    Properties:\n      CompanyPrefix: techcorp\n      TenantId: a001\n"
            "      Environment: !Ref Stage\n      UseCase: customer-churn\n      Tier: starter\n      SourceControl: codecommit\n"
            "      Tags: {cost_center: CRM, project: Churn, owner: crm-ml}\n"
        )
        bucket = "mlp-123456789012-us-west-2"
        assert suite.bucket() == bucket, "the examples name the bucket that a suite has by default"
        count = 0
        for name in names:
            examples = printed.examples(shell.run(f"mlp {name} --help"))
            assert examples, f"mlp {name} --help has no example"
            for example in examples:
                with subtests.test(example=example):
                    self.example(shell, name, example, template)
                    count += 1
        assert count >= 24

    def example(self, shell, name, example, template):
        whole = (
            ROOT / "tests/golden/templates/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
        ).read_text(encoding="utf-8")
        shell.write("template.yaml", template if name == "expand" else whole)
        more, command = {}, example
        if name in ("follow", "approve", "reject"):
            execution = started() if name == "follow" else waiting()
            command = command.replace("NAME", execution.rsplit(":", 1)[1])
            more["typed"] = TYPED.get(example, "")
        elif name == "init":
            # It asks for the one thing that no flag says and that may be left out.
            more["typed"] = "\n"
        elif "--approval" in example:
            own = config(**{"a001": tenant(), "env: prod": "env: dev"})
            suite.upload("configs/my.yaml", own)
            more["until"] = lambda text: "mlp approve " in text
        elif name == "delete-product":
            more["typed"] = f"techcorp-dev-{shell.tenant}-us-west-2-customer-churn-ml\n"
        elif name == "check-drift":
            # Other tests' stacks are there too.
            more["status"] = (0, 1, 3)
        shell.run(command, **more)


class TestReports:
    """The checklists and next steps of the review reports that the bucket has."""

    @pytest.fixture(autouse=True)
    def prepared(self, tmp_path):
        suite.setting("MLP_DEPLOY_MACHINE")
        self.shell = Shell(tmp_path)
        s3 = suite.client("s3")
        for tier, name in (
            ("starter", "techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit"),
            ("professional", "edge-prod-b001-us-west-2-fraud-detection-ml-s3"),
            ("enterprise", "globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm"),
        ):
            text = (ROOT / f"configs/examples/{tier}/{name}.yaml").read_text(encoding="utf-8")
            old = re.search(r"tenant_id: (\w+)", text).group(1)
            account = re.search(r'account_id: "(\d+)"', text).group(1)
            text = text.replace(old, self.shell.tenant).replace(account, "123456789012")
            # Another test may have parameters of the example's names.
            text = text.replace("/vpc/main/", f"/vpc/{self.shell.tenant}/")
            source = re.search(r"s3_prefix: ([\w-]+)/", text)
            if source:
                text = text.replace(source.group(1), f"sources-{self.shell.tenant}")
            key = f"configs/printed/{self.shell.tenant}-{tier}.yaml"
            status = suite.status(key, suite.upload(key, text))
            assert status["ok"], status["findings"]
            for place in status["links"].values():
                path = self.shell.folder / "out" / place.split("/", 3)[3]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(s3.get_object(Bucket=suite.bucket(), Key=place.split("/", 3)[3])["Body"].read())
        vpc, subnets = network()
        for leaf, kind, value in (("VPCId", "String", vpc), ("PrivateSubnetIds", "StringList", ",".join(subnets))):
            suite.client("ssm").put_parameter(Name=f"/vpc/{self.shell.tenant}/{leaf}", Type=kind, Value=value)
        sources(f"sources-{self.shell.tenant}")
        for archive in ("model-build.zip", "model-deploy.zip"):
            (self.shell.folder / "out" / archive).write_bytes(EMPTY_ZIP)

    NOT_RUN = {"git clone ": NO_GIT_SERVER}

    def test_their_commands(self, subtests):
        skipped = set()
        reports = sorted((self.shell.folder / "out/reports").glob("*-review.html"))
        assert len(reports) == 3
        for report in reports:
            for title, answers, commands in printed.report_steps(report.read_text(encoding="utf-8")):
                for number, command in enumerate(commands):
                    with subtests.test(report=report.name, step=title, number=number):
                        reason = [start for start in self.NOT_RUN if command.startswith(start)]
                        skipped.update(reason)
                        if not reason:
                            self.one(title, answers, command)
        assert skipped == set(self.NOT_RUN), "no longer printed"

    def one(self, title, answers, command):
        cfn = suite.client("cloudformation")
        stack = re.search(r"--stack-name (\S+)", command)
        if "MODEL_PACKAGE_ARN" in command:
            group = next(it for it in self.groups() if self.shell.tenant in it)
            version = suite.client("sagemaker").create_model_package(
                ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval"
            )
            self.shell.environment["MODEL_PACKAGE_ARN"] = version["ModelPackageArn"]
        if '"$TRAIL"' in command:
            trail = f"trail-{self.shell.tenant}"
            suite.client("cloudtrail").create_trail(Name=trail, S3BucketName=f"sources-{self.shell.tenant}")
            self.shell.environment.update(TRAIL=trail, TRAIL_ROLE_ARN="arn:aws:iam::123456789012:role/trail")
        if command.startswith("# or in one command"):
            # The other way to the same stack.
            cfn.delete_stack(StackName=stack.group(1))
            suite.wait("deletion", lambda: stack.group(1) not in self.stacks(), 60)
        group = re.search(r"put-retention-policy[\s\\]+--log-group-name (\S+)", command)
        if group:
            # CodeBuild creates it with the first build, of which the emulator has none.
            suite.client("logs").create_log_group(logGroupName=group.group(1))
        # The emulator is at another address than S3.
        endpoint = suite.setting("AWS_ENDPOINT_URL")
        command = command.replace("https://s3.us-west-2.amazonaws.com/", f"{endpoint}/")
        if answers.startswith("must fail"):
            self.shell.run(command, folder="out", status=range(1, 256))
        else:
            self.shell.run(command, folder="out")
        if "execute-change-set" in command:
            suite.wait("stack", lambda: self.stacks().get(stack.group(1)) == "CREATE_COMPLETE", 60)

    def stacks(self):
        pages = suite.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {it["StackName"]: it["StackStatus"] for page in pages for it in page["Stacks"]}

    def groups(self):
        pages = suite.client("sagemaker").list_model_package_groups(MaxResults=100)
        return [it["ModelPackageGroupName"] for it in pages["ModelPackageGroupSummaryList"]]


class TestMessages:
    @pytest.fixture(autouse=True)
    def prepared(self, tmp_path):
        suite.setting("MLP_DEPLOY_MACHINE")
        self.shell = Shell(tmp_path)

    def message(self, listener, about):
        def arrived():
            bodies = [it["Message"] for it in listener.received(1)]
            return next((body for body in bodies if about in body), None)

        return suite.wait("message", arrived, 60)

    def test_both_commands_of_a_request_for_approval_at_its_head_and_at_its_foot(self, cleanup, subtests):
        for wanted, outcome in (("approve", "created"), ("reject", "cancelled")):
            for place in (0, -1):
                with subtests.test(command=wanted, place=place):
                    listener = Listener(cleanup).subscribe(suite.setting("MLP_APPROVAL_TOPIC"))
                    execution = waiting()
                    commands = printed.in_text(self.message(listener, execution))
                    chosen = [command for command in commands if command.startswith(f"mlp {wanted} ")]
                    assert len(chosen) == 2, commands
                    self.shell.run(chosen[place], typed="y\n")
                    assert ended(execution)["outcome"] == outcome

    def test_what_follow_says_of_an_execution_that_waits(self):
        execution = waiting()
        said = self.shell.run(f"mlp follow {execution}", until=lambda text: "--reason" in text)
        commands = printed.in_text(said)
        assert [command.split()[1] for command in commands] == ["approve", "reject"], said
        self.shell.run(commands[1])
        assert ended(execution)["outcome"] == "cancelled"

    def test_who_declines_is_told_how_to_end_it(self):
        execution = waiting()
        said = self.shell.run(f"mlp approve {execution}", typed="n\n", status=(1,))
        assert "error" not in said
        (command,) = printed.in_text(said)[-1:]
        self.shell.run(command)
        assert ended(execution)["outcome"] == "cancelled"

    def test_what_show_changes_says_of_the_deployment_after_it(self):
        path = self.shell.write("my.yaml", config(**{"env: prod": "env: dev"}))
        key = f"configs/printed/{self.shell.tenant}.yaml"
        suite.upload(key, path.read_bytes())
        said = self.shell.run(f"mlp show-changes --s3-config s3://{suite.bucket()}/{key}")
        assert re.search(r"(?m)^  \+  ArtifactsBucket \(AWS::S3::Bucket", said)
        commands = printed.in_text(said)
        assert [command.split()[2] for command in commands] == ["start-execution"], said
        assert "executionArn" in self.shell.run(commands[0])

    def test_what_puts_back_a_policy_that_somebody_attached(self):
        self.shell.write("my.yaml", config(**{"env: prod": "env: dev"}))
        self.shell.run("mlp deploy-product --config my.yaml --force")
        iam, arn = suite.client("iam"), "arn:aws:iam::aws:policy/AdministratorAccess"
        role = f"techcorp-dev-{self.shell.tenant}-customer-churn-ml-codebuild-role"
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        said = self.shell.run("mlp check-drift --config my.yaml", status=(1,))
        commands = [command for command in re.findall(r"`(aws [^`]+)`", said) if "detach-role-policy" in command]
        assert commands, said
        self.shell.run(commands[0])
        self.shell.run("mlp check-drift --config my.yaml")
