"""The checks of templates against cfn-lint: its data, and its test templates that are good."""

import collections
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import yaml
from cfnlint.helpers import VALID_PARAMETER_TYPES
from cfnlint.rules.resources.DeletionPolicy import valid_snapshot_types

from mlp_tests import public_templates
from mlp_tests.paths import MLP, ROOT

KNOWN = ROOT / "tests/external_checks/false-errors.yaml"


def constant(name):
    """The texts of a constant in the checks' source."""
    source = (ROOT / "shared/template/src/check/sections.rs").read_text(encoding="utf-8")
    return set(re.findall(r'"([^"]+)"', re.search(rf"const {name}: .*? = \[(.*?)\];", source, re.S)[1]))


def errors(path):
    """The codes of the structure errors of a template."""
    done = subprocess.run(
        [MLP, "validate-prov-template", path, "--format", "json"], capture_output=True, check=False, timeout=60
    )
    findings = json.loads(done.stdout)["findings"]
    return [
        it["code"] for it in findings if it["severity"] == "error" and it["code"].startswith(("MLP-TPL", "MLP-YAML"))
    ]


class TestAgainstCfnLint:
    def test_parameter_types_are_those_of_cfn_lint(self):
        aws = {
            it
            for it in VALID_PARAMETER_TYPES
            if it.startswith("AWS::") and not it.startswith("AWS::SSM::Parameter::Value")
        }
        assert constant("AWS_PARAMETER_TYPES") == aws

    def test_types_with_snapshots_are_those_of_cfn_lint(self):
        assert constant("SNAPSHOT_TYPES") == set(valid_snapshot_types)

    def test_good_templates_have_no_other_errors_than_the_known_ones(self):
        """The known ones are listed with the reason. The list may only become shorter."""
        folder = public_templates.cfn_lint() / "good"
        files = sorted(it for it in folder.rglob("*") if it.suffix in (".yaml", ".yml", ".json", ".template"))
        assert len(files) > 90
        with ThreadPoolExecutor(2) as pool:
            found = {
                str(it.relative_to(folder)): codes
                for it, codes in zip(files, pool.map(errors, files), strict=True)
                if codes
            }
        known = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
        wanted = {name: collections.Counter(entry["errors"]) for name, entry in known.items()}
        assert {name: collections.Counter(codes) for name, codes in found.items()} == wanted
