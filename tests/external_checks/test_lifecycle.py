"""What S3 does with each kind of object in the artifacts bucket, by the lifecycle rules of the golden templates.

The evaluation follows the S3 User Guide, "Lifecycle configuration elements": a rule that is enabled acts on the keys that
begin with its prefix; `Days` counts for current versions, `NoncurrentDays` for old ones.
"""

from mlp_tests import golden

# Everything of a rule that this evaluation knows.
KNOWN = {"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}


def expires(rules, key, *, current=True):
    """After how many days a version of an object expires; None for never."""
    days = []
    for rule in rules:
        assert set(rule) <= KNOWN, rule
        if rule["Status"] != "Enabled" or not key.startswith(rule.get("Prefix", "")):
            continue
        if current and "ExpirationInDays" in rule:
            days.append(int(rule["ExpirationInDays"]))
        if not current and "NoncurrentVersionExpiration" in rule:
            days.append(int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"]))
    return min(days, default=None)


def of_type(template, kind):
    return [it["Properties"] for it in template["Resources"].values() if it["Type"] == kind]


class TestLifecycle:
    @classmethod
    def setup_class(cls):
        cls.templates = golden.templates()

    def products(self):
        assert len(self.templates) >= 31
        for name, template in self.templates.items():
            (bucket,) = of_type(template, "AWS::S3::Bucket")
            assert bucket["VersioningConfiguration"]["Status"] == "Enabled", name
            yield name, template, bucket["LifecycleConfiguration"]["Rules"]

    def variables(self, template):
        for project in of_type(template, "AWS::CodeBuild::Project"):
            yield {it["Name"]: it["Value"] for it in project["Environment"]["EnvironmentVariables"]}

    def test_artifacts_of_pipelines_expire(self):
        for name, template, rules in self.products():
            pipelines = of_type(template, "AWS::CodePipeline::Pipeline")
            assert len(pipelines) == 2, name
            for pipeline in pipelines:
                # {20 characters of the pipeline}/{10 characters of the artifact}/{id}: see storage.rs for the sources.
                key = f"{pipeline['Name'][:20]}/SourceOutp/1TspnN3.zip"
                days = expires(rules, key)
                assert 30 <= days <= 90, f"{name}: {key}: {days}"

    def test_models_of_builds_never_expire(self):
        for name, template, rules in self.products():
            for variables in self.variables(template):
                uri = variables["MODEL_ARTIFACTS_URI"]["Fn::Sub"]
                bucket, _, folder = uri.removeprefix("s3://").partition("/")
                assert bucket == "${ArtifactsBucket}", name
                assert expires(rules, f"{folder}/churn-2026-11/output/model.tar.gz") is None, name

    def test_nothing_else_that_builds_and_jobs_write_expires(self):
        for name, template, rules in self.products():
            for variables in self.variables(template):
                for key in (
                    f"{variables['RESOURCE_PREFIX']}train-1/output/model.tar.gz",
                    f"{variables['ML_NAME']}/evaluation/report.json",
                    "models/model.tar.gz",
                    "code/sourcedir.tar.gz",
                ):
                    assert expires(rules, key) is None, f"{name}: {key}"

    def test_old_versions_expire_and_uploads_are_aborted_everywhere(self):
        for name, _, rules in self.products():
            for key in ("models/model.tar.gz", "a/b"):
                assert 30 <= expires(rules, key, current=False) <= 90, name
            aborting = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
            assert [rule.get("Prefix", "") for rule in aborting] == [""], name

    def test_the_evaluation_finds_a_rule_for_the_whole_bucket(self):
        rules = [{"Id": "all", "Status": "Enabled", "ExpirationInDays": 90}]
        assert expires(rules, "models/model.tar.gz") == 90
        rules[0]["Status"] = "Disabled"
        assert expires(rules, "models/model.tar.gz") is None
