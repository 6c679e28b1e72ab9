"""What code that runs with the rights of a product's roles can't do (docs/security.md), with IAM enforced.

An attacker may push to a starter product's repository. With the rights of its builds the attacker tries to replace the template
of the next deployment, to write a rule that passes everything, and to read the token of an approval.
"""

import hashlib
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from mlp_tests import suite
from mlp_tests.deploying import develop, run

EVIL = b'{"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}'
# CloudFormation takes what lies at this key for the template with this digest.
TEMPLATE = f"deployments/templates/{hashlib.sha256(EVIL).hexdigest()}.yaml"
OUTPUTS = (
    TEMPLATE,
    "deployments/results/x.json",
    "deployments/files/x/y",
    "templates/x.yaml",
    "policies/x.json",
    "status/configs/x.yaml.json",
    "reports/x.html",
    "reports/drift/latest/x.json",
)
PENDING = ("pending/approvals/x.json", "pending/requests/x/y.json")
INPUTS = ("configs/x.yaml", "rules/x.guard", "drift-ignore.yaml")


def session(role, service):
    """A client with the rights of a role, as a service has them that assumes it."""
    return suite.client_with(service, suite.control("sessions", role=role))


def resources(stack):
    """The names of a stack's resources, by logical id."""
    pages = suite.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        it["LogicalResourceId"]: it["PhysicalResourceId"] for page in pages for it in page["StackResourceSummaries"]
    }


def deployed(config):
    """The resources of a product that the suite has deployed."""
    result = run("deploy-product", config, force=True)
    if not result["ok"]:
        raise AssertionError(result)
    return resources(result["stack_name"])


def role(name, statements, tags=None):
    """Creates a role with these rights and without a boundary, as a person does by hand."""
    iam = suite.client("iam")
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    return name


EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Denials:
    """What tests of denied calls share."""

    def denied(self, what, call, **arguments):
        try:
            call(**arguments)
        except ClientError as refused:
            error = refused.response["Error"]
        else:
            pytest.fail(f"{what} is not denied")
        assert error["Code"] in ("AccessDenied", "AccessDeniedException", "403"), f"{what}: {error}"

    def denied_every_key(self, s3):
        bucket = suite.bucket()
        for key in (*OUTPUTS, *PENDING, *INPUTS, "anything"):
            self.denied(f"write {key}", s3.put_object, Bucket=bucket, Key=key, Body=EVIL)
            self.denied(f"read {key}", s3.get_object, Bucket=bucket, Key=key)
            self.denied(f"delete {key}", s3.delete_object, Bucket=bucket, Key=key)
        self.denied("list", s3.list_objects_v2, Bucket=bucket)
        self.denied("list versions", s3.list_object_versions, Bucket=bucket)
        self.denied("policy", s3.delete_bucket_policy, Bucket=bucket)


class TestProduct(Denials):
    """The roles of a starter product, whose policies of AWS's own reach every bucket of the account."""

    @classmethod
    def setup_class(cls):
        cls.config = develop()
        cls.product = deployed(cls.config)
        cls.key = f"configs/{uuid.uuid4().hex}.yaml"
        suite.upload(cls.key, cls.config)

    def roles(self):
        for logical in ("CodebuildRole", "CodepipelineRole", "SagemakerRole"):
            yield logical, self.product[logical]

    def test_no_role_of_the_product_reaches_the_suites_bucket(self, subtests):
        for logical, name in self.roles():
            with subtests.test(logical):
                s3 = session(name, "s3")
                self.denied_every_key(s3)
                self.denied("a config that is there", s3.get_object, Bucket=suite.bucket(), Key=self.key)
                self.denied(
                    "a copy of a config",
                    s3.copy_object,
                    Bucket=self.product["ArtifactsBucket"],
                    Key="config",
                    CopySource={"Bucket": suite.bucket(), "Key": self.key},
                )

    def test_its_roles_go_on_with_the_products_own_bucket(self, subtests):
        for logical, name in self.roles():
            with subtests.test(logical):
                s3, bucket = session(name, "s3"), self.product["ArtifactsBucket"]
                s3.put_object(Bucket=bucket, Key="models/m.tar.gz", Body=b"model")
                assert s3.get_object(Bucket=bucket, Key="models/m.tar.gz")["Body"].read() == b"model"

    def test_every_role_has_the_suites_boundary(self):
        boundary = resources(suite.setting("MLP_STACK"))["ProductBoundary"]
        for logical, name in self.roles():
            found = suite.client("iam").get_role(RoleName=name)["Role"]
            assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary, logical

    def test_its_roles_reach_nothing_of_others_either(self):
        """Within the boundary: the bucket of another team, a secret of another team, and roles."""
        other = "team-" + uuid.uuid4().hex[:12]
        suite.client("s3").create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
        suite.client("s3").put_object(Bucket=other, Key="k", Body=b"theirs")
        suite.client("ssm").put_parameter(Name=f"/{other}/password", Value="hunter2", Type="String")
        name = self.product["CodebuildRole"]
        s3, ssm, iam = session(name, "s3"), session(name, "ssm"), session(name, "iam")
        self.denied("read of another bucket", s3.get_object, Bucket=other, Key="k")
        self.denied("write to another bucket", s3.put_object, Bucket=other, Key="k", Body=b"mine")
        self.denied("parameter of another team", ssm.get_parameter, Name=f"/{other}/password")
        self.denied("no boundary", iam.delete_role_permissions_boundary, RoleName=name)
        self.denied("own tags", iam.tag_role, RoleName=name, Tags=[{"Key": "ml-provisioner:artifacts", "Value": other}])
        own = next(path for path in self.product.values() if path.startswith("/ml/"))
        assert ssm.get_parameter(Name=own)["Parameter"]["Value"]


class TestBucket(Denials):
    """The bucket policy, without any boundary: what remains where somebody makes roles by hand."""

    def test_a_role_that_is_called_like_a_products_is_denied_whatever_it_may(self):
        for suffix in ("-ml-codebuild-role", "-0bd4d1-ml-sagemaker-role", "-ml-codepipeline-role"):
            name = role("t" + uuid.uuid4().hex[:12] + suffix, EVERYTHING)
            self.denied_every_key(session(name, "s3"))

    def test_so_is_a_role_of_any_name_with_a_products_tag(self):
        name = role("t" + uuid.uuid4().hex[:12], EVERYTHING, {"ml-provisioner:product": "x-ml"})
        self.denied_every_key(session(name, "s3"))

    def test_an_administrator_writes_configs_and_rules_but_no_outputs(self):
        name = role("admin-" + uuid.uuid4().hex[:12], EVERYTHING)
        s3, bucket, mark = session(name, "s3"), suite.bucket(), uuid.uuid4().hex
        s3.put_object(Bucket=bucket, Key=f"configs/{mark}.txt", Body=b"")
        s3.delete_object(Bucket=bucket, Key=f"configs/{mark}.txt")
        for key in (*OUTPUTS, *PENDING):
            self.denied(f"write {key}", s3.put_object, Bucket=bucket, Key=key, Body=EVIL)
            self.denied(f"delete {key}", s3.delete_object, Bucket=bucket, Key=key)
            self.denied(f"tag {key}", s3.put_object_tagging, Bucket=bucket, Key=key, Tagging={"TagSet": []})
        self.denied("a response URL", s3.get_object, Bucket=bucket, Key="pending/requests/x/y.json")
        assert s3.get_bucket_policy(Bucket=bucket)["Policy"]


class TestSuite(Denials):
    """The suite's own roles: what an attacker gets that takes over a function or a stack."""

    @classmethod
    def setup_class(cls):
        cls.own = resources(suite.setting("MLP_STACK"))

    def test_the_deploy_function_creates_change_sets_of_its_own_templates_alone(self):
        cloudformation = session(self.own["DeployRole"], "cloudformation")
        endpoint, bucket = suite.setting("AWS_ENDPOINT_URL"), suite.bucket()
        role_arn = suite.client("iam").get_role(RoleName=self.own["ServiceRole"])["Role"]["Arn"]
        given = {"StackName": f"t{uuid.uuid4().hex[:12]}-ml-stack", "ChangeSetName": "c", "ChangeSetType": "CREATE"}
        for what, more in (
            ("a config", {"RoleARN": role_arn, "TemplateURL": f"{endpoint}/{bucket}/configs/x.yaml"}),
            ("another bucket", {"RoleARN": role_arn, "TemplateURL": f"{endpoint}/other/deployments/templates/x.yaml"}),
            ("a text", {"RoleARN": role_arn, "TemplateBody": EVIL.decode()}),
            ("no service role", {"TemplateURL": f"{endpoint}/{bucket}/{TEMPLATE}"}),
            (
                "a stack of others",
                {"StackName": "payments-stack", "RoleARN": role_arn, "TemplateURL": f"{endpoint}/{bucket}/{TEMPLATE}"},
            ),
        ):
            self.denied(what, cloudformation.create_change_set, **{**given, **more})

    def test_the_service_role_creates_no_role_without_the_boundary(self):
        iam, boundary = session(self.own["ServiceRole"], "iam"), self.own["ProductBoundary"]
        name = f"t{uuid.uuid4().hex[:12]}-ml-codebuild-role"
        given = {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(TRUST)}
        self.denied("no boundary", iam.create_role, **given)
        self.denied(
            "another boundary",
            iam.create_role,
            **given,
            PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
        )
        self.denied("another name", iam.create_role, **{**given, "RoleName": "payments"}, PermissionsBoundary=boundary)
        iam.create_role(**given, PermissionsBoundary=boundary)
        self.denied("take it away", iam.delete_role_permissions_boundary, RoleName=name)
        self.denied(
            "exchange it",
            iam.put_role_permissions_boundary,
            RoleName=name,
            PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
        )
        self.denied(
            "attach a right",
            iam.attach_role_policy,
            RoleName=name,
            PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
        )
        self.denied(
            "an inline right",
            iam.put_role_policy,
            RoleName=name,
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": EVERYTHING}),
        )
        # The boundary adds what names of products end in to the other tags.
        self.denied(
            "a tag that names no product",
            iam.tag_role,
            RoleName=name,
            Tags=[{"Key": "ml-provisioner:product", "Value": "payments"}],
        )
        iam.tag_role(RoleName=name, Tags=[{"Key": "ml-provisioner:product", "Value": "x-ml"}])

    def test_the_service_role_changes_no_text_of_the_boundary(self):
        iam, boundary = session(self.own["ServiceRole"], "iam"), self.own["ProductBoundary"]
        text = json.dumps({"Version": "2012-10-17", "Statement": EVERYTHING})
        self.denied("a version", iam.create_policy_version, PolicyArn=boundary, PolicyDocument=text, SetAsDefault=True)
        self.denied("the default", iam.set_default_policy_version, PolicyArn=boundary, VersionId="v1")
        self.denied("deletion", iam.delete_policy, PolicyArn=boundary)

    def test_the_service_role_reads_nothing_of_the_suite(self):
        s3 = session(self.own["ServiceRole"], "s3")
        self.denied("a template", s3.get_object, Bucket=suite.bucket(), Key=TEMPLATE)
        self.denied("the policy", s3.delete_bucket_policy, Bucket=suite.bucket())
