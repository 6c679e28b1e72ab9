"""The API calls that CloudFormation's handlers send for a product's resources, each in its context at that moment.

Which actions: the handlers' permissions in the resource provider schemas (`aws.handlers`), without those that our templates
never call for (`exceptions.yaml`). On which resources: the ARNs of the golden template. In which context:

- A handler that creates meets a resource without tags, and one whose tags are there: CloudFormation sets rules and tags of
  a security group at the same time (aws/aws-cdk issues 13204 and 13256), and "it might take up to five minutes for tag and
  alias changes to affect KMS key authorization" (KMS Developer Guide, "ABAC for AWS KMS").
- EC2 resources get their tags with the creating call or in a call of their own (aws-cloudformation/
  cloudformation-coverage-roadmap issue 714; the schemas' `tagOnCreate`): both count.
- An update of tags names only the tags that change.
"""

import dataclasses
import functools
import itertools

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ..aws import EXCEPTIONS, action, handlers, is_of_type, resource_types
from .evaluator import ABSENT, Context, tags
from .suite import tag_map

# Which services get a role, by the type of the resource that names it.
RECEIVERS = {
    "AWS::CodeBuild::Project": "codebuild.amazonaws.com",
    "AWS::CodePipeline::Pipeline": "codepipeline.amazonaws.com",
    "AWS::Events::Rule": "events.amazonaws.com",
}
# Actions that some types' handlers list for roles that a resource of ours doesn't have.
WITHOUT_A_ROLE = {"iam:GetRole", "iam:PassRole", "iam:AttachRolePolicy", "iam:DetachRolePolicy"}
# CodeBuild's type has no handlers (exceptions.yaml); what its operations are for follows from their names.
BY_HAND = {"Create": "create", "Update": "update", "Delete": "delete", "Batch": "read", "PassRole": "create"}
# Handlers that list a call which they need only when tags are there.
#   kms:PutKeyPolicy: "The kms:PutKeyPolicy permission is not required to create the KMS key. The kms:CreateKey permission
#   includes permission to set the initial key policy" (KMS Developer Guide, "Creating keys"), and CreateHandler.java of
#   aws-cloudformation/aws-cloudformation-resource-providers-kms doesn't call it. But CreateKey checks that its caller
#   could (aws-solutions/innovation-sandbox-on-aws issues 31 and 117). By the Service Authorization Reference CreateKey has
#   aws:ResourceTag, so the tags that it brings count for that check.
#   ec2:DeleteTags: there are no tags that could be deleted.
ONLY_TAGGED = {("AWS::KMS::Key", "kms:PutKeyPolicy"), ("AWS::EC2::VPCEndpoint", "ec2:DeleteTags")}
# Services whose endpoint is in one region of the partition (IAM User Guide, aws:RequestedRegion).
GLOBAL_SERVICES = {"iam", "route53"}
GLOBAL_REGION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
# What takes a log group's ARN as it is; everything else is about the group with its streams.
LOG_GROUP_ITSELF = {"logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"}
CHANGED_TAGS = {"owner": "another team"}


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One authorization that IAM decides."""

    logical_id: str
    kind: str
    handler: str
    moment: str
    action: str
    resource: str
    context: Context

    @property
    def key(self):
        """Equal for calls that IAM can't distinguish."""
        values = (f"{key}={value}" for key, value in self.context.values.items())
        return self.action, self.resource, tuple(sorted(values))

    def shown(self):
        return f"{self.handler} of {self.logical_id} ({self.kind}, {self.moment}): {self.action} on {self.resource}"


# Who calls: a session of the service role, or CloudFormation on behalf of a person. CloudFormation sets aws:CalledVia when
# it uses the caller's credentials and not when it uses a service role's (IAM User Guide, "aws:CalledVia").
SERVICE_ROLE = Context(
    {"aws:CalledVia": ABSENT, "aws:CalledViaFirst": ABSENT, "aws:CalledViaLast": ABSENT, "aws:ViaAWSService": "false"}
)
ON_BEHALF = Context(
    {
        "aws:CalledVia": ["cloudformation.amazonaws.com"],
        "aws:CalledViaFirst": "cloudformation.amazonaws.com",
        "aws:CalledViaLast": "cloudformation.amazonaws.com",
        "aws:ViaAWSService": "true",
    }
)
DIRECTLY = SERVICE_ROLE


def request(product, name, *others):
    """The context that every request for an action has, and more."""
    partition, region, account = product.place
    service = name.partition(":")[0]
    context = Context(
        {
            "aws:RequestedRegion": GLOBAL_REGION[partition] if service in GLOBAL_SERVICES else region,
            "aws:ResourceAccount": account,
            "aws:SecureTransport": "true",
            "aws:TagKeys": ABSENT,
            **tags("aws:RequestTag", {}),
            **tags("aws:ResourceTag", {}),
        }
    )
    for other in others:
        context = context.joined(Context(other))
    return context


@functools.cache
def has_system_tags(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-west-2", kind).schema
    return schema.get("tagging", {}).get("cloudFormationSystemTags", False)


def moments(handler):
    return {"create": ("without tags", "with tags")}.get(handler, ("with tags",))


class Resources:
    """The resources of a product's stack and the ARNs that their calls are about."""

    def __init__(self, product):
        self.product = product
        self.stack = product.stack
        self.prefix = {
            service: f"arn:{product.partition}:{service}:{product.region}:{product.account}:"
            for service in ("ec2", "logs", "kms", "sns")
        }

    def arns(self, name):
        """The ARNs of a resource, and of what its calls name beside it."""
        kind, properties = self.stack.resources[name]["Type"], self.stack.properties(name)
        own = self.stack.arn(name)
        found = [own] if own else []
        if kind in ("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"):
            group = own or f"{self.prefix['logs']}log-group:{properties['LogGroupName']}"
            # CloudWatch Logs API Reference, LogGroup: `arn` ends in `:*` and is the one "to refer to the ARN in IAM policies
            # when specifying permissions for most API actions"; tagging takes `logGroupArn` without. IAM's messages name
            # `log-group:{name}:log-stream:` (widdix/aws-cf-templates issue 308), and lately also `log-group:{name}` alone.
            found = [group, f"{group}:log-stream:"]
        if kind == "AWS::SNS::Subscription":
            found.append(properties["TopicArn"])
        if kind == "AWS::KMS::Alias":
            found.append(f"{self.prefix['kms']}key/{properties['TargetKeyId']}")
        if kind in ("AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"):
            found.append(f"{self.prefix['ec2']}vpc/{properties['VpcId']}")
            for key, it in (
                ("SubnetIds", "subnet"),
                ("SecurityGroupIds", "security-group"),
                ("RouteTableIds", "route-table"),
            ):
                found += [f"{self.prefix['ec2']}{it}/{id_}" for id_ in properties.get(key, [])]
        if kind == "AWS::EC2::SecurityGroup":
            found.append(f"{self.prefix['ec2']}security-group-rule/*")
        found += self.roles(name)
        return list(dict.fromkeys(found))

    def roles(self, name):
        """The roles that a resource hands to a service."""
        kind, properties = self.stack.resources[name]["Type"], self.stack.properties(name)
        match kind:
            case "AWS::CodeBuild::Project":
                return [properties["ServiceRole"]]
            case "AWS::CodePipeline::Pipeline":
                return [properties["RoleArn"]]
            case "AWS::Events::Rule":
                return [it["RoleArn"] for it in properties["Targets"]]
        return []

    def tags(self, name):
        return tag_map(self.stack.properties(name).get("Tags"))

    def tagged(self, name):
        """The tags of a resource once they are there."""
        found = self.tags(name)
        if found and has_system_tags(self.stack.resources[name]["Type"]):
            found["aws:cloudformation:stack-id"] = self.stack.pseudo["AWS::StackId"]
            found["aws:cloudformation:stack-name"] = self.stack.pseudo["AWS::StackName"]
            found["aws:cloudformation:logical-id"] = name
        return found

    def boundary(self, role):
        """The boundary that a role has."""
        return self.product.roles[role].boundary_arn or ABSENT


def _is_ours(call_action, arn, name, resources):
    """Whether an ARN is of the resource that a handler works on, and not of one that it only names."""
    own = resources.stack.arn(name)
    return arn == own or call_action.startswith("logs:") or arn.endswith("security-group-rule/*")


def _request_tags(call_action, handler, resource_tags):
    """The tags that a request brings, one context each."""
    if not resource_tags:
        return [{}]

    def bringing(it):
        return {**tags("aws:RequestTag", it), "aws:TagKeys": list(it)}

    level = action(call_action)["access_level"]
    if level == "Tagging":
        removes = call_action.partition(":")[2].startswith(("Untag", "Delete", "Remove"))
        if removes and call_action != "ec2:DeleteTags":
            return [{**tags("aws:RequestTag", {}), "aws:TagKeys": list(CHANGED_TAGS)}]
        return [bringing(resource_tags if handler == "create" and not removes else CHANGED_TAGS)]
    if handler != "create":
        return [{}]
    return [bringing(resource_tags), {}] if call_action.startswith("ec2:") else [bringing(resource_tags)]


def _own_keys(call_action, arn, name, handler, tagged, resources):
    """The service's own condition keys of a request, one context each."""
    product, stack = resources.product, resources.stack
    kind, properties = stack.resources[name]["Type"], stack.properties(name)
    service = call_action.partition(":")[0]
    if call_action == "iam:PassRole":
        return [{"iam:PassedToService": RECEIVERS[kind], "iam:AssociatedResourceArn": stack.arn(name)}]
    if service == "iam":
        role = next((it for it in product.roles if stack.arn(it) == arn), None)
        keys = {"iam:PermissionsBoundary": resources.boundary(role) if role else ABSENT}
        if call_action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            return [{**keys, "iam:PolicyARN": it} for it in properties["ManagedPolicyArns"]]
        return [keys]
    if service == "kms":
        alias = [stack.name(it) for it in stack.kinds("AWS::KMS::Alias")]
        return [
            {
                "kms:CallerAccount": product.account,
                "kms:ResourceAliases": alias if tagged and arn != "*" else ABSENT,
                # KMS waits 30 days by default (KMS API Reference, ScheduleKeyDeletion).
                "kms:ScheduleKeyDeletionPendingWindowInDays": properties.get("PendingWindowInDays", 30),
            }
        ]
    if service == "sns":
        return [
            {"sns:Protocol": properties.get("Protocol", ABSENT), "sns:Endpoint": properties.get("Endpoint", ABSENT)}
        ]
    if service == "ec2":
        vpc = properties["VpcId"]
        known = {"ec2:Region": product.region, "ec2:Vpc": f"{resources.prefix['ec2']}vpc/{vpc}", "ec2:VpcID": vpc}
        by_kind = action(call_action)["resource_types"]
        has = set(by_kind.get("", {}).get("condition_keys", []))
        for it in (it for it in by_kind if it and arn != "*" and is_of_type(arn, "ec2", it)):
            has |= set(by_kind[it]["condition_keys"])
        keys = {key: value if key in has else ABSENT for key, value in known.items()}
        if call_action == "ec2:CreateTags":
            creating = {"AWS::EC2::SecurityGroup": "CreateSecurityGroup", "AWS::EC2::VPCEndpoint": "CreateVpcEndpoint"}
            return [
                {**keys, "ec2:CreateAction": it}
                for it in ((creating[kind], ABSENT) if handler == "create" else (ABSENT,))
            ]
        return [keys]
    return [{}]


def of_resource(resources, name, wanted, skipped):
    """The calls of a resource's handlers. `skipped` collects what a type's handlers list and this resource doesn't need."""
    kind = resources.stack.resources[name]["Type"]
    never = EXCEPTIONS["never_triggered"].get(kind, {})
    arns = resources.arns(name)
    listed = {**handlers(kind)}
    if kind == "AWS::IAM::Role":
        # An update of a product without boundary.
        listed["iam:PutRolePermissionsBoundary"] = {"update"}
    for call_action, needing in sorted(listed.items()):
        if call_action in never and call_action != "iam:PutRolePermissionsBoundary":
            continue
        service = call_action.partition(":")[0]
        types = {*resource_types(call_action), EXCEPTIONS["data_set_lags"].get(call_action, {}).get("resource")} - {
            None
        }
        on = [it for it in arns if any(is_of_type(it, service, one) for one in types)]
        if action(call_action)["access_level"] == "Tagging" or call_action in LOG_GROUP_ITSELF:
            # Of what a handler names only its own resource has tags.
            on = [it for it in on if it == resources.stack.arn(name)]
        if call_action.startswith("iam:") and kind != "AWS::IAM::Role" and not on and call_action in WITHOUT_A_ROLE:
            skipped.add((kind, call_action))
            continue
        if types and not on:
            raise LookupError(f"{kind}: {call_action} takes {sorted(types)}, and {name} names none of them")
        lacking = [
            it
            for it, required in resource_types(call_action).items()
            if required and not any(is_of_type(arn, service, it) for arn in on)
        ]
        if lacking:
            raise LookupError(f"{kind}: {call_action} must have {lacking}, and {name} names none of them")
        steps = {_step(it, call_action) for it in needing} & set(wanted)
        for step, moment in [(one, moment) for one in sorted(steps) for moment in moments(one)]:
            if moment == "without tags" and (kind, call_action) in ONLY_TAGGED:
                continue
            for arn in on or ["*"]:
                yield from _calls(resources, name, kind, step, moment, call_action, arn)


def _step(needing, call_action):
    if needing == "by hand":
        verb = call_action.partition(":")[2]
        return next(step for start, step in BY_HAND.items() if verb.startswith(start))
    return "update" if needing == "tag" else needing


def _calls(resources, name, kind, step, moment, call_action, arn):
    product = resources.product
    tagged = moment == "with tags"
    ours = _is_ours(call_action, arn, name, resources)
    if kind == "AWS::KMS::Alias" and ":key/" in arn:
        (key,) = resources.stack.kinds("AWS::KMS::Key")
        have = resources.tagged(key)
    else:
        have = resources.tagged(name) if ours else {}
    resource_tags = tags("aws:ResourceTag", have if tagged else {})
    for brought, own in itertools.product(
        _request_tags(call_action, step, resources.tags(name) if ours or arn == "*" else {}),
        _own_keys(call_action, arn, name, step, tagged, resources),
    ):
        context = request(product, call_action, resource_tags, brought, own)
        yield Call(name, kind, step, moment, call_action, arn.replace("/*", "/sgr-0a1b2c3d"), context)


def of_product(product, wanted=("create", "read", "update", "delete"), skipped=None):
    """The calls of all resources of a product, each once."""
    resources = Resources(product)
    skipped = set() if skipped is None else skipped
    found = [it for name in product.stack.resources for it in of_resource(resources, name, wanted, skipped)]
    if "create" in wanted:
        found += of_template(product)
        found += private_dns(resources)
    return list({it.key: it for it in reversed(found)}.values())


def of_template(product):
    """CloudFormation resolves the template's SSM parameters with the caller's rights, or those of the service role."""
    for name, it in product.template.get("Parameters", {}).items():
        if it["Type"].startswith("AWS::SSM::Parameter::Value<"):
            path = it["Default"] if it["Default"].startswith("/") else f"/{it['Default']}"
            arn = f"arn:{product.partition}:ssm:{product.region}:{product.account}:parameter{path}"
            context = request(product, "ssm:GetParameters")
            yield Call(name, "parameter", "create", "resolved", "ssm:GetParameters", arn, context)


def private_dns(resources):
    """CreateVpcEndpoint with private DNS associates a hosted zone of AWS (its dependent actions in the Service
    Authorization Reference)."""
    for name in resources.stack.kinds("AWS::EC2::VPCEndpoint"):
        if resources.stack.properties(name).get("PrivateDnsEnabled"):
            call_action = "route53:AssociateVPCWithHostedZone"
            arn = f"arn:{resources.product.partition}:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
            context = request(resources.product, call_action, {"aws:ResourceAccount": "111111111111"})
            yield Call(name, "AWS::EC2::VPCEndpoint", "create", "without tags", call_action, arn, context)


# -- Calls of people and of the suite ----------------------------------------------------------------------------------


def template_urls(product):
    """How a change set names the product's template in the suite's bucket: both forms of the address, and a version."""
    bucket, suffix = product.suite.stack.name(product.suite.bucket), product.stack.pseudo["AWS::URLSuffix"]
    file = f"templates/{product.name}-{product.scenario}.yaml"
    paths = [
        f"https://s3.{product.region}.{suffix}/{bucket}/{file}",
        f"https://{bucket}.s3.{product.region}.{suffix}/{file}",
    ]
    return [it + version for it in paths for version in ("", "?versionId=3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")]


def change_set(product, **keys):
    """The context of a change set that names no role and no template and imports nothing, but for `keys`."""
    names = ("RoleArn", "TemplateUrl", "ImportResourceTypes", "ResourceTypes", "StackPolicyUrl")
    context = {f"cloudformation:{name}": keys.get(name, ABSENT) for name in names}
    return request(product, "cloudformation:CreateChangeSet", context, {"cloudformation:ChangeSetName": "first"})


def of_operator(product, kind):
    """What a person does directly: change sets, the stack and its drift, the template, emptying the bucket."""
    arn = f"arn:{product.partition}:cloudformation:{product.region}:{product.account}:stack/{product.stack_name}/8a1b"
    roles = [ABSENT, product.service_role_arn] if kind == "stack-operator-policy" else [ABSENT]
    urls = template_urls(product)
    # With the operator's own rights only the form that the review report's commands use.
    urls = urls if kind == "stack-operator-policy" else urls[:2]
    found = [
        ("cloudformation:CreateChangeSet", arn, change_set(product, RoleArn=role, TemplateUrl=url))
        for role in roles
        for url in urls
    ]
    for name in EXCEPTIONS["beyond_handlers"]:
        if name.startswith("cloudformation:") and name != "cloudformation:CreateChangeSet":
            for role in roles:
                found.append((name, arn if resource_types(name) else "*", change_set(product, RoleArn=role)))
    template = f"{product.suite.bucket_arn}/templates/{product.name}-{product.scenario}.yaml"
    found += [(name, template, request(product, name)) for name in ("s3:GetObject", "s3:GetObjectVersion")]
    for bucket in product.stack.kinds("AWS::S3::Bucket"):
        own = product.stack.arn(bucket)
        found.append(("s3:ListBucketVersions", own, request(product, "s3:ListBucketVersions")))
        for name in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
            found.append((name, f"{own}/models/model.tar.gz", request(product, name)))
    if kind == "stack-operator-policy":
        passed = {"iam:PassedToService": "cloudformation.amazonaws.com", "iam:AssociatedResourceArn": arn}
        found.append(("iam:PassRole", product.service_role_arn, request(product, "iam:PassRole", passed)))
    return [Call("the stack", "by a person", "use", "directly", *it) for it in found]


def of_deployer(product):
    """What the suite's deploy function does for a product: the template that it checked, and the change set."""
    suite = product.suite
    service_role = suite.roles["ServiceRole"].arn
    stack = f"arn:{product.partition}:cloudformation:{product.region}:{product.account}:stack/{product.stack_name}/8a1b"
    key = f"deployments/templates/{'0123456789abcdef' * 4}.yaml"
    bucket, suffix = suite.stack.name(suite.bucket), product.stack.pseudo["AWS::URLSuffix"]
    url = f"https://s3.{product.region}.{suffix}/{bucket}/{key}?versionId=3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
    passed = {"iam:PassedToService": "cloudformation.amazonaws.com", "iam:AssociatedResourceArn": stack}
    found = [
        ("cloudformation:CreateChangeSet", stack, change_set(product, RoleArn=service_role, TemplateUrl=url)),
        ("cloudformation:ExecuteChangeSet", stack, change_set(product)),
        ("cloudformation:DeleteStack", stack, change_set(product, RoleArn=service_role)),
        ("iam:PassRole", service_role, request(product, "iam:PassRole", passed)),
    ]
    found += [
        (name, f"{suite.bucket_arn}/{key}", request(product, name))
        for name in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
    ]
    for it in product.stack.kinds("AWS::S3::Bucket"):
        own = product.stack.arn(it)
        found.append(("s3:ListBucketVersions", own, request(product, "s3:ListBucketVersions")))
        for name in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
            found.append((name, f"{own}/models/model.tar.gz", request(product, name)))
    return [Call("the stack", "by the suite", "use", "directly", *it) for it in found]
