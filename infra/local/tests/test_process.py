"""The launcher as a process: its files, its end, and that nothing outlives it."""

import json
import os
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from mlp_tests import local_suite


def _alive(pid):
    try:
        if not Path("/proc/self").is_dir():
            os.kill(pid, 0)
            return True
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return state.rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class TestProcess(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, tmp_path):
        self.directory = tmp_path

    def function_pid(self, ready):
        """Starts a function in the suite of ``ready`` and returns its process id."""
        suite = local_suite.Local(ready["endpoint"], self.directory)
        answer = (
            suite.client("lambda").invoke(FunctionName=suite.function("echo $PPID"), Payload=b"{}")["Payload"].read()
        )
        return int(answer)

    def test_a_signal_ends_it_with_every_child_and_every_file(self):
        process, ready = local_suite.start(self.directory)
        assert sorted(ready) == ["account_id", "endpoint", "pid", "region"]
        assert (ready["pid"], ready["account_id"], ready["region"]) == (
            process.pid,
            local_suite.ACCOUNT,
            local_suite.REGION,
        )
        assert ready["endpoint"].startswith("http://127.0.0.1:")
        child = self.function_pid(ready)
        assert _alive(child)
        assert local_suite.stop(process) == 0
        assert not _alive(child)
        assert not list((self.directory / "data").iterdir())
        assert not (self.directory / "ready.json").exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a killed process's children")
    def test_being_killed_takes_the_functions_along(self):
        process, ready = local_suite.start(self.directory)
        child = self.function_pid(ready)
        process.kill()
        process.wait(timeout=5)
        assert local_suite.eventually(lambda: not _alive(child))

    def test_it_ends_when_its_starter_ends(self):
        ready = self.directory / "ready.json"
        starter = subprocess.Popen(
            [
                sys.executable,
                "-c",
                ("import subprocess,sys,time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"),
                local_suite.PYTHON,
                local_suite.LAUNCHER,
                "--data-dir",
                self.directory / "data",
                "--ready-file",
                ready,
                "--log",
                self.directory / "log",
                "--die-with-parent",
            ]
        )
        assert local_suite.eventually(ready.exists, 20)
        pid = json.loads(ready.read_text(encoding="utf-8"))["pid"]
        starter.kill()
        starter.wait(timeout=5)
        assert local_suite.eventually(lambda: not _alive(pid), 10)

    def test_a_port_that_is_taken_is_said(self):
        port = self.suite.endpoint.rsplit(":", 1)[1]
        answer = subprocess.run(
            [local_suite.PYTHON, local_suite.LAUNCHER, "--data-dir", self.directory, "--port", port],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert answer.returncode != 0
        assert f"127.0.0.1:{port} can't be opened" in answer.stderr

    def test_an_unknown_control_path_is_said(self):
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.suite.control("nothing")
        assert caught.value.code == 404
        caught.value.close()
