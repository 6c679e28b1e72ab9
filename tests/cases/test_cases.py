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
import shutil
import subprocess

import pytest
import yaml

from mlp_tests.paths import MLP, ROOT

CASES = ROOT / "tests/golden/cases"
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


def check(folder, step):
    assert set(step) - KEYS == set(), "case.yaml has unknown keys"
    assert set(step) >= {"run", "status"}, "case.yaml needs `run` and `status`"
    arguments = [str(argument) for argument in step["run"]]
    # Without colors, and without the credentials and settings of the user who runs the tests.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        [MLP, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    texts = {"stdout": done.stdout.decode(), "stderr": done.stderr.decode()}
    output = texts["stdout"] + texts["stderr"]
    shown = f"\nmlp {' '.join(arguments)}\n{output}"
    assert done.returncode == step["status"], f"exit status{shown}"
    for text in step.get("contains", []):
        assert text in output, shown
    for text in step.get("lacks", []):
        assert text not in output, shown

    def written(name):
        return texts[name] if name in texts else (folder / name).read_text(encoding="utf-8")

    for name, wanted in step.get("output_contains", {}).items():
        for text in wanted:
            assert text in written(name), f"{name}{shown}"
    for name, wanted in step.get("output_json", {}).items():
        document = json.loads(written(name))
        for pointer in wanted.pop("absent", []):
            assert at(document, pointer) is ABSENT, f"{name}: {pointer}{shown}"
        for pointer, value in wanted.items():
            assert at(document, pointer) == value, f"{name}: {pointer}{shown}"


FOLDERS = sorted(path for path in CASES.glob("*/*") if path.is_dir())


def test_every_area_has_cases():
    areas = {path for path in CASES.iterdir() if path.is_dir()}
    assert {folder.parent for folder in FOLDERS} == areas


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_the_answer_is_right(folder, tmp_path, subtests):
    steps = list(yaml.safe_load_all((folder / "case.yaml").read_text(encoding="utf-8")))
    assert steps[0].get("source"), "case.yaml has no `source`"
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for number, step in enumerate(steps, 1):
        with subtests.test(step=number, run=step.get("run")):
            check(copy, step)
