"""Other evaluators, asked through a process each. `Missing` says why one can't be asked."""

import copy
import json
import pathlib
import re
import shutil
import subprocess
from typing import Any

from ..paths import ROOT

HERE = pathlib.Path(__file__).resolve().parent / "oracle_processes"
TARGET = ROOT / "target"
VARIABLE = re.compile(r"\$\{([^}]*)\}")
NEGATED = re.compile(r"(String|Arn)Not")


class Missing(Exception):
    """An evaluator isn't here."""


class Unsupported(Exception):
    """A question that an evaluator can't answer, or whose answer differs from AWS's documentation."""


class Process:
    def __init__(self, *command):
        self.process: Any = subprocess.Popen(
            command, text=True, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the other evaluator has ended at {question['name']}")
        return json.loads(line)


class Emulator:
    """ministack's evaluator, in the emulator's Python environment."""

    name = "ministack"

    def __init__(self):
        python = TARGET / "venv/emulator/bin/python"
        if not python.exists():
            raise Missing(f"there is no {python}, which `cargo xtask test` makes")
        self._process = Process(python, str(HERE / "emulator.py"))
        self.close = self._process.close

    def decide(self, question):
        if question["action"].startswith("sts:AssumeRole"):
            raise Unsupported("trust policies: it has another function for them")
        answer = self._process.ask(question)
        if "error" in answer:
            raise Unsupported(answer["error"])
        return answer["decision"]


class Simulate:
    """@cloud-copilot/iam-simulate, installed below the target folder."""

    name = "iam-simulate"

    def __init__(self):
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise Missing("node and npm are not there")
        folder = TARGET / "iam-simulate"
        folder.mkdir(parents=True, exist_ok=True)
        lock = (HERE / "package-lock.json").read_text(encoding="utf-8")
        stamp = folder / "installed-from.json"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != lock:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder / name)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
            except subprocess.TimeoutExpired:
                raise Missing("npm ci takes more than three minutes") from None
            if done.returncode:
                raise Missing(f"npm ci failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
            stamp.write_text(lock, encoding="utf-8")
        self._process = Process(node, str(HERE / "simulate.mjs"), str(folder))
        self.close = self._process.close

    def decide(self, question):
        question = corrected(question)
        answer = self._process.ask(question)
        if answer.get("error"):
            raise Unsupported(answer["error"])
        documents = json.dumps([question["identity"], question["boundary"], question["resource_policy"]]).lower()
        # The engine leaves keys out that an action can't have. If no policy asks for them, that is no matter.
        ignored = [it for it in answer["ignored"] if it.lower() in documents]
        if ignored:
            raise Unsupported(f"it says that {question['action']} can't have {ignored}")
        return answer["decision"]


def _listed(value):
    return value if isinstance(value, list) else [value]


def corrected(question):
    """A question without what iam-simulate 0.1.173 is known to answer wrongly.

    a) It never matches a wildcard or a variable before the first `/` or `:` of an ARN's last part.
    b) A negated operator with a variable that has no value is met on AWS and isn't there.
    c) It replaces variables in documents of 2008, too.
    """
    question = copy.deepcopy(question)
    for key in ("boundary", "resource_policy"):
        if question[key]:
            _mend(question[key], question)
    for document in question["identity"]:
        _mend(document, question)
    return question


def _mend(document, question):
    have = {key.lower(): value for key, value in question["context"].items()}
    resource = question["resource"]

    def value(reference):
        key, comma, default = reference.partition(",")
        got = have.get(key.strip().lower())
        return got if isinstance(got, str) else default.strip()[1:-1] if comma else None

    def has_no_value(text):
        return any(it not in ("*", "?", "$") and value(it) is None for it in VARIABLE.findall(text))

    def expression(text):
        out, at = "", 0
        for match in re.finditer(r"\$\{([^}]*)\}|[*?]", text):
            out += re.escape(text[at : match.start()])
            at = match.end()
            reference = match[1]
            if reference is None:
                out += {"*": ".*", "?": "."}[match[0]]
            else:
                out += re.escape(reference if reference in ("*", "?", "$") else value(reference))
        return re.compile(out + re.escape(text[at:]), re.DOTALL)

    statements = document["Statement"] = _listed(document["Statement"])
    used = VARIABLE.findall(json.dumps(statements, ensure_ascii=False))
    if used and document.get("Version") != "2012-10-17":
        raise Unsupported("variables in a document of 2008")
    if any(have.get(it.split(",")[0].strip().lower()) == "" for it in used):
        raise Unsupported("it takes an empty value for a missing one")
    for statement in statements:
        for element in ("Resource", "NotResource"):
            if element not in statement:
                continue
            statement[element] = items = list(_listed(statement[element]))
            for index, arn in enumerate(items):
                if element == "NotResource" and has_no_value(arn):
                    raise Unsupported("NotResource with a variable that has no value")
                head, *rest = re.split(r"[/:]", arn.split(":", 5)[-1], maxsplit=1)
                hidden = arn.count(":") >= 5 and rest and re.search(r"[*?$]", head)
                if hidden and not has_no_value(arn):
                    hit = expression(arn).fullmatch(resource)
                    items[index] = resource if hit else "arn:aws:s3:::matches-nothing-here"
        for operator, keys in list((statement.get("Condition") or {}).items()):
            if not NEGATED.search(operator):
                continue
            for key, wanted in list(keys.items()):
                left = [it for it in _listed(wanted) if not (isinstance(it, str) and has_no_value(it))]
                if len(left) == len(_listed(wanted)):
                    continue
                if ":" in operator:
                    raise Unsupported(f"{operator} with a variable that has no value")
                if left:
                    keys[key] = left
                else:
                    del keys[key]
            if not keys:
                del statement["Condition"][operator]
