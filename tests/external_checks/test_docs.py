"""`docs/builds.md` against the golden templates."""

import re

import yaml

from mlp_tests import golden
from mlp_tests.paths import ROOT

PAGE = (ROOT / "docs/builds.md").read_text(encoding="utf-8")


class TestBuilds:
    @classmethod
    def setup_class(cls):
        cls.variables = set()
        for template in golden.templates().values():
            for it in template["Resources"].values():
                if it["Type"] == "AWS::CodeBuild::Project":
                    cls.variables |= {at["Name"] for at in it["Properties"]["Environment"]["EnvironmentVariables"]}
                if it["Type"] == "AWS::CodePipeline::Pipeline":
                    cls.variables |= {at["Name"] for at in it["Properties"].get("Variables", [])}

    def test_the_table_has_every_variable_and_no_other(self):
        rows = [line for line in PAGE.splitlines() if re.match(r"\| `[A-Z_]+`", line)]
        documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
        assert documented == self.variables

    def test_the_buildspecs_are_whole(self):
        found = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
        assert found
        seeds = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "seeds").glob("*/buildspec.yml"))]
        assert len(seeds) == 2
        for text in found + seeds:
            spec = yaml.safe_load(text)
            assert spec["version"] == 0.2
            assert spec["phases"]["build"]["commands"]
            # The pipelines' build actions have an output artifact.
            assert spec["artifacts"]["files"]
