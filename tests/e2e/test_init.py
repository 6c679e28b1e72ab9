"""`mlp init` on a real terminal: questions, answers, and a config that the suite takes."""

import os
import pathlib
import pty
import select
import subprocess
import tempfile
import time

from mlp_tests import suite


def answer(folder, answers):
    """Runs `mlp init` in a pseudo-terminal; `answers` are pairs of a question's beginning and what is typed."""
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [suite.setting("MLP_BINARY"), "init"],
        cwd=folder,
        stdin=side,
        stdout=side,
        stderr=side,
        close_fds=True,
        start_new_session=True,
    )
    os.close(side)
    shown, left, deadline = "", list(answers), time.monotonic() + 30
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:
                break  # The terminal's other side is closed: the program has ended.
        elif process.poll() is not None:
            break
        if left and left[0][0] in shown.rsplit("\n", 1)[-1]:
            os.write(terminal, (left.pop(0)[1] + "\n").encode())
    os.close(terminal)
    return process.wait(timeout=10), shown, left


class TestInit:
    def test_a_person_answers_and_the_suite_takes_the_config(self):
        answers = [
            ("Tier", "huge"),
            ("Tier", "professional"),
            ("Source control", "s3"),
            ("Bucket and prefix", "s3://sources/churn/"),
            ("Bucket and prefix", "ml-sources/churn"),
            ("Company, for people", "Müller & Söhne"),
            ("Company prefix", "mueller"),
            ("AWS account id", "012345678901"),
            ("Tenant id", "t" + os.urandom(3).hex()),
            ("Environment", "dev"),
            ("AWS region", "us-west-2"),
            ("Use case", "churn"),
            ("Workload", ""),
            ("Tag cost_center", "0042"),
            ("Tag project", ""),
            ("Tag project", "Shop"),
            ("Tag owner", "ml@mueller.example"),
        ]
        with tempfile.TemporaryDirectory() as folder:
            status, shown, left = answer(folder, answers)
            assert (status, left) == (0, []), shown
            assert "`tier` is `huge`" in shown
            assert "An answer is needed: Tag project" in shown
            assert "write `s3_prefix: sources/churn`" in shown
            (path,) = pathlib.Path(folder).iterdir()
            assert path.name.endswith("-us-west-2-churn-ml-s3.yaml"), path.name
            text = path.read_text(encoding="utf-8")
        assert 'account_id: "012345678901"' in text
        key = f"configs/init/{path.name}"
        status = suite.status(key, suite.upload(key, text))
        assert status["ok"], status["findings"]
        # It is for another account than the suite's.
        assert [it["code"] for it in status["findings"]] == ["MLP-GEN-001"]
        assert status["resource_counts"]["total"] == 16
