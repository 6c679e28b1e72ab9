"""The limits of AWS's APIs, from botocore's models, over the golden templates and over templates of 200 random configs.

Each resource type's properties are compared with the members of the operation that CloudFormation calls: lengths, patterns,
ranges and choices. What CloudFormation fills in later has a value of the longest usual form. A property that has no member of the
same name is in `OTHER_NAMES`, or the test fails.

Two limits are in no model: IAM counts a policy's characters without white space (quota "Managed policy length", 6,144, which is
in the IAM User Guide and in CreatePolicy's description), and S3 takes bucket names of 3-63 characters.
"""

import concurrent.futures
import functools
import json
import pathlib
import random
import re
import subprocess
import tempfile

import botocore.session
import regex

from mlp_tests import cloudformation
from mlp_tests.paths import MLP, ROOT, TEMPLATES

CONFIGS = 200
SEED = 20261129

# The operation that creates a resource, and the member of its input that holds the properties.
OPERATIONS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "PutMetricAlarm", None),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "PutDashboard", None),
    "AWS::CodeBuild::Project": ("codebuild", "CreateProject", None),
    "AWS::CodeCommit::Repository": ("codecommit", "CreateRepository", None),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "CreatePipeline", "pipeline"),
    "AWS::EC2::SecurityGroup": ("ec2", "CreateSecurityGroup", None),
    "AWS::EC2::VPCEndpoint": ("ec2", "CreateVpcEndpoint", None),
    "AWS::Events::Rule": ("events", "PutRule", None),
    "AWS::IAM::ManagedPolicy": ("iam", "CreatePolicy", None),
    "AWS::IAM::Role": ("iam", "CreateRole", None),
    "AWS::KMS::Alias": ("kms", "CreateAlias", None),
    "AWS::KMS::Key": ("kms", "CreateKey", None),
    "AWS::Logs::LogGroup": ("logs", "CreateLogGroup", None),
    "AWS::Logs::MetricFilter": ("logs", "PutMetricFilter", None),
    "AWS::S3::Bucket": ("s3", "CreateBucket", None),
    "AWS::SNS::Subscription": ("sns", "Subscribe", None),
    "AWS::SNS::Topic": ("sns", "CreateTopic", None),
    "AWS::SSM::Parameter": ("ssm", "PutParameter", None),
    "AWS::SageMaker::ModelPackageGroup": ("sagemaker", "CreateModelPackageGroup", None),
}
# Properties that have another name in the API, or that another operation takes: (operation, member).
OTHER_NAMES = {
    ("AWS::EC2::SecurityGroup", "GroupDescription"): ("CreateSecurityGroup", "Description"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress"): ("AuthorizeSecurityGroupIngress", "IpPermissions"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupEgress"): ("AuthorizeSecurityGroupEgress", "IpPermissions"),
    ("AWS::EC2::VPCEndpoint", "Tags"): ("CreateVpcEndpoint", "TagSpecifications"),
    ("AWS::EC2::SecurityGroup", "Tags"): ("CreateSecurityGroup", "TagSpecifications"),
    ("AWS::Events::Rule", "Targets"): ("PutTargets", "Targets"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): ("CreatePolicy", "PolicyName"),
    ("AWS::IAM::Role", "ManagedPolicyArns"): ("AttachRolePolicy", "PolicyArn"),
    ("AWS::KMS::Key", "Enabled"): ("EnableKey", None),
    ("AWS::KMS::Key", "EnableKeyRotation"): ("EnableKeyRotation", None),
    ("AWS::KMS::Key", "PendingWindowInDays"): ("ScheduleKeyDeletion", "PendingWindowInDays"),
    ("AWS::KMS::Key", "KeyPolicy"): ("CreateKey", "Policy"),
    ("AWS::Logs::LogGroup", "RetentionInDays"): ("PutRetentionPolicy", "retentionInDays"),
    ("AWS::S3::Bucket", "BucketName"): ("CreateBucket", "Bucket"),
    ("AWS::S3::Bucket", "BucketEncryption"): ("PutBucketEncryption", "ServerSideEncryptionConfiguration"),
    ("AWS::S3::Bucket", "LifecycleConfiguration"): ("PutBucketLifecycleConfiguration", "LifecycleConfiguration"),
    ("AWS::S3::Bucket", "OwnershipControls"): ("PutBucketOwnershipControls", "OwnershipControls"),
    ("AWS::S3::Bucket", "PublicAccessBlockConfiguration"): ("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
    ("AWS::S3::Bucket", "Tags"): ("PutBucketTagging", "Tagging"),
    ("AWS::S3::Bucket", "VersioningConfiguration"): ("PutBucketVersioning", "VersioningConfiguration"),
    ("AWS::SNS::Topic", "KmsMasterKeyId"): ("SetTopicAttributes", "AttributeValue"),
    ("AWS::SNS::Topic", "TopicName"): ("CreateTopic", "Name"),
}
# Structures that CloudFormation shapes in its own way; their texts have no limits in the models.
OWN_SHAPES = {"IpPermissionList", "BucketLifecycleConfiguration", "ServerSideEncryptionConfiguration"}

PSEUDO = {"AWS::AccountId": "123456789012", "AWS::StackName": "s" * 128, "AWS::NoValue": None}
DATA_LAKE = "b" * 63
BOUNDARY = "arn:aws:iam::123456789012:policy/mlp-product-boundary-us-west-2"


@functools.cache
def service(name):
    return botocore.session.get_session().get_service_model(name)


class Template:
    """A template with its functions filled in."""

    def __init__(self, text):
        self.template = cloudformation.loads(text)
        made = self.template["Metadata"]["MLProvisioner"]
        region = made["Region"]
        partition = botocore.session.get_session().get_partition_for_region(region)
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        self.values = {**PSEUDO, "AWS::Region": region, "AWS::Partition": partition, "AWS::URLSuffix": suffix}

    def resources(self):
        for logical_id, resource in self.template["Resources"].items():
            yield logical_id, resource["Type"], self.fill(resource["Properties"])

    def ref(self, name):
        if name in self.values:
            return self.values[name]
        parameter = self.template.get("Parameters", {}).get(name)
        if parameter is not None:
            return DATA_LAKE if "SSM" in parameter["Type"] else parameter["Default"] or BOUNDARY
        kind = self.template["Resources"][name]["Type"]
        names = [value for key, value in self.template["Resources"][name]["Properties"].items() if key.endswith("Name")]
        if kind == "AWS::SNS::Topic":
            return self.arn("sns", names[0])
        return names[0] if names and isinstance(names[0], str) else "01234567-89ab-cdef-0123-456789abcdef"

    def arn(self, of, resource):
        return f"arn:{self.values['AWS::Partition']}:{of}:{self.values['AWS::Region']}:123456789012:{resource}"

    def attribute(self, name, attribute):
        if attribute != "Arn":
            return "sg-0a1b2c3d4e5f60718"
        kind = self.template["Resources"][name]["Type"]
        if kind == "AWS::KMS::Key":
            return self.arn("kms", "key/01234567-89ab-cdef-0123-456789abcdef")
        if kind.startswith("AWS::IAM::"):
            return f"arn:{self.values['AWS::Partition']}:iam::123456789012:role/{self.ref(name)}"
        return self.arn(kind.split("::")[1].lower(), self.ref(name))

    def fill(self, value):
        if isinstance(value, list):
            filled = [self.fill(item) for item in value]
            return [item for item in filled if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self.ref(argument)
            if key == "Fn::GetAtt":
                return self.attribute(*argument)
            if key == "Fn::Sub":
                return self.sub(argument)
            if key == "Fn::If":
                return self.fill(argument[1])
            if key == "Fn::Join":
                return argument[0].join(map(str, self.fill(argument[1])))
            if key == "Fn::Select":
                return "x"
            if key == "Fn::Split":
                return ["x"]
            assert not key.startswith("Fn::"), f"no value for {key}"
        filled = {key: self.fill(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item is not None}

    def sub(self, argument):
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def part(match):
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(self.fill(variables[name]))
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]*)\}", part, text)


def size(document):
    """The characters that IAM counts."""
    return sum(not c.isspace() for c in json.dumps(document, separators=(",", ":"), ensure_ascii=False))


@functools.cache
def pattern(text):
    # botocore has AWS's Java patterns; `regex` knows their classes.
    return regex.compile(text)


class Checker:
    """Compares values with the shapes of a service's model."""

    def __init__(self):
        self.problems = []
        self.compared = set()

    def problem(self, where, text):
        self.problems.append(f"{where}: {text}")

    def shape(self, where, shape, value):
        if shape.type_name == "structure" and isinstance(value, dict):
            self.structure(where, shape, value)
        elif shape.type_name == "list":
            self.range(where, shape, len(value) if isinstance(value, list) else 1, "entries")
            for index, item in enumerate(value if isinstance(value, list) else [value]):
                self.shape(f"{where}[{index}]", shape.member, item)
        elif shape.type_name == "map" and isinstance(value, dict):
            for key, item in value.items():
                self.shape(f"{where} key {key}", shape.key, key)
                self.shape(f"{where}.{key}", shape.value, item)
        elif shape.type_name == "string":
            self.text(where, shape, value)
        elif shape.type_name in ("integer", "long") and not isinstance(value, (dict, list)):
            self.range(where, shape, int(value), "")
            self.compared.add(where.split(": ")[-1])

    def structure(self, where, shape, value):
        members = {name.lower(): member for name, member in shape.members.items()}
        for key, item in value.items():
            member = members.get(key.lower())
            if member is None:
                self.problem(where, f"`{key}` is no member of {shape.name}")
            else:
                self.shape(f"{where}.{key}", member, item)

    def text(self, where, shape, value):
        if isinstance(value, (dict, list)):
            value = json.dumps(value, separators=(",", ":"))
        value = str(value).lower() if isinstance(value, bool) else str(value)
        self.compared.add(where.split(": ")[-1])
        self.range(where, shape, len(value), "characters")
        wanted = shape.metadata.get("pattern")
        if wanted and not pattern(wanted).fullmatch(value):
            self.problem(where, f"{value[:80]!r} doesn't match {wanted}")
        choices = shape.metadata.get("enum")
        if choices and value not in choices:
            self.problem(where, f"{value!r} is none of {choices}")

    def range(self, where, shape, number, unit):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if (least is not None and number < least) or (most is not None and number > most):
            self.problem(where, f"{number} {unit}; allowed are {least} to {most}")

    def tags(self, where, shape, tags):
        """Tags in the list or map that a service takes."""
        pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
        self.range(where, shape, len(pairs), "tags")
        if len(pairs) > 50:
            self.problem(where, f"{len(pairs)} tags")
        if shape.type_name == "map":
            key_shape, value_shape = shape.key, shape.value
        else:
            members = shape.member.members
            key_shape = next(member for name, member in members.items() if name.lower().endswith("key"))
            value_shape = next(member for name, member in members.items() if name.lower().endswith("value"))
        for key, value in pairs:
            self.text(f"{where} key {key}", key_shape, key)
            self.text(f"{where}.{key}", value_shape, value)

    def resource(self, where, kind, properties):
        name, operation, member = OPERATIONS[kind]
        model = service(name)
        whole = model.operation_model(operation).input_shape
        own = whole.members[member] if member else whole
        for key, value in properties.items():
            place = f"{where}: {kind}.{key}"
            other = OTHER_NAMES.get((kind, key))
            if other:
                shape = model.operation_model(other[0]).input_shape
                if other[1] is None:
                    continue
                shape = next(it for name, it in shape.members.items() if name.lower() == other[1].lower())
                if shape.name in OWN_SHAPES:
                    continue
            elif key == "Tags":
                shape = next(it for name, it in whole.members.items() if name.lower() == "tags")
            else:
                found = [it for name, it in own.members.items() if name.lower() == key.lower()]
                if not found:
                    self.problem(place, f"is no member of {operation}")
                    continue
                shape = found[0]
            if key == "Tags":
                while shape.type_name == "structure" or "TagSpec" in shape.name:
                    inner = shape.member if shape.type_name == "list" else shape
                    shape = next(it for name, it in inner.members.items() if name.lower() in ("tags", "tagset"))
                self.tags(place, shape, value)
            else:
                self.shape(place, shape, value)
        if kind == "AWS::IAM::ManagedPolicy" and size(properties["PolicyDocument"]) > 6144:
            self.problem(where, f"{size(properties['PolicyDocument'])} characters in a managed policy")
        if kind == "AWS::S3::Bucket" and not 3 <= len(properties["BucketName"]) <= 63:
            self.problem(where, "the name of the bucket")

    def template(self, where, text):
        template = Template(text)
        for logical_id, kind, properties in template.resources():
            self.resource(f"{where} {logical_id}", kind, properties)
            if kind == "AWS::S3::Bucket":
                # The deployer gives the config's tags to the stack.
                stack = service("cloudformation").operation_model("CreateChangeSet").input_shape.members["Tags"]
                self.tags(f"{where} the stack: Tags", stack, properties["Tags"])


def word(rng, most, least=2, letters="abcdefghijklmnopqrstuvwxyz0123456789-"):
    length = rng.choice([least, most, rng.randint(least, most)])
    text = rng.choice("abcdefghijkmnoprtuvw") + "".join(rng.choice(letters) for _ in range(length - 2))
    return (text + rng.choice("abcdefghi0123456789"))[:length]


def tag(rng, most):
    letters = "abcXYZ äß日本 0123456789_.:/=+-@"
    length = rng.choice([1, most, rng.randint(1, most)])
    return "t" + "".join(rng.choice(letters) for _ in range(length - 1))


def config(rng, regions):
    """A config that breaks no rule of docs/config.md."""
    tier = rng.choice(["starter", "professional", "enterprise"])
    product = {"use_case": word(rng, 20), "tier": tier, "source_control": rng.choice(["codecommit", "s3"])}
    if product["source_control"] == "s3":
        bucket = word(rng, 63, 3, "abcdefghijklmnopqrstuvwxyz0123456789")
        prefix = "p" * rng.choice([0, 1, 50, 150, 983 if tier == "starter" else 100])
        product["s3_prefix"] = f"{bucket}/{prefix}" if prefix else bucket
    if rng.random() < 0.3:
        product["workload"] = word(rng, 20)
    if rng.random() < 0.2:
        product["product_name_override"] = word(rng, 97, 4) + "-ml"
    if rng.random() < 0.3:
        product["build"] = {
            "timeout_minutes": rng.choice([5, 2160]),
            "privileged_mode": True,
            "privileged_justification": tag(rng, 255),
        }
    if rng.random() < 0.3:
        product["data_lake"] = "/s3/" + "x" * rng.choice([1, 500, 1000])
    if rng.random() < 0.3:
        product["load_balancer"] = "/lb/" + "x" * rng.choice([1, 500, 1000])
    product["retention"] = {"artifact_days": rng.choice([30, 90])}
    if tier == "enterprise":
        product["alerts_email"] = (
            "a" * rng.choice([1, 64]) + "@" + ".".join(["b" * rng.choice([1, 60])] * 2) + ".example"
        )
        product["retention"]["log_days"] = rng.choice([90, 365, 3653])
        direct = rng.random() < 0.5
        product["vpc_integration"] = {
            "mode": "standalone",
            "endpoint_ingress_cidr": rng.choice(["10.0.0.0/8", "0.0.0.0/0", "192.168.4.4/32"]),
            **(
                {"vpc_source": "direct", "vpc_id": "vpc-0a1b2c3d4e5f60718", "subnet_ids": ["subnet-0123456789abcdef0"]}
                if direct
                else {
                    "vpc_source": "parameter-store",
                    "vpc_parameter_store_path": "/vpc/VPCId",
                    "subnet_parameter_store_path": "/vpc/Subnets",
                }
            ),
        }
    tags = {"cost_center": "a", "project": "b", "owner": "c"}
    for number in range(rng.choice([0, 3, 33])):
        tags[f"{number:02}{tag(rng, 125)}"] = tag(rng, 255)
    return {
        "client": {
            "company_name": tag(rng, 100),
            "company_prefix": word(rng, 20),
            "account_id": "".join(rng.choice("0123456789") for _ in range(12)),
            "tenant_id": word(rng, 8, 2, "abc0123456789"),
        },
        "environment": {
            "env": rng.choice(["dev", "test", "staging", "prod"]),
            "region": rng.choice(regions),
            "multi_region": rng.random() < 0.3,
        },
        "ml_product": product,
        "tags": tags,
    }


# What a random config may be refused for: names that AWS reserves or that are another product's, and policies that are too big.
REFUSALS = {"MLP-CFG-020", "MLP-CFG-022", "MLP-TPL-009"}


def generated(number, document, folder):
    """The outcome of a config, and its template if there is one."""
    folder = folder / str(number)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(document), encoding="utf-8")
    run = [MLP, "create-prov-template", "--config", "config.json", "--out", ".", "--format", "json"]
    done = subprocess.run(run, cwd=folder, capture_output=True, check=False, timeout=120)
    outcome = json.loads(done.stdout)
    text = (folder / outcome["outputs"][0]).read_text(encoding="utf-8") if outcome.get("outputs") else None
    return outcome, text


class TestLimits:
    def test_golden_templates_are_within_every_limit_of_the_apis(self):
        checker = Checker()
        for path in TEMPLATES:
            checker.template(path.stem, path.read_text(encoding="utf-8"))
        assert checker.problems == []
        kinds = {place.split(".")[0] for place in checker.compared}
        assert set(OPERATIONS) <= kinds

    def test_a_template_over_a_limit_is_found(self):
        name = "techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
        text = next(path for path in TEMPLATES if path.name == name).read_text(encoding="utf-8")
        for old, new, wanted in [
            ("project: customer-churn", "project: " + "v" * 257, "257 characters; allowed are"),
            ("Value: customer-churn", "Value: " + "v" * 257, "257 characters; allowed are"),
            ("-ml-model-build", "-ml-model-build" + "x" * 100, "characters; allowed are 1 to 100"),
        ]:
            assert old in text
            checker = Checker()
            checker.template("broken", text.replace(old, new))
            assert wanted in "\n".join(checker.problems)

    def test_random_configs_make_templates_within_every_limit_of_the_apis(self):
        rng = random.Random(SEED)
        schema = json.loads((ROOT / "schemas/config.schema.json").read_text(encoding="utf-8"))
        regions = schema["$defs"]["environment"]["properties"]["region"]["examples"]
        documents = [config(rng, regions) for _ in range(CONFIGS + CONFIGS // 2)]
        checker, good = Checker(), 0
        with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = pool.map(lambda pair: generated(*pair, pathlib.Path(folder)), enumerate(documents))
            for number, (outcome, text) in enumerate(runs):
                if text is None:
                    errors = {it["code"] for it in outcome["findings"] if it["severity"] == "error"}
                    assert errors <= REFUSALS, f"{documents[number]}\n{outcome['findings']}"
                    continue
                good += 1
                checker.template(f"config {number}", text)
                if good == CONFIGS:
                    break
        assert checker.problems[:20] == []
        assert good == CONFIGS
