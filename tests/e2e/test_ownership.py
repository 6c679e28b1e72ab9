"""Stacks, buckets and names of others: what a config or a stack's name never reaches, with IAM enforced."""

import json
import uuid

from mlp_tests import suite
from mlp_tests.deploying import bucket_of, develop, run, stack


def name_of(config):
    tenant = config.split("tenant_id: ")[1].split()[0]
    return f"techcorp-dev-{tenant}-{suite.REGION}-customer-churn-ml"


def template(bucket, metadata=None):
    found = {"Resources": {"Theirs": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}}
    return json.dumps({**({"Metadata": metadata} if metadata else {}), **found})


class TestOwnership:
    def failed(self, result, name="MLProvisioner.StackTaken"):
        assert not result["ok"], result
        assert result["error"]["name"] == name, result
        return result["error"]

    def theirs(self, name, tags=None, metadata=None):
        """A stack of somebody else's, with an object in its bucket."""
        bucket = f"{uuid.uuid4().hex[:12]}-ml-artifacts"
        suite.client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=template(bucket, metadata),
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        suite.wait(f"the stack {name}", lambda: stack(name)["StackStatus"] == "CREATE_COMPLETE")
        suite.client("s3").put_object(Bucket=bucket, Key="theirs", Body=b"data")
        return bucket

    def is_untouched(self, name, bucket):
        found = stack(name)
        assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        suite.client("s3").head_object(Bucket=bucket, Key="theirs")
        assert not suite.client("cloudformation").list_change_sets(StackName=name)["Summaries"]

    def test_a_stack_of_others_that_has_our_name_is_neither_changed_nor_deleted(self, subtests):
        for tags in ({}, {"ManagedBy": "terraform"}, {"team": "payments"}):
            config = develop()
            name = name_of(config) + "-stack"
            bucket = self.theirs(name, tags)
            for action in ("deploy-product", "delete-product"):
                for adopt in (False, True):
                    with subtests.test(tags=tags, action=action, adopt=adopt):
                        self.failed(run(action, config, force=True, adopt=adopt))
            self.failed(run("delete-product", {"bucket": suite.bucket(), "key": self.stored(config)}, force=True))
            self.is_untouched(name, bucket)

    def stored(self, config):
        key = f"configs/{uuid.uuid4().hex}.yaml"
        suite.upload(key, config)
        return key

    def test_another_teams_product_is_out_of_reach_whatever_a_config_is_called(self, subtests):
        victim = develop()
        made = run("deploy-product", victim, force=True)
        bucket = bucket_of(made["stack_name"])
        suite.client("s3").put_object(Bucket=bucket, Key="theirs", Body=b"data")
        # Another tenant names the product, and another company.
        for replacements in ({}, {"company_prefix: techcorp": "company_prefix: globex"}):
            attacker = develop(**replacements).replace(
                "  use_case: customer-churn", f"  use_case: customer-churn\n  product_name_override: {made['ml_name']}"
            )
            for action in ("deploy-product", "delete-product", "show-changes"):
                with subtests.test(action=action, replacements=replacements):
                    more = {} if action == "show-changes" else {"force": True}
                    error = self.failed(run(action, attacker, **more))
                    assert "ml-provisioner:" in error["message"]
        suite.client("s3").head_object(Bucket=bucket, Key="theirs")
        assert run("deploy-product", victim, force=True)["outcome"] == "unchanged"
        assert run("delete-product", victim, force=True)["outcome"] == "deleted"

    def test_a_name_that_does_not_end_as_products_do_is_a_mistake(self):
        config = develop().replace(
            "  use_case: customer-churn", "  use_case: customer-churn\n  product_name_override: payments"
        )
        error = self.failed(run("deploy-product", config, force=True), "MLProvisioner.InvalidInput")
        assert "-ml" in error["message"] + json.dumps(error)

    def test_a_deletion_by_name_needs_the_products_tags(self):
        name = f"x{uuid.uuid4().hex[:11]}-ml-stack"
        bucket = self.theirs(name, {"ManagedBy": "ml-provisioner"})
        self.failed(run("delete-product", None, stack=name, force=True))
        self.is_untouched(name, bucket)

    def test_a_stack_of_ours_without_tags_is_adopted_only_when_somebody_says_so(self):
        config = develop()
        made = run("deploy-product", config, force=True)
        # As somebody has it who deployed the template by other means.
        template_of = suite.client("cloudformation").get_template(StackName=made["stack_name"])["TemplateBody"]
        assert run("delete-product", config, force=True)["outcome"] == "deleted"
        suite.client("cloudformation").create_stack(
            StackName=made["stack_name"],
            TemplateBody=template_of if isinstance(template_of, str) else json.dumps(template_of),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        suite.wait("the stack", lambda: stack(made["stack_name"])["StackStatus"] == "CREATE_COMPLETE", 60)
        error = self.failed(run("deploy-product", config, force=True))
        assert "adopt" in error["help"]
        adopted = run("deploy-product", config, force=True, adopt=True)
        assert adopted["outcome"] in ("updated", "unchanged"), adopted
        assert "MLP-DEP-005" in [finding["code"] for finding in adopted["findings"]]
        assert run("delete-product", config, force=True)["outcome"] == "deleted"

    def test_a_bucket_that_the_stack_did_not_create_is_not_emptied(self):
        """Somebody puts a full bucket into a stack that looks like a product's, and lets the suite delete it."""
        config = develop()
        made = run("deploy-product", config, force=True)
        artifacts = bucket_of(made["stack_name"])
        suite.client("s3").put_object(Bucket=artifacts, Key="theirs", Body=b"data")
        self.relabel(artifacts)
        error = self.failed(run("delete-product", config, force=True), "MLProvisioner.BucketNotEmptied")
        assert "aws:cloudformation:stack-id" in error["message"]
        suite.client("s3").head_object(Bucket=artifacts, Key="theirs")

    def relabel(self, bucket):
        """The bucket as one that a stack has imported: without CloudFormation's own tags."""
        suite.control("bucket-tags", bucket=bucket, tags={})
