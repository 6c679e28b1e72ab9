"""Inputs of users with the right answer of `mlp`.

`tests/golden/cases/<area>/<case>/` holds an input and `case.yaml`, which says how `mlp` is run and what is right. The command
runs in a copy of the folder. A file of several documents (`---`) runs one command after another in the same copy.

    source: aws/aws-cdk#32238          where the input or the fact is from (first document)
    run: [validate-prov-template, input.yaml]
    status: 1                          the exit status
    contains: ["MLP-TPL-011", ...]     texts that the output (stdout and stderr together) has
    lacks: ["MLP-YAML", ...]           texts that it does not have
    output_contains:                   texts in files that the command writes; `stdout` and `stderr` are names too
      out.json: ["..."]
    output_json:                       values in JSON that it writes, by JSON pointer; `absent: [pointer, ...]` must not be there
      out.json: {/Outputs/What/Value: acme, absent: [/Resources/Churn]}

All keys but `source`, `run` and `status` are optional. The binary is `MLP_BINARY`, or `target/debug/mlp`.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/golden/cases"
BINARY = pathlib.Path(os.environ.get("MLP_BINARY", ROOT / "target/debug/mlp")).resolve()
KEYS = {"source", "run", "status", "contains", "lacks", "output_contains", "output_json"}
SECONDS = 60
ABSENT = object()


def at(document, pointer):
    """The value at a JSON pointer, or ABSENT."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return ABSENT
    return document


class Cases(unittest.TestCase):
    """One test for each folder; they are added below."""

    def case(self, folder):
        steps = list(yaml.safe_load_all((folder / "case.yaml").read_text(encoding="utf-8")))
        self.assertTrue(steps[0].get("source"), "case.yaml has no `source`")
        with tempfile.TemporaryDirectory() as copy:
            copy = pathlib.Path(copy)
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            for number, step in enumerate(steps, 1):
                with self.subTest(step=number, run=step.get("run")):
                    self.step(copy, step)

    def step(self, folder, step):
        self.assertEqual(set(step) - KEYS, set(), "case.yaml has unknown keys")
        self.assertGreaterEqual(set(step), {"run", "status"}, "case.yaml needs `run` and `status`")
        arguments = [str(argument) for argument in step["run"]]
        # Without colors, and without the credentials and settings of the user who runs the tests.
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1"}
        done = subprocess.run(
            [BINARY, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=SECONDS, check=False,
        )
        texts = {"stdout": done.stdout.decode(), "stderr": done.stderr.decode()}
        output = texts["stdout"] + texts["stderr"]
        shown = f"\nmlp {' '.join(arguments)}\n{output}"
        self.assertEqual(done.returncode, step["status"], f"exit status{shown}")
        for text in step.get("contains", []):
            self.assertIn(text, output, shown)
        for text in step.get("lacks", []):
            self.assertNotIn(text, output, shown)
        written = lambda name: texts[name] if name in texts else (folder / name).read_text(encoding="utf-8")
        for name, wanted in step.get("output_contains", {}).items():
            for text in wanted:
                self.assertIn(text, written(name), f"{name}{shown}")
        for name, wanted in step.get("output_json", {}).items():
            document = json.loads(written(name))
            for pointer in wanted.pop("absent", []):
                self.assertIs(at(document, pointer), ABSENT, f"{name}: {pointer}{shown}")
            for pointer, value in wanted.items():
                self.assertEqual(at(document, pointer), value, f"{name}: {pointer}{shown}")


def test_of(folder):
    return lambda self: self.case(folder)


for area in sorted(path for path in CASES.iterdir() if path.is_dir()):
    folders = sorted(path for path in area.iterdir() if path.is_dir())
    assert folders, f"{area} has no cases"
    for folder in folders:
        name = re.sub(r"\W", "_", f"{area.name}_{folder.name}")
        setattr(Cases, f"test_{name}", test_of(folder))


if __name__ == "__main__":
    unittest.main()
