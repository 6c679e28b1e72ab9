"""Requests with the answer that AWS documents: what the evaluator is held against, and other evaluators with it.

Sources, by section: IAM User Guide, "Condition operators" (1, 3, 5, 7), "Multivalued context keys" (6), "Variables and tags"
(4), "NotAction", "NotResource" and "Resource" (8), "Permissions boundaries" and "Policy evaluation logic" (2, 9, 11); EC2
User Guide, "Grant permission to tag resources during creation", KMS Developer Guide, "Key policies", and the Service
Authorization Reference (10).
"""

ACCOUNT, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/dev"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/s1"
ALLOWED, IMPLICIT, EXPLICIT = "Allowed", "ImplicitlyDenied", "ExplicitlyDenied"
TAG = "aws:PrincipalTag/ml-provisioner:product"
VARIABLE = f"${{{TAG}}}"
CASES: list[dict] = []


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect, action, resource="*", condition=None, **more):
    found = {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition}
    return {key: it for key, it in {**found, **more}.items() if it is not None}


ALL = policy(statement("Allow", "*"))
OBJECT = "arn:aws:s3:::art-bkt/churn/model.tar.gz"


def case(
    name,
    want,
    action,
    resource,
    identity=(ALL,),
    boundary=None,
    of_resource=None,
    keys=None,
    principal=SESSION,
    account=ACCOUNT,
):
    own = {} if principal.endswith(".amazonaws.com") else {"aws:PrincipalArn": ROLE, "aws:PrincipalAccount": ACCOUNT}
    CASES.append(
        {
            "name": name,
            "want": want,
            "principal": principal,
            "action": action,
            "resource": resource,
            "account": account,
            "identity": list(identity),
            "boundary": boundary,
            "resource_policy": of_resource,
            "context": {**own, **(keys or {})},
        }
    )


def condition(name, want, block, keys=None, effect="Allow", action="kms:CreateKey", resource="*"):
    """A request with one condition: of the only Allow, or of a Deny beside an Allow of everything."""
    own = policy(statement(effect, action, "*", block))
    case(name, want, action, resource, [own] if effect == "Allow" else [ALL, own], keys=keys)


# 1 Tags of the request
TAGGED = {"StringEquals": {"aws:RequestTag/ml-provisioner:product": "churn"}}
condition("1a RequestTag equal", ALLOWED, TAGGED, {"aws:RequestTag/ml-provisioner:product": "churn"})
condition("1b RequestTag other", IMPLICIT, TAGGED, {"aws:RequestTag/ml-provisioner:product": "fraud"})
condition("1c RequestTag missing", IMPLICIT, TAGGED)
condition(
    "1d value list is OR",
    ALLOWED,
    {"StringEquals": {"aws:RequestTag/env": ["dev", "prod"]}},
    {"aws:RequestTag/env": "prod"},
)
condition(
    "1e keys are AND",
    IMPLICIT,
    {"StringEquals": {"aws:RequestTag/env": "dev", "aws:RequestTag/x": "y"}},
    {"aws:RequestTag/env": "dev"},
)
condition("1f value case matters", IMPLICIT, TAGGED, {"aws:RequestTag/ml-provisioner:product": "Churn"})
condition(
    "1g key name case does not matter",
    ALLOWED,
    {"StringEquals": {"AWS:requestTag/env": "dev"}},
    {"aws:RequestTag/env": "dev"},
)

# 2 Permissions boundaries
GET, PUT = "s3:GetObject", "s3:PutObject"
READS = policy(statement("Allow", "s3:Get*", "arn:aws:s3:::art-bkt/*"))
case("2a both allow", ALLOWED, GET, OBJECT, boundary=READS)
case("2b boundary lacks it", IMPLICIT, PUT, OBJECT, boundary=READS)
case("2c only boundary allows", IMPLICIT, GET, OBJECT, identity=[], boundary=ALL)
case("2d boundary with nothing that matches", IMPLICIT, GET, OBJECT, boundary=policy(statement("Allow", "ec2:*")))
case(
    "2e boundary condition fails",
    IMPLICIT,
    GET,
    OBJECT,
    boundary=policy(statement("Allow", "s3:*", "*", {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})),
    keys={"aws:RequestedRegion": "us-east-1"},
)

# 3 Roles by ARN
LISTED_ROLES = policy(
    statement(
        "Deny",
        "s3:*",
        ["arn:aws:s3:::art-bkt", "arn:aws:s3:::art-bkt/*"],
        {
            "ArnNotLike": {
                "aws:PrincipalArn": [f"arn:aws:iam::{ACCOUNT}:role/dev", f"arn:aws:iam::{ACCOUNT}:role/mlp-*"]
            }
        },
        Principal="*",
    )
)
case("3a listed role", ALLOWED, GET, OBJECT, of_resource=LISTED_ROLES)
case(
    "3b other role",
    EXPLICIT,
    GET,
    OBJECT,
    of_resource=LISTED_ROLES,
    keys={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/other"},
    principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/other/s1",
)
case(
    "3c wildcard entry",
    ALLOWED,
    GET,
    OBJECT,
    of_resource=LISTED_ROLES,
    keys={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/mlp-x"},
    principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/mlp-x/s1",
)
condition(
    "3d ArnNotLike, key missing, Deny", EXPLICIT, {"ArnNotLike": {"aws:SourceArn": "arn:aws:sns:*:*:x"}}, effect="Deny"
)
condition(
    "3e ArnLike compares the six parts one by one", IMPLICIT, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam*:role/dev"}}
)
condition(
    "3f ArnLike * within a part only",
    IMPLICIT,
    {"ArnLike": {"aws:SourceArn": "arn:aws:*:r:111111111111:x"}},
    {"aws:SourceArn": "arn:aws:sns:us-east-1:r:111111111111:x"},
)
condition(
    "3g ArnEquals takes wildcards as ArnLike",
    ALLOWED,
    {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/d*"}},
)
condition("3h StringLike crosses parts", ALLOWED, {"StringLike": {"aws:PrincipalArn": "arn:aws:iam*:role/dev"}})
condition("3i StringEquals: * is literal", IMPLICIT, {"StringEquals": {"aws:PrincipalArn": "arn:*"}})

# 4 Policy variables
BY_TAG = policy(statement("Allow", GET, f"arn:aws:s3:::art-bkt/{VARIABLE}/*"))
case("4a tag equal", ALLOWED, GET, OBJECT, [BY_TAG], keys={TAG: "churn"})
case("4b tag other", IMPLICIT, GET, OBJECT, [BY_TAG], keys={TAG: "fraud"})
case("4c tag missing", IMPLICIT, GET, OBJECT, [BY_TAG])
case("4d tag value * is literal", IMPLICIT, GET, OBJECT, [BY_TAG], keys={TAG: "*"})
case(
    "4e default value used",
    ALLOWED,
    GET,
    OBJECT,
    [policy(statement("Allow", GET, "arn:aws:s3:::art-bkt/${aws:PrincipalTag/ml-provisioner:product, 'churn'}/*"))],
)
case("4f Version 2008: literal", IMPLICIT, GET, OBJECT, [{**BY_TAG, "Version": "2008-10-17"}], keys={TAG: "churn"})
SAME_TAG = {"StringEquals": {"aws:RequestTag/ml-provisioner:product": VARIABLE}}
condition(
    "4g var in condition equal", ALLOWED, SAME_TAG, {"aws:RequestTag/ml-provisioner:product": "churn", TAG: "churn"}
)
condition(
    "4h var in condition, principal tag missing", IMPLICIT, SAME_TAG, {"aws:RequestTag/ml-provisioner:product": "churn"}
)
condition("4i both missing", IMPLICIT, SAME_TAG)
OTHER_TAG = {"StringNotEquals": {"aws:RequestTag/ml-provisioner:product": VARIABLE}}
condition(
    "4j Deny StringNotEquals var equal",
    ALLOWED,
    OTHER_TAG,
    {"aws:RequestTag/ml-provisioner:product": "churn", TAG: "churn"},
    "Deny",
)
condition(
    "4k Deny StringNotEquals, var missing (null matches)",
    EXPLICIT,
    OTHER_TAG,
    {"aws:RequestTag/ml-provisioner:product": "churn"},
    "Deny",
)
condition("4l Deny StringNotEquals, key missing", EXPLICIT, OTHER_TAG, {TAG: "churn"}, "Deny")
condition(
    "4m Deny StringNotLike, var missing",
    EXPLICIT,
    {"StringNotLike": {"aws:RequestTag/a": "${aws:PrincipalTag/a}-*"}},
    {"aws:RequestTag/a": "x-1"},
    "Deny",
)
condition(
    "4n Deny ArnNotLike, var missing",
    EXPLICIT,
    {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/${aws:PrincipalTag/a}-*"}},
    None,
    "Deny",
)
condition("4o literal ${*}", ALLOWED, {"StringLike": {"aws:RequestTag/a": "x${*}"}}, {"aws:RequestTag/a": "x*"})
condition(
    "4p literal ${*} does not match",
    IMPLICIT,
    {"StringLike": {"aws:RequestTag/a": "x${*}"}},
    {"aws:RequestTag/a": "xy"},
)
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:churn-alerts"
case(
    "4q var leads an ARN's last part (sns)",
    ALLOWED,
    "sns:Publish",
    TOPIC,
    [policy(statement("Allow", "sns:Publish", f"arn:aws:sns:*:{ACCOUNT}:{VARIABLE}-*"))],
    keys={TAG: "churn"},
)
case(
    "4r same for codecommit",
    ALLOWED,
    "codecommit:GitPull",
    f"arn:aws:codecommit:us-east-1:{ACCOUNT}:churn-build",
    [policy(statement("Allow", "codecommit:GitPull", f"arn:aws:codecommit:us-east-1:{ACCOUNT}:{VARIABLE}-build"))],
    keys={TAG: "churn"},
)
case(
    "4s var after type/",
    ALLOWED,
    "sagemaker:DescribeEndpoint",
    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/churn-e",
    [policy(statement("Allow", "sagemaker:*", f"arn:aws:sagemaker:*:*:endpoint/{VARIABLE}-*"))],
    keys={TAG: "churn"},
)
case(
    "4t Deny on sns var resource",
    EXPLICIT,
    "sns:Publish",
    TOPIC,
    [ALL, policy(statement("Deny", "sns:Publish", f"arn:aws:sns:*:{ACCOUNT}:{VARIABLE}-*"))],
    keys={TAG: "churn"},
)
# 5 Null
condition("5a Null true, missing", ALLOWED, {"Null": {"aws:RequestTag/a": "true"}})
condition("5b Null true, present", IMPLICIT, {"Null": {"aws:RequestTag/a": "true"}}, {"aws:RequestTag/a": "x"})
condition("5c Null false, present", ALLOWED, {"Null": {"aws:RequestTag/a": "false"}}, {"aws:RequestTag/a": "x"})
condition("5d Null false, missing", IMPLICIT, {"Null": {"aws:RequestTag/a": "false"}})
condition("5e Null with JSON true", ALLOWED, {"Null": {"aws:RequestTag/a": True}})

# 6 Keys of several values
VIA_CLOUDFORMATION = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
condition(
    "6a CalledVia one of two",
    ALLOWED,
    VIA_CLOUDFORMATION,
    {"aws:CalledVia": ["athena.amazonaws.com", "cloudformation.amazonaws.com"]},
)
condition("6b CalledVia other", IMPLICIT, VIA_CLOUDFORMATION, {"aws:CalledVia": ["athena.amazonaws.com"]})
condition("6c CalledVia missing", IMPLICIT, VIA_CLOUDFORMATION)
TAG_KEYS = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}
condition("6d TagKeys subset", ALLOWED, TAG_KEYS, {"aws:TagKeys": ["a"]})
condition("6e TagKeys extra", IMPLICIT, TAG_KEYS, {"aws:TagKeys": ["a", "c"]})
condition("6f TagKeys missing: ForAllValues true", ALLOWED, TAG_KEYS)
condition(
    "6g ForAnyValue:StringNotEquals some other",
    EXPLICIT,
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a", "b"]}},
    {"aws:TagKeys": ["a", "c"]},
    "Deny",
)
condition(
    "6h ForAnyValue:StringNotEquals none other",
    ALLOWED,
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a", "b"]}},
    {"aws:TagKeys": ["a", "b"]},
    "Deny",
)
condition(
    "6i ForAnyValue:StringNotEquals missing: no match",
    ALLOWED,
    {"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}},
    None,
    "Deny",
)
condition(
    "6j ForAllValues:StringNotEquals",
    ALLOWED,
    {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["x"]}},
    {"aws:TagKeys": ["a", "b"]},
)
condition(
    "6k ForAnyValue:StringLike",
    ALLOWED,
    {"ForAnyValue:StringLike": {"aws:TagKeys": "ml-*"}},
    {"aws:TagKeys": ["ml-provisioner:product", "z"]},
)
condition(
    "6l ForAllValues:StringLikeIfExists missing", ALLOWED, {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": "ml-*"}}
)

# 7 IfExists, Bool, numbers, dates, addresses
IF_EXISTS = {"StringEqualsIfExists": {"aws:RequestTag/a": "x"}}
condition("7a IfExists missing", ALLOWED, IF_EXISTS)
condition("7b IfExists equal", ALLOWED, IF_EXISTS, {"aws:RequestTag/a": "x"})
condition("7c IfExists other", IMPLICIT, IF_EXISTS, {"aws:RequestTag/a": "y"})
condition(
    "7d Deny StringNotEqualsIfExists missing",
    EXPLICIT,
    {"StringNotEqualsIfExists": {"aws:RequestTag/a": "x"}},
    None,
    "Deny",
)
condition(
    "7e BoolIfExists false missing, Deny",
    EXPLICIT,
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    None,
    "Deny",
)
condition("7f Bool missing", IMPLICIT, {"Bool": {"aws:ViaAWSService": "true"}})
condition(
    "7g Bool JSON false", EXPLICIT, {"Bool": {"aws:SecureTransport": False}}, {"aws:SecureTransport": "false"}, "Deny"
)
condition("7h StringNotEquals missing is true", ALLOWED, {"StringNotEquals": {"aws:RequestTag/a": "x"}})
condition(
    "7i negated list is NOR", IMPLICIT, {"StringNotEquals": {"aws:RequestTag/a": ["x", "y"]}}, {"aws:RequestTag/a": "x"}
)
condition("7j ArnLikeIfExists missing", ALLOWED, {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:sns:*:*:x"}})
condition(
    "7k NumericLessThanIfExists",
    ALLOWED,
    {"NumericLessThanIfExists": {"aws:MultiFactorAuthAge": "3600"}},
    {"aws:MultiFactorAuthAge": "60"},
)
condition(
    "7l NumericLessThan",
    IMPLICIT,
    {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
    {"aws:MultiFactorAuthAge": "9999"},
)
condition(
    "7m DateGreaterThan",
    ALLOWED,
    {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    {"aws:CurrentTime": "2026-11-29T00:00:00Z"},
)
condition("7n IpAddress", ALLOWED, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:SourceIp": "10.1.2.3"})
condition(
    "7o NotIpAddress list",
    IMPLICIT,
    {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}},
    {"aws:SourceIp": "10.1.2.3"},
)
condition(
    "7p StringEqualsIgnoreCase",
    ALLOWED,
    {"StringEqualsIgnoreCase": {"aws:RequestTag/a": "XY"}},
    {"aws:RequestTag/a": "xy"},
)

# 8 NotAction, NotResource, case
case("8a Allow NotAction other", ALLOWED, GET, OBJECT, [policy(statement("Allow", None, NotAction="iam:*"))])
case(
    "8b Allow NotAction hit",
    IMPLICIT,
    "iam:GetRole",
    ROLE,
    [policy(statement("Allow", None, NotAction=["iam:*", "sts:*"]))],
)
case(
    "8c Deny NotAction",
    EXPLICIT,
    PUT,
    OBJECT,
    [ALL, policy(statement("Deny", None, NotAction=["s3:Get*", "s3:List*"]))],
)
case(
    "8d Deny NotAction spares",
    ALLOWED,
    GET,
    OBJECT,
    [ALL, policy(statement("Deny", None, NotAction=["s3:Get*", "s3:List*"]))],
)
case(
    "8e Deny NotResource outside",
    EXPLICIT,
    GET,
    "arn:aws:s3:::other/x",
    [ALL, policy(statement("Deny", "s3:*", None, NotResource=["arn:aws:s3:::art-bkt", "arn:aws:s3:::art-bkt/*"]))],
)
case(
    "8f Deny NotResource inside",
    ALLOWED,
    GET,
    OBJECT,
    [ALL, policy(statement("Deny", "s3:*", None, NotResource=["arn:aws:s3:::art-bkt", "arn:aws:s3:::art-bkt/*"]))],
)
case(
    "8g Allow NotResource",
    IMPLICIT,
    GET,
    OBJECT,
    [policy(statement("Allow", "s3:*", None, NotResource="arn:aws:s3:::art-bkt/*"))],
)
case("8h action case-insensitive", ALLOWED, GET, OBJECT, [policy(statement("Allow", "S3:getobject", OBJECT))])
case(
    "8i resource case matters", IMPLICIT, GET, OBJECT, [policy(statement("Allow", GET, "arn:aws:s3:::art-bkt/Churn/*"))]
)
case("8j action ? and inner *", ALLOWED, GET, OBJECT, [policy(statement("Allow", "s3:Ge?Obj*t"))])

# 9 Explicit denials
NOT_READABLE = policy(statement("Allow", "*"), statement("Deny", "s3:GetObject", "arn:aws:s3:::art-bkt/*"))
case("9a Deny in boundary", EXPLICIT, GET, OBJECT, boundary=NOT_READABLE)
case(
    "9b Deny in boundary beats bucket Allow",
    EXPLICIT,
    GET,
    OBJECT,
    boundary=NOT_READABLE,
    of_resource=policy(statement("Allow", GET, "arn:aws:s3:::art-bkt/*", Principal={"AWS": SESSION})),
)
case(
    "9c Deny in identity beats bucket Allow",
    EXPLICIT,
    GET,
    OBJECT,
    [policy(statement("Deny", "s3:*"))],
    of_resource=policy(statement("Allow", GET, "arn:aws:s3:::art-bkt/*", Principal={"AWS": ROLE})),
)


# 10 EC2, KMS, IAM
def in_ec2(resource):
    return f"arn:aws:ec2:us-east-1:{ACCOUNT}:{resource}"


RUNS = policy(
    statement(
        "Allow", "ec2:RunInstances", [in_ec2("subnet/subnet-1").replace("us-east-1", "*"), "arn:aws:ec2:*::image/*"]
    ),
    statement(
        "Allow",
        "ec2:RunInstances",
        f"arn:aws:ec2:*:{ACCOUNT}:instance/*",
        {"StringEquals": {"aws:RequestTag/ml-provisioner:product": "churn"}},
    ),
)
NEW_TAG = {"aws:RequestTag/ml-provisioner:product": "churn"}
case("10a RunInstances subnet", ALLOWED, "ec2:RunInstances", in_ec2("subnet/subnet-1"), [RUNS], keys=NEW_TAG)
case("10b RunInstances instance tagged", ALLOWED, "ec2:RunInstances", in_ec2("instance/i-1"), [RUNS], keys=NEW_TAG)
case("10c RunInstances instance untagged", IMPLICIT, "ec2:RunInstances", in_ec2("instance/i-1"), [RUNS])
case("10d RunInstances image", ALLOWED, "ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-1", [RUNS])
case("10e RunInstances volume not covered", IMPLICIT, "ec2:RunInstances", in_ec2("volume/vol-1"), [RUNS])
case(
    "10f ec2 */* (as in AWS's own tagging example)",
    ALLOWED,
    "ec2:CreateTags",
    in_ec2("instance/i-1"),
    [
        policy(
            statement(
                "Allow",
                "ec2:CreateTags",
                f"arn:aws:ec2:us-east-1:{ACCOUNT}:*/*",
                {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
            )
        )
    ],
    keys={"ec2:CreateAction": "RunInstances"},
)
case(
    "10g Deny on ec2 */*",
    EXPLICIT,
    "ec2:CreateTags",
    in_ec2("instance/i-1"),
    [ALL, policy(statement("Deny", "ec2:CreateTags", "arn:aws:ec2:*:*:*/*"))],
)
case(
    "10h CreateSecurityGroup on vpc",
    ALLOWED,
    "ec2:CreateSecurityGroup",
    in_ec2("vpc/vpc-1"),
    [policy(statement("Allow", "ec2:CreateSecurityGroup", f"arn:aws:ec2:*:{ACCOUNT}:vpc/vpc-1"))],
)
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ACCOUNT_ROOT = policy(statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
case(
    "10i kms CreateAlias on alias",
    ALLOWED,
    "kms:CreateAlias",
    f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/churn",
    [
        policy(
            statement(
                "Allow", "kms:CreateAlias", [f"arn:aws:kms:*:{ACCOUNT}:alias/churn", f"arn:aws:kms:*:{ACCOUNT}:key/*"]
            )
        )
    ],
)
case(
    "10j kms CreateAlias on key",
    ALLOWED,
    "kms:CreateAlias",
    KEY,
    [
        policy(
            statement(
                "Allow", "kms:CreateAlias", [f"arn:aws:kms:*:{ACCOUNT}:alias/churn", f"arn:aws:kms:*:{ACCOUNT}:key/*"]
            )
        )
    ],
    of_resource=ACCOUNT_ROOT,
)
case("10k kms Decrypt, key policy root + identity", ALLOWED, "kms:Decrypt", KEY, of_resource=ACCOUNT_ROOT)
case("10l kms Decrypt, key policy root only", IMPLICIT, "kms:Decrypt", KEY, [], of_resource=ACCOUNT_ROOT)
case(
    "10m kms Decrypt, key policy names another role only",
    IMPLICIT,
    "kms:Decrypt",
    KEY,
    of_resource=policy(statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"})),
)
case(
    "10n kms Decrypt, key policy names the role",
    ALLOWED,
    "kms:Decrypt",
    KEY,
    [],
    of_resource=policy(statement("Allow", "kms:*", Principal={"AWS": ROLE})),
)
case(
    "10o kms ViaService",
    IMPLICIT,
    "kms:Decrypt",
    KEY,
    [
        policy(
            statement("Allow", "kms:Decrypt", "*", {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}})
        )
    ],
    of_resource=ACCOUNT_ROOT,
    keys={"kms:ViaService": "sns.us-east-1.amazonaws.com"},
)
case(
    "10p iam PassRole PassedToService",
    ALLOWED,
    "iam:PassRole",
    f"arn:aws:iam::{ACCOUNT}:role/churn-exec",
    [
        policy(
            statement(
                "Allow",
                "iam:PassRole",
                f"arn:aws:iam::{ACCOUNT}:role/churn-*",
                {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )
    ],
    keys={"iam:PassedToService": "sagemaker.amazonaws.com"},
)
case(
    "10q iam PermissionsBoundary key",
    IMPLICIT,
    "iam:CreateRole",
    f"arn:aws:iam::{ACCOUNT}:role/churn-exec",
    [
        policy(
            statement(
                "Allow",
                "iam:CreateRole",
                "*",
                {"ArnEquals": {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/churn-b"}},
            )
        )
    ],
)
case(
    "10r codepipeline stage wildcard before /",
    ALLOWED,
    "codepipeline:DisableStageTransition",
    f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:churn-p/Deploy",
    [policy(statement("Allow", "codepipeline:*", f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:churn-*/*"))],
)
case("10s Describe needs *", ALLOWED, "ec2:DescribeVpcs", "*", [policy(statement("Allow", "ec2:Describe*", "*"))])
case(
    "10t Describe with an ARN grants nothing",
    IMPLICIT,
    "ec2:DescribeVpcs",
    "*",
    [policy(statement("Allow", "ec2:Describe*", f"arn:aws:ec2:*:{ACCOUNT}:vpc/*"))],
)


# 11 Resource policies, accounts, trust
def gives(principal):
    return policy(statement("Allow", GET, "arn:aws:s3:::art-bkt/*", Principal=principal))


case("11a same account, bucket policy alone (role)", ALLOWED, GET, OBJECT, [], of_resource=gives({"AWS": ROLE}))
case(
    "11b same account, bucket policy root only delegates",
    IMPLICIT,
    GET,
    OBJECT,
    [],
    of_resource=gives({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
)
case("11c cross account, identity alone", IMPLICIT, GET, OBJECT, account=OTHER)
case(
    "11d cross account, bucket policy alone", IMPLICIT, GET, OBJECT, [], of_resource=gives({"AWS": ROLE}), account=OTHER
)
case("11e cross account, both", ALLOWED, GET, OBJECT, of_resource=gives({"AWS": ROLE}), account=OTHER)
case(
    "11f cross account, root + identity",
    ALLOWED,
    GET,
    OBJECT,
    of_resource=gives({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    account=OTHER,
)
case(
    "11g cross account, boundary lacks",
    IMPLICIT,
    GET,
    OBJECT,
    of_resource=gives({"AWS": ROLE}),
    account=OTHER,
    boundary=policy(statement("Allow", "ec2:*")),
)
case(
    "11h same account, role ARN in bucket policy, boundary lacks",
    IMPLICIT,
    GET,
    OBJECT,
    [],
    of_resource=gives({"AWS": ROLE}),
    boundary=policy(statement("Allow", "ec2:*")),
)
case(
    "11i same account, session ARN in bucket policy, boundary lacks",
    ALLOWED,
    GET,
    OBJECT,
    [],
    of_resource=gives({"AWS": SESSION}),
    boundary=policy(statement("Allow", "ec2:*")),
)
case(
    "11j service principal + SourceArn",
    ALLOWED,
    "sns:Publish",
    TOPIC,
    [],
    of_resource=policy(
        statement(
            "Allow",
            "sns:Publish",
            TOPIC,
            {"ArnLike": {"aws:SourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/x"}},
            Principal={"Service": "events.amazonaws.com"},
        )
    ),
    keys={"aws:SourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/x"},
    principal="events.amazonaws.com",
)
case(
    "11k trust policy, other role, same account",
    IMPLICIT,
    "sts:AssumeRole",
    f"arn:aws:iam::{ACCOUNT}:role/churn-exec",
    of_resource=policy(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ),
)
case(
    "11l trust policy service principal",
    ALLOWED,
    "sts:AssumeRole",
    f"arn:aws:iam::{ACCOUNT}:role/churn-exec",
    [],
    of_resource=policy(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ),
    principal="lambda.amazonaws.com",
)
case(
    "4u var after a name prefix (sns)",
    ALLOWED,
    "sns:Publish",
    f"arn:aws:sns:us-east-1:{ACCOUNT}:ml-churn",
    [policy(statement("Allow", "sns:Publish", "arn:aws:sns:*:*:ml-${aws:PrincipalTag/ml-provisioner:product}"))],
    keys={TAG: "churn"},
)
case(
    "4v same, missing",
    IMPLICIT,
    "sns:Publish",
    f"arn:aws:sns:us-east-1:{ACCOUNT}:ml-churn",
    [policy(statement("Allow", "sns:Publish", "arn:aws:sns:*:*:ml-${aws:PrincipalTag/ml-provisioner:product}"))],
)
case(
    "10u ec2 DeleteNetworkInterface */* (AWS's CodeBuild example)",
    ALLOWED,
    "ec2:DeleteNetworkInterface",
    in_ec2("network-interface/eni-1"),
    [policy(statement("Allow", "ec2:DeleteNetworkInterface", f"arn:aws:ec2:us-east-1:{ACCOUNT}:*/*"))],
)
