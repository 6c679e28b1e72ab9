"""The macro's resource schema with cfn-lint: what it accepts, and what it finds."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from mlp_tests.paths import ROOT

REGISTRY = ROOT / "schemas/registry"
REGION = "us-west-2"
TYPE = "MLProvisioner::MLOps::MLProduct"
# Templates of the golden cases in the long type's name, which have no mistake.
GOOD = [
    "attributes-go-to-every-resource",
    "data-lake-by-name",
    "ids-pass-any-function",
    "no-value-is-nothing",
    "parameter-store-is-looked-up",
    "parameters-of-ssm-types-need-no-look-up",
    "references-between-products",
    "structural-values-from-parameters",
]
TEMPLATE = """
Transform: MLProvisioner
Resources:
  Fraud:
    Type: MLProvisioner::MLOps::MLProduct
    Properties:
      CompanyPrefix: globalbank
      TenantId: c001
      Environment: prod
      UseCase: fraud-detection
      Tier: enterprise
      SourceControl: codecommit
      AlertsEmail: ml@globalbank.example
      VpcIntegration: {Mode: standalone, VpcId: vpc-0a1b2c3d, SubnetIds: [subnet-0a1b2c3d]}
      Tags: {cost_center: Fraud, project: Cards, owner: fraud-team}
Outputs:
  Registry: {Value: !GetAtt Fraud.ModelPackageGroupArn}
  Bucket: {Value: !GetAtt Fraud.ArtifactsBucket}
  BucketArn: {Value: !Sub "${Fraud.ArtifactsBucket.Arn}/*"}
  Name: {Value: !Ref Fraud}
"""


def command(template, *arguments):
    """cfn-lint as users run it."""
    tool = pathlib.Path(sys.executable).with_name("cfn-lint")
    arguments = [tool, *arguments, "--regions", REGION, "--", str(template)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())


class TestWithSchema:
    """cfn-lint 1.58 takes the type from `--registry-schemas`, but checks properties and attributes only of types that its
    own data lists for a region; so its data is told of the type here, as a later version may do by itself."""

    @pytest.fixture(autouse=True)
    def _with_the_registered_type(self, monkeypatch):
        PROVIDER_SCHEMA_MANAGER.load_registry_schemas(str(REGISTRY))
        load = PROVIDER_SCHEMA_MANAGER._load_provider_module  # noqa: SLF001  (cfn-lint has no other way)
        monkeypatch.setattr(
            PROVIDER_SCHEMA_MANAGER, "_load_provider_module", lambda region: {**load(region), TYPE: "registry"}
        )

    def found(self, template):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "template.yaml"
            path.write_text(template, encoding="utf-8")
            matches = lint_file(path, config=ManualArgs(regions=[REGION]))
        return {(match.rule.id, match.message) for match in matches if match.rule.id.startswith("E")}

    def test_a_good_template_is_accepted(self):
        assert self.found(TEMPLATE) == set()

    def test_the_good_golden_cases_are_accepted(self, subtests):
        for case in GOOD:
            with subtests.test(case):
                text = (ROOT / "tests/golden/expand" / case / "input.yaml").read_text(encoding="utf-8")
                ours = {it for it in self.found(text) if it[0] not in ("E1010", "E1041", "E3003", "E3014")}
                assert ours == set()

    def test_mistakes_are_found(self, subtests):
        for wrong, right, rule in [
            ("CompanyPrefx: globalbank", "CompanyPrefix: globalbank", "E3002"),
            ("Tier: gold", "Tier: enterprise", "E3030"),
            ("TenantId: C-1", "TenantId: c001", "E3031"),
            (
                "VpcIntegrations: {}",
                "VpcIntegration: {Mode: standalone, VpcId: vpc-0a1b2c3d, SubnetIds: [subnet-0a1b2c3d]}",
                "E3003",
            ),
            ("Mode: alone", "Mode: standalone", "E3030"),
            ("SourceControl: s3", "SourceControl: codecommit", "E3003"),
            ("Tier: starter", "Tier: enterprise", None),
            ("Fraud.ModelPackageGroupArm", "Fraud.ModelPackageGroupArn", "E6101"),
            ("${Fraud.ArtifactsBucket.Arm}", "${Fraud.ArtifactsBucket.Arn}", None),
        ]:
            with subtests.test(wrong):
                assert right in TEMPLATE
                found = self.found(TEMPLATE.replace(right, wrong))
                assert found != set()
                if rule:
                    assert rule in {code for code, _ in found}, found


def templates_of_the_docs():
    """The templates that docs/macro.md shows."""
    text = (ROOT / "docs/macro.md").read_text(encoding="utf-8")
    found = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "Resources:" in block]
    assert len(found) >= 3
    return found


class TestTheCommand:
    def test_the_templates_of_the_docs_pass(self):
        with tempfile.TemporaryDirectory() as folder:
            for index, template in enumerate(templates_of_the_docs()):
                if "AWS::Serverless" in template:
                    continue  # cfn-lint translates it first, and SAM's translator refuses types that it doesn't know
                path = pathlib.Path(folder) / f"{index}.yaml"
                path.write_text(template, encoding="utf-8")
                run = command(path, "--registry-schemas", str(REGISTRY))
                assert (run.returncode, run.stdout) == (0, ""), template + run.stdout + run.stderr

    def test_a_compact_template_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "template.yaml"
            path.write_text(TEMPLATE, encoding="utf-8")
            known, unknown = command(path, "--registry-schemas", str(REGISTRY)), command(path)
        assert (known.returncode, known.stdout) == (0, ""), known.stdout + known.stderr
        assert "E3006" in unknown.stdout


class TestAttributes:
    """The attributes that products offer are attributes of their types."""

    def test_every_attribute_exists(self):
        schema = json.loads((REGISTRY / "mlprovisioner-mlops-mlproduct.json").read_text(encoding="utf-8"))
        checked = 0
        for name, described in schema["properties"].items():
            if "object" not in described.get("type", ""):
                continue
            kind = described["description"].removeprefix("`Ref` of ")
            if not kind.startswith("AWS::"):
                continue
            known = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).get_atts
            for attribute in described["properties"]:
                assert attribute in known, f"{name}: {kind}"
                checked += 1
        assert checked > 60
