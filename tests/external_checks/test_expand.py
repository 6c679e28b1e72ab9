"""`mlp expand` changes the products of a template and nothing else: an independent reader, PyYAML, says what the rest is.

PyYAML reads YAML 1.1 as CloudFormation does, and accepts what CloudFormation accepts (text in quotes or brackets at any
column). The templates are public ones, our own, and random ones in random styles.
"""

import copy
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import yaml

from mlp_tests import cloudformation, public_templates
from mlp_tests.paths import MLP, ROOT

MACRO = "MLProvisioner"
PRODUCT = {
    "Type": "MLProvisioner::MLOps::MLProduct",
    "Properties": {
        "CompanyPrefix": "acme",
        "TenantId": "a001",
        "Environment": "prod",
        "UseCase": "churn",
        "Tier": "starter",
        "SourceControl": "codecommit",
        "Tags": {"cost_center": "c", "project": "p", "owner": "o"},
    },
}
ID = "ZzProduct"
RANDOM = int(os.environ.get("RANDOM_TEMPLATES", "40"))


# Python's own parser: it reads what CloudFormation reads, which libyaml doesn't in all places.
Reader = cloudformation.reader()


def read(text):
    return json.loads(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else yaml.load(text, Reader)


def different(wanted, found, path=""):
    """The first pointer at which two values differ, or None. Order counts."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        # JSON's keys are text, as they are written: `Yes` and not `true`.
        if len(wanted) != len(found) or not all(
            key == text or yaml.load(text, Reader) == key for key, text in zip(wanted, found, strict=True)
        ):
            return f"{path}: keys {list(wanted)} became {list(found)}"
        values = ((value, found[text], f"{path}/{text}") for value, text in zip(wanted.values(), found, strict=True))
        return next(filter(None, (different(*each) for each in values)), None)
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            return f"{path}: {len(wanted)} items became {len(found)}"
        return next(
            filter(
                None,
                (different(*pair, f"{path}/{index}") for index, pair in enumerate(zip(wanted, found, strict=True))),
            ),
            None,
        )
    # A number that JSON can't write as it was written (`010`, `1_000`) stays the text that CloudFormation reads as the number.
    if isinstance(wanted, (int, float)) and isinstance(found, str):
        found = yaml.load(found, Reader)
    # NaN differs from itself.
    same = (
        wanted == found and isinstance(wanted, bool) == isinstance(found, bool) or (wanted != wanted and found != found)
    )
    return None if same else f"{path}: {wanted!r} became {found!r}"


def with_product(text):
    """The text with a product among the resources, added without reading it; None when there is no place for it."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        template = json.loads(text)
        template["Resources"] = {ID: PRODUCT, **template["Resources"]}
        return json.dumps(template, indent=1)
    section = re.search(r"^(['\"]?)Resources\1:[ \t]*(#.*)?\r?\n", text, re.M)
    if not section:
        return None
    behind = text[section.end() :]
    first = re.search(r"^( +)[^ #\r\n]", behind, re.M)
    if not first:
        return None
    product = f"{first[1]}{ID}: {json.dumps(PRODUCT)}\n"
    return text[: section.end()] + product + behind


def rest(template):
    """A template without what is the macro's."""
    template = copy.deepcopy(template)
    metadata = template.get("Metadata")
    if isinstance(metadata, dict) and metadata.pop(MACRO, None) and not metadata:
        del template["Metadata"]
    resources = template["Resources"]
    template["Resources"] = {key: value for key, value in resources.items() if not key.startswith(ID)}
    return template


def expand(text, language="json"):
    """The expanded template as text, or None; and the findings."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "template.yaml"
        path.write_bytes(text.encode())
        command = [MLP, "expand", path, "--output", language]
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=60, env={**os.environ, "NO_COLOR": "1"}
        )
    return done.stdout.decode() if done.returncode == 0 else None, done.stderr.decode()


def compare(text):
    """What expand changed beside the product, or None; or that it refused the template, and why."""
    wanted = rest(read(text))
    found, findings = expand(text)
    if found is None:
        return f"refused: {findings}"
    found = json.loads(found)
    made = [key for key in found["Resources"] if key.startswith(ID)]
    if len(made) < 5 or ID in made:
        return "the product is not expanded"
    return different(wanted, rest(found))


def loose(value):
    """A value without what the two outputs may write in another way: order, and `DependsOn` of one as a list."""
    if isinstance(value, dict):
        value = {str(key): loose(inner) for key, inner in value.items()}
        if isinstance(value.get("DependsOn"), str):
            value["DependsOn"] = [value["DependsOn"]]
        return dict(sorted(value.items()))
    return [loose(inner) for inner in value] if isinstance(value, list) else value


def outputs_differ(text):
    """Where the YAML and the JSON of one template differ, or None."""
    (as_json, _), (as_yaml, _) = expand(text), expand(text, "yaml")
    added = {"AWSTemplateFormatVersion": "2010-09-09"}
    return different(loose({**added, **json.loads(as_json)}), loose(stringified(read(as_yaml))))


class TestTheRest:
    def check(self, subtests, templates, refused=()):
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda it: compare(it[1]), templates))
        for (name, _), wrong in zip(templates, results, strict=True):
            if name not in refused:
                with subtests.test(name):
                    assert wrong is None

    def test_of_public_templates_is_the_same(self, subtests):
        folder = public_templates.cfn_lint()
        templates = []
        for path in sorted((folder / "good").rglob("*")):
            if path.suffix in (".yaml", ".yml", ".json", ".template"):
                text = path.read_text(encoding="utf-8")
                try:
                    # cfn-lint reads some files that PyYAML alone doesn't, and holds some that are no templates.
                    changed = with_product(text) if isinstance(read(text)["Resources"], dict) else None
                    usable = changed and ID in read(changed)["Resources"]
                except (yaml.YAMLError, KeyError, TypeError, ValueError):
                    continue
                if usable:
                    templates.append((str(path.relative_to(folder)), changed))
        assert len(templates) > 60
        # It has a section `Parameter`, which no template has.
        self.check(subtests, templates, refused=["good/custom/is-defined.yaml"])

    def test_of_our_own_templates_is_the_same(self, subtests):
        templates = []
        for path in sorted((ROOT / "tests/golden/structure/valid").glob("*.yaml")):
            changed = with_product(path.read_text(encoding="utf-8"))
            if changed:
                templates.append((path.name, changed))
        assert len(templates) > 5
        self.check(subtests, templates)

    def test_of_random_templates_in_random_styles_is_the_same(self, subtests):
        seed = int(os.environ.get("RANDOM_SEED", "20261124"))
        self.check(
            subtests, [(f"seed {seed + number}", random_text(random.Random(seed + number))) for number in range(RANDOM)]
        )

    def test_of_the_yaml_output_is_that_of_the_json_output(self, subtests):
        seed = int(os.environ.get("RANDOM_SEED", "20261124"))
        for number in range(RANDOM // 4):
            with subtests.test(seed=seed + number):
                assert outputs_differ(random_text(random.Random(seed + number))) is None


STRINGS = [
    "",
    " ",
    "a",
    "yes",
    "no",
    "On",
    "null",
    "~",
    "true",
    "010",
    "0x1F",
    "1_000",
    "12:30",
    ".inf",
    "-0",
    "2012-10-17",
    "${A}",
    "${!A}",
    "${A.B}",
    "$",
    "#",
    "a # b",
    "a: b",
    "- a",
    "'",
    '"',
    "\\",
    "{{resolve:ssm:/a}}",
    "&a",
    "*a",
    "!Ref A",
    "%",
    "@",
    "`",
    "|",
    ">",
    "\t",
    "a\tb",
    "line\nline\n",
    "\n\n",
    "  indented\n    more\n",
    "trailing  ",
    "é",
    "\U0001f600",
    "a" * 90 + " " + "b" * 90,
    '{"a": [1, "b"]}',
    "it's",
    "a\n\nb",
]


def random_value(rng, depth=0):
    kind = rng.randrange(10 if depth < 4 else 6)
    if kind < 3:
        return rng.choice(STRINGS)
    if kind == 3:
        return " ".join(rng.choice(STRINGS) for _ in range(rng.randrange(1, 30)))
    if kind == 4:
        return rng.choice([0, -1, 2**40, 1.5, True, False, 10**20])
    if kind == 5:
        return rng.choice(
            [
                {"Ref": "Topic"},
                {"Fn::Sub": "${Topic}${!Zz}"},
                {"Fn::GetAtt": ["Topic", "TopicName"]},
                {"Ref": "AWS::Region"},
            ]
        )
    if kind < 8:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(STRINGS) or "k": random_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def random_text(rng):
    """A template with a product, written in a random style; lines in quotes and brackets stand at any column."""
    resources = {
        f"R{number}": {"Type": "AWS::SNS::Topic", "Properties": {"X": random_value(rng), "Y": random_value(rng)}}
        for number in range(rng.randrange(1, 4))
    }
    resources["Topic"] = {"Type": "AWS::SNS::Topic"}
    items = [*resources.items(), (ID, PRODUCT)]
    rng.shuffle(items)
    template = {"Resources": dict(items), "Outputs": {"Out": {"Value": random_value(rng)}}}
    text = yaml.safe_dump(
        template,
        sort_keys=False,
        allow_unicode=rng.random() < 0.5,
        width=rng.choice([20, 80, 1000]),
        indent=rng.choice([2, 4]),
        default_style=rng.choice([None, None, "'", '"']),
        default_flow_style=rng.choice([None, False, False]),
    )
    wanted = read(text)
    lines = text.split("\n")
    for index in rng.sample(range(len(lines)), min(len(lines), 25)):
        stripped = lines[index].lstrip(" ")
        moved = [*lines[:index], rng.choice(["", " ", "  ", "\t", " \t"]) + stripped, *lines[index + 1 :]]
        try:
            if stripped and different(wanted, stringified(read("\n".join(moved)))) is None:
                lines = moved
        except yaml.YAMLError:
            pass
    return "\n".join(lines)


def stringified(value):
    """Keys as text, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): stringified(inner) for key, inner in value.items()}
    return [stringified(inner) for inner in value] if isinstance(value, list) else value
