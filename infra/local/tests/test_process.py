"""The launcher as a process: its files, its end, and that nothing outlives it."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error

import suite


def _alive(pid):
    try:
        if not os.path.isdir("/proc/self"):
            os.kill(pid, 0)
            return True
        with open(f"/proc/{pid}/stat", encoding="utf-8") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Process(suite.Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="mlp-process-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def function_pid(self, ready):
        """Starts a function in the suite of ``ready`` and returns its process id."""
        shared, suite._running = suite._running, ready
        try:
            name = suite.function("echo $PPID")
            answer = suite.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"].read()
        finally:
            suite._running = shared
        return int(answer)

    def test_a_signal_ends_it_with_every_child_and_every_file(self):
        process, ready = suite.start(self.directory)
        self.assertEqual(sorted(ready), ["account_id", "endpoint", "pid", "region"])
        self.assertEqual((ready["pid"], ready["account_id"], ready["region"]),
                         (process.pid, suite.ACCOUNT, suite.REGION))
        self.assertTrue(ready["endpoint"].startswith("http://127.0.0.1:"))
        child = self.function_pid(ready)
        self.assertTrue(_alive(child))
        self.assertEqual(suite.stop(process), 0)
        self.assertFalse(_alive(child))
        self.assertEqual(os.listdir(os.path.join(self.directory, "data")), [])
        self.assertFalse(os.path.exists(os.path.join(self.directory, "ready.json")))

    @suite.unittest.skipUnless(sys.platform == "linux", "only Linux ends a killed process's children")
    def test_being_killed_takes_the_functions_along(self):
        process, ready = suite.start(self.directory)
        child = self.function_pid(ready)
        process.kill()
        process.wait(timeout=5)
        self.assertTrue(suite.eventually(lambda: not _alive(child)))

    def test_it_ends_when_its_starter_ends(self):
        ready = os.path.join(self.directory, "ready.json")
        starter = subprocess.Popen([sys.executable, "-c", (
            "import subprocess,sys,time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"), sys.executable,
            suite.LAUNCHER, "--data-dir", os.path.join(self.directory, "data"), "--ready-file", ready,
            "--log", os.path.join(self.directory, "log"), "--die-with-parent"])
        self.assertTrue(suite.eventually(lambda: os.path.exists(ready), 20))
        with open(ready, encoding="utf-8") as handle:
            pid = json.load(handle)["pid"]
        starter.kill()
        starter.wait(timeout=5)
        self.assertTrue(suite.eventually(lambda: not _alive(pid), 10))

    def test_a_port_that_is_taken_is_said(self):
        port = suite.running()["endpoint"].rsplit(":", 1)[1]
        answer = subprocess.run([sys.executable, suite.LAUNCHER, "--data-dir", self.directory, "--port", port],
                                capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn(f"127.0.0.1:{port} can't be opened", answer.stderr)

    def test_an_unknown_control_path_is_said(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            suite.control("nothing")
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()


if __name__ == "__main__":
    suite.unittest.main()
