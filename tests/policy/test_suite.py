"""The policies of the suite itself, in infra/template.yaml, against what AWS says of its actions (`aws.py`).

Every pattern is held against the real names of the golden templates' resources: a role that may do the right things to the
wrong names can do nothing.
"""

import collections
import fnmatch
import json
import pathlib
import re
import unittest

from cfnlint.decode.cfn_yaml import loads

from aws import (
    AWS,
    EXCEPTIONS,
    GOLDEN,
    MAX_SIZE,
    action,
    golden_templates,
    handlers,
    is_of_type,
    listed,
    matched,
    meant,
    resource_types,
    size,
    useless,
)

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "infra/template.yaml"
ACCOUNT, REGION = "123456789012", "us-west-2"
PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "ml-provisioner",
    "Name": f"mlp-{ACCOUNT}-{REGION}",
    "StateMachineName": "MLProvisionerDeploy",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "ServiceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cloudformation-for-products",
    # As the template's default says.
    "ParameterPaths": ["/vpc/*", "/sg/*", "/s3/*", "/lb/*", "/ml/*"],
}
# What `Ref` or `GetAtt Arn` gives for a resource of the suite.
ARNS = {
    "AWS::Serverless::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::Serverless::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
}
# The service and the resource type in the data set, for the product's types that have a name of our choice.
KINDS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "dashboard"),
    "AWS::CodeBuild::Project": ("codebuild", "project"),
    "AWS::CodeCommit::Repository": ("codecommit", "repository"),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "pipeline"),
    "AWS::Events::Rule": ("events", "rule-on-default-event-bus"),
    "AWS::IAM::ManagedPolicy": ("iam", "policy"),
    "AWS::IAM::Role": ("iam", "role"),
    "AWS::KMS::Alias": ("kms", "alias"),
    "AWS::Logs::LogGroup": ("logs", "log-group"),
    "AWS::S3::Bucket": ("s3", "bucket"),
    "AWS::SNS::Topic": ("sns", "topic"),
    "AWS::SSM::Parameter": ("ssm", "parameter"),
    "AWS::SageMaker::ModelPackageGroup": ("sagemaker", "model-package-group"),
}


def resolved(value, resources):
    """A value of the template as CloudFormation would make it; all branches of a condition, as a list."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [item for it in value for item in listed(resolved(it, resources)) if item is not None]
    (function, argument), *others = value.items()
    if not others and function == "Fn::If":
        branches = [resolved(it, resources) for it in argument[1:]]
        return [branch for branch in branches if branch is not None]
    if not others and function == "Ref":
        return None if argument == "AWS::NoValue" else named(argument, resources)
    if not others and function == "Fn::GetAtt":
        return named(argument if isinstance(argument, str) else argument[0], resources)
    if not others and function == "Fn::Join":
        return str(argument[0]).join(listed(resolved(argument[1], resources)))
    if not others and function == "Fn::Split":
        return resolved(argument[1], resources).split(argument[0])
    if not others and function == "Fn::Sub":
        text, own = (argument, {}) if isinstance(argument, str) else argument
        values = {key: resolved(it, resources) for key, it in own.items() if key not in PARAMETERS}
        return re.sub(
            r"\$\{([^}]+)\}", lambda match: values.get(match[1]) or named(match[1], resources), str(text)
        )
    return {str(key): resolved(it, resources) for key, it in value.items()}


def named(name, resources):
    name = name.removesuffix(".Arn")
    if name in PARAMETERS:
        return PARAMETERS[name]
    resource = resources[name]
    return ARNS[resource["Type"]].format(name)


def arn_of(kind, name):
    """The ARN of a product's resource."""
    service, resource = KINDS[kind]
    raw = AWS[service]["resources"][resource]["arn"]
    raw = raw.replace("${Partition}", "aws").replace("${Region}", REGION).replace("${Account}", ACCOUNT)
    # Names of parameters and aliases bring the separator with them.
    return re.sub(r"\$\{[^}]*\}", name.removeprefix("/").removeprefix("alias/"), raw)


def written(kind):
    """The actions that the golden policies of a kind are meant to grant."""
    paths = [path for path in (GOLDEN / "policies").glob(f"*-{kind}*.json")]
    statements = [it for path in paths for it in json.loads(path.read_text(encoding="utf-8"))["Statement"]]
    return {name for it in statements for pattern in listed(it["Action"]) for name in meant(pattern)}


def policies_of(resources):
    """Role to its policies, each a name and its statements."""
    roles = collections.defaultdict(dict)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            for role in resource["Properties"]["Roles"]:
                document = resolved(resource["Properties"]["PolicyDocument"], resources)
                roles[role["Ref"]][name] = document["Statement"]
    return roles


def holds(condition, context):
    """Whether a request with these keys meets a condition. Any other operator than StringEquals ends the test."""
    for operator, keys in condition.items():
        if operator != "StringEquals":
            raise AssertionError(f"the test can't evaluate {operator}")
        if not all(context.get(key) in listed(value) for key, value in keys.items()):
            return False
    return True


class Suite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = loads(TEMPLATE.read_text(encoding="utf-8"))
        cls.resources = cls.template["Resources"]
        cls.roles = policies_of(cls.resources)
        cls.templates = golden_templates()
        cls.identities = collections.defaultdict(set)
        for line in (GOLDEN / "identities.txt").read_text(encoding="utf-8").splitlines():
            _, _, kind, name = line.split(" | ")
            # The names of other partitions' products belong to suites there, and follow the same patterns.
            if kind in KINDS and name != "-":
                cls.identities[kind].add(name)

    def statements(self):
        for role, policies in self.roles.items():
            for policy, statements in policies.items():
                for statement in statements:
                    yield f"{policy}: {statement['Sid']}", role, statement

    def allows(self, role, name, arn):
        """Whether a role may do something to a resource, conditions apart."""
        return any(
            name in matched(pattern) and any(fnmatch.fnmatchcase(arn, it) for it in listed(statement["Resource"]))
            for statements in self.roles[role].values()
            for statement in statements
            for pattern in listed(statement["Action"])
        )

    def test_every_role_has_its_policies_and_none_inline(self):
        roles = {name for name, it in self.resources.items() if it["Type"] == "AWS::IAM::Role"}
        self.assertGreaterEqual(len(roles), 10)
        self.assertEqual(set(self.roles), roles)
        for name in roles:
            self.assertNotIn("Policies", self.resources[name]["Properties"], name)

    def test_every_document_fits_into_a_managed_policy(self):
        for policies in self.roles.values():
            for policy, statements in policies.items():
                document = {"Version": "2012-10-17", "Statement": statements}
                self.assertLessEqual(size(document), MAX_SIZE, policy)

    def test_sids_are_used_once(self):
        for policies in self.roles.values():
            for policy, statements in policies.items():
                sids = [statement["Sid"] for statement in statements]
                self.assertEqual(len(sids), len(set(sids)), policy)

    def test_every_action_exists(self):
        for where, _, statement in self.statements():
            for pattern in listed(statement["Action"]):
                self.assertTrue(matched(pattern), f"{where}: {pattern} matches no action of AWS")

    def test_every_action_takes_the_resources_that_it_is_scoped_to(self):
        for where, _, statement in self.statements():
            # A log group's Arn ends in `:*`, which stands for its streams.
            resources = [re.sub(r"(:log-group:[^:]+):\*$", r"\1:log-stream:*", it) for it in listed(statement["Resource"])]
            if resources == ["*"]:
                continue
            effective = set()
            for pattern in listed(statement["Action"]):
                on = set()
                for name in matched(pattern):
                    kinds = set(resource_types(name))
                    lagging = EXCEPTIONS["data_set_lags"].get(name)
                    kinds |= {lagging["resource"]} if lagging else set()
                    service = name.partition(":")[0]
                    on |= {arn for arn in resources if any(is_of_type(arn, service, kind) for kind in kinds)}
                self.assertTrue(on, f"{where}: {pattern} takes none of {resources}")
                effective |= on
            self.assertEqual(set(resources) - effective, set(), f"{where}: no action takes these")

    def test_what_can_be_scoped_is_scoped_and_the_rest_is_bounded(self):
        unscoped = set()
        for where, _, statement in self.statements():
            if listed(statement["Resource"]) == ["*"]:
                self.assertIn("Condition", statement, where)
                for pattern in listed(statement["Action"]):
                    if "*" not in pattern:
                        unscoped |= {pattern} if resource_types(pattern) else set()
                        continue
                    # Beside the calls that it is for, a pattern may match others that only look.
                    levels = {action(name)["access_level"] for name in matched(pattern)}
                    self.assertLessEqual(levels, {"Read", "List"}, f"{where}: {pattern}")
        self.assertEqual(unscoped, set(EXCEPTIONS["suite_unscoped"]))

    def test_every_condition_key_means_something_to_its_actions(self):
        for where, _, statement in self.statements():
            names = {name for pattern in listed(statement["Action"]) for name in matched(pattern)}
            self.assertEqual(list(useless(statement, names)), [], where)

    def test_what_an_action_depends_on_is_granted_too(self):
        missing = set()
        for _, role, statement in self.statements():
            for pattern in listed(statement["Action"]):
                for name in matched(pattern):
                    for it in action(name)["resource_types"].values():
                        needed = [other for other in it["dependent_actions"] if not self.grants(role, other)]
                        missing |= {f"{role} {name} {other}" for other in needed}
        self.assertEqual(missing, set(EXCEPTIONS["suite_independent"]))

    def grants(self, role, name):
        return any(
            name in matched(pattern)
            for statements in self.roles[role].values()
            for statement in statements
            for pattern in listed(statement["Action"])
        )

    def needed(self, wanted):
        """Type and action for everything that CloudFormation calls in some handlers of the products' types."""
        kinds = {str(it["Type"]) for template in self.templates.values() for it in template["Resources"].values()}
        for kind in sorted(kinds):
            for name, needing in handlers(kind).items():
                if needing & wanted and name not in EXCEPTIONS["never_triggered"].get(kind, {}):
                    yield kind, name

    def test_the_service_role_may_do_what_every_handler_asks_for(self):
        needed = self.needed({"create", "read", "update", "delete", "tag", "by hand"})
        missing = [(kind, name) for kind, name in needed if not self.grants("ServiceRole", name)]
        self.assertEqual(missing, [])

    def test_the_service_role_may_do_whatever_the_policies_of_single_products_grant(self):
        missing = {name for name in written("service-role-policy") if not self.grants("ServiceRole", name)}
        self.assertEqual(missing, set())

    def test_the_functions_may_do_with_stacks_what_an_operator_may(self):
        stacks = {name for name in written("stack-operator-policy") if name.startswith("cloudformation:")}
        missing = {name for name in stacks if not any(self.grants(it, name) for it in ("DeployRole", "DriftRole"))}
        self.assertEqual(missing, set(EXCEPTIONS["operators_only"]))

    def test_the_drift_function_may_read_whatever_a_detection_reads(self):
        missing = {name for _, name in self.needed({"read"}) if not self.grants("DriftRole", name)}
        self.assertEqual(missing, set(EXCEPTIONS["drift_unread"]))

    def test_patterns_are_those_of_the_products_real_names(self):
        for role, wanted in (
            ("ServiceRole", {"create", "read", "update", "delete", "tag", "by hand"}),
            ("DriftRole", {"read"}),
        ):
            for kind, name in self.needed(wanted):
                if kind not in KINDS or not self.grants(role, name):
                    continue
                service, resource = KINDS[kind]
                known = set(resource_types(name)) | {EXCEPTIONS["data_set_lags"].get(name, {}).get("resource")}
                if not name.startswith(f"{service}:") or resource not in known:
                    continue
                for physical in self.identities[kind]:
                    arn = arn_of(kind, physical)
                    self.assertTrue(self.allows(role, name, arn), f"{role}: {name} on {arn}")

    def test_the_deploy_function_may_empty_and_look_at_what_products_publish(self):
        for name in self.identities["AWS::S3::Bucket"]:
            bucket = f"arn:aws:s3:::{name}"
            self.assertTrue(self.allows("DeployRole", "s3:ListBucketVersions", bucket), name)
            self.assertTrue(self.allows("DeployRole", "s3:DeleteObjectVersion", f"{bucket}/key"), name)
        for name in self.identities["AWS::SSM::Parameter"]:
            self.assertTrue(self.allows("DeployRole", "ssm:GetParameters", arn_of("AWS::SSM::Parameter", name)), name)

    def may_read(self, roles, role, path, account=ACCOUNT, region=REGION):
        """Whether a role may read an SSM parameter, conditions evaluated."""
        arn = f"arn:aws:ssm:{region}:{account}:parameter{path}"
        context = {"aws:ResourceAccount": account, "aws:RequestedRegion": region}
        return any(
            fnmatch.fnmatchcase(arn, pattern) and holds(statement.get("Condition", {}), context)
            for statements in roles[role].values()
            for statement in statements
            if any("ssm:GetParameters" in matched(action) for action in listed(statement["Action"]))
            for pattern in listed(statement["Resource"])
        )

    def test_values_can_be_read_below_the_parameter_paths_of_this_account_and_region_only(self):
        default = self.template["Parameters"]["ParameterPaths"]["Default"].split(",")
        self.assertEqual(PARAMETERS["ParameterPaths"], default)
        for role in ("MacroRole", "DeployRole", "ServiceRole"):
            for pattern in default:
                self.assertTrue(self.may_read(self.roles, role, pattern.replace("*", "a/b")), f"{role}: {pattern}")
            for path in ("/billing/db/password", "/vpc", "/vpcs/a", "/app/vpc/a"):
                self.assertFalse(self.may_read(self.roles, role, path), f"{role}: {path}")
            self.assertFalse(self.may_read(self.roles, role, "/vpc/a", account="999999999999"), role)
            self.assertFalse(self.may_read(self.roles, role, "/s3/a", region="eu-west-1"), role)

    def test_other_parameter_paths_are_the_only_ones_and_published_values_stay_readable(self):
        before = PARAMETERS["ParameterPaths"]
        PARAMETERS["ParameterPaths"] = ["/net/*/id", "/lakes/*"]
        self.addCleanup(PARAMETERS.update, ParameterPaths=before)
        roles = policies_of(self.resources)
        for role in ("MacroRole", "DeployRole", "ServiceRole"):
            self.assertTrue(self.may_read(roles, role, "/net/main/id"), role)
            self.assertTrue(self.may_read(roles, role, "/lakes/one"), role)
            self.assertFalse(self.may_read(roles, role, "/vpc/main/VPCId"), role)
        for role in ("DeployRole", "ServiceRole"):
            self.assertTrue(self.may_read(roles, role, "/ml/product/BucketName"), role)
        self.assertFalse(self.may_read(roles, "MacroRole", "/ml/product/BucketName"))

    def test_conditions_on_tags_are_about_the_tag_that_products_have(self):
        keys = {
            key
            for _, _, statement in self.statements()
            for keys in statement.get("Condition", {}).values()
            for key in keys
            if "Tag/" in key
        }
        self.assertEqual(keys, {"aws:RequestTag/ManagedBy", "aws:ResourceTag/ManagedBy"})


if __name__ == "__main__":
    unittest.main()
