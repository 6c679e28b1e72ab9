"""IAM's decision about one request: identity policies, a permissions boundary, and the resource's own policy.

The order of IAM User Guide, "Policy evaluation logic": an explicit Deny in any policy decides; then identity policy and
boundary must both allow; then what the resource's policy adds. Organizations' policies and session policies are out of
scope. What the evaluator doesn't know (an operator, a key, an element, a kind of principal) is an error.

Each question has three answers, because a context need not say everything: `NO`, `MAYBE` (it depends on a key that the
context leaves free, or AWS's documentation leaves it open) and `YES`. A proof that something is allowed takes `certain`
answers, a proof that it isn't takes no `possible` ones.
"""

import dataclasses
import datetime
import functools
import ipaddress
import itertools
import json
import re

from . import globs, keys

NO, MAYBE, YES = 0, 1, 2
# A key that a request doesn't have; a key that the sender chooses, or of which nothing is assumed.
ABSENT, FREE = "<absent>", "<free>"

VARIABLE = re.compile(r"\$\{([^}]*)\}")
# The variables that stand for characters (IAM User Guide, "IAM policy elements: Variables and tags").
SPECIAL = {"*", "?", "$"}
WITH_VARIABLES = "2012-10-17"
STATEMENT = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal",
}  # fmt: skip


class PolicyError(ValueError):
    """A policy or a request that the evaluator can't decide."""


def listed(value):
    return value if isinstance(value, list) else [value]


# -- Contexts ----------------------------------------------------------------------------------------------------------


class Context:
    """The condition keys of a request.

    `values` maps keys to a text, a list of texts (keys of several values), `ABSENT` or `FREE`. `free` names keys by
    pattern. A key that neither names is absent if no request for the action can carry it. Otherwise it is an error: a
    request that forgets a key proves nothing.
    """

    def __init__(self, values=(), free=()):
        self.values = {key.lower(): value for key, value in dict(values).items()}
        # Keys as they were written, for messages and other evaluators: AWS compares them without regard to case.
        self.written = {key.lower(): key for key in dict(values)}
        self.free = tuple(globs.tokens(it.lower()) for it in free)

    def joined(self, other):
        """This context with the keys of another one, which win."""
        joined = Context()
        joined.values = {**self.values, **other.values}
        joined.written = {**self.written, **other.written}
        joined.free = self.free + other.free
        return joined

    def get(self, key, action):
        """`ABSENT`, `FREE`, or a list of texts."""
        key = key.lower()
        if not keys.is_known(key):
            raise PolicyError(f"{action}: AWS has no condition key {key}")
        value = self.values.get(key)
        if value is None:
            # All tags of a map that is given, or of one that isn't there.
            prefix, slash, _ = key.partition("/")
            value = self.values.get(f"{prefix}/*") if slash else None
        if value is None:
            if any(globs.matches(it, key) for it in self.free):
                return FREE
            if keys.may_have(action, key):
                raise PolicyError(f"{action}: the request doesn't say whether it has {key}")
            return ABSENT
        if value in (ABSENT, FREE):
            return value
        return [str(it) for it in listed(value)]

    def shown(self):
        return ", ".join(f"{key} = {value}" for key, value in sorted(self.values.items()) if value != ABSENT)


def tags(prefix, values):
    """Tags as condition keys, and no others: `tags("aws:RequestTag", {"a": "b"})`. `None` for no tags."""
    return {f"{prefix}/*": ABSENT, **{f"{prefix}/{key}": value for key, value in (values or {}).items()}}


# -- Statements --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Statement:
    """A statement of a policy."""

    policy: str
    sid: str
    allows: bool
    actions: tuple
    not_action: bool
    resources: tuple
    not_resource: bool
    # (qualifier, operator, if_exists, key, values)
    conditions: tuple
    principals: tuple | None
    variables: bool

    @property
    def name(self):
        return f"{self.policy}/{self.sid}"

    def takes(self, action):
        """Actions are compared without regard to case."""
        return any(it.fullmatch(action.lower()) for it in self.action_expressions) != self.not_action

    @functools.cached_property
    def action_expressions(self):
        return [globs.regex(it) for it in self.actions]


class Policy:
    """A policy document; `kind` is identity, boundary or resource."""

    def __init__(self, name, document, kind="identity"):
        if isinstance(document, str):
            document = json.loads(document)
        unknown = set(document) - {"Version", "Id", "Statement"}
        if unknown:
            raise PolicyError(f"{name}: unknown elements {sorted(unknown)}")
        self.name = name
        self.document = document
        version = str(document.get("Version", "2008-10-17"))
        if version not in ("2008-10-17", WITH_VARIABLES):
            raise PolicyError(f"{name}: Version {version}")
        self.statements = tuple(
            _statement(name, index, it, version == WITH_VARIABLES, kind)
            for index, it in enumerate(listed(document["Statement"]))
        )
        self._by_action = {}

    def for_action(self, action):
        found = self._by_action.get(action)
        if found is None:
            found = self._by_action[action] = tuple(it for it in self.statements if it.takes(action))
        return found


def _statement(policy, index, it, variables, kind):
    sid = str(it.get("Sid", f"statement {index + 1}"))
    where = f"{policy}/{sid}"
    unknown = set(it) - STATEMENT
    if unknown:
        raise PolicyError(f"{where}: unknown elements {sorted(unknown)}")
    if it.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"{where}: Effect {it.get('Effect')}")
    if ("Action" in it) == ("NotAction" in it):
        raise PolicyError(f"{where}: one of Action and NotAction")
    if "Resource" in it and "NotResource" in it:
        raise PolicyError(f"{where}: Resource and NotResource")
    if kind != "trust" and "Resource" not in it and "NotResource" not in it:
        raise PolicyError(f"{where}: no Resource")
    if (kind in ("resource", "trust")) != ("Principal" in it):
        raise PolicyError(f"{where}: Principal belongs in resource policies, and only there")
    actions = listed(it.get("Action", it.get("NotAction")))
    if not actions or not all(isinstance(action, str) for action in actions):
        raise PolicyError(f"{where}: actions {actions}")
    resources = listed(it.get("Resource", it.get("NotResource", "*")))
    if not resources or not all(isinstance(resource, str) for resource in resources):
        raise PolicyError(f"{where}: resources {resources}")
    return Statement(
        policy=policy,
        sid=sid,
        allows=it["Effect"] == "Allow",
        actions=tuple(globs.tokens(str(action).lower()) for action in actions),
        not_action="NotAction" in it,
        resources=tuple(str(resource) for resource in resources),
        not_resource="NotResource" in it,
        conditions=tuple(_conditions(where, it.get("Condition", {}))),
        principals=_principals(where, it["Principal"]) if "Principal" in it else None,
        variables=variables,
    )


def _conditions(where, blocks):
    for operator, by_key in blocks.items():
        qualifier, _, name = operator.rpartition(":")
        if_exists = name.endswith("IfExists")
        name = name.removesuffix("IfExists")
        if qualifier not in ("", "ForAnyValue", "ForAllValues"):
            raise PolicyError(f"{where}: unknown qualifier {qualifier}")
        if name not in OPERATORS and name != "Null":
            raise PolicyError(f"{where}: unknown operator {operator}")
        if name == "Null" and (qualifier or if_exists):
            raise PolicyError(f"{where}: {operator} has no meaning")
        for key, values in by_key.items():
            if not keys.is_known(str(key).lower()):
                raise PolicyError(f"{where}: AWS has no condition key {key}")
            yield qualifier, name, if_exists, str(key), tuple(_text(it) for it in listed(values))


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError(f"a condition's value {value!r}")


# -- Variables and patterns --------------------------------------------------------------------------------------------


def filled(text, statement, context, action):
    """A text of a policy as a pattern, with its variables replaced; `None` if one has no value.

    IAM User Guide, "IAM policy elements: Variables and tags": what a variable stands for is compared as it is, so a `*` in
    it is no wildcard. A variable that is free stands for anything.
    """
    if not statement.variables or "${" not in text:
        return globs.tokens(text)
    out, at = [], 0
    for match in VARIABLE.finditer(text):
        out += globs.tokens(text[at : match.start()])
        at = match.end()
        name, comma, default = match[1].partition(",")
        name = name.strip()
        if match[1] in SPECIAL:
            out.append(match[1])
            continue
        value = context.get(name, action)
        if value == FREE:
            out.append(globs.ANY)
            continue
        if value == ABSENT:
            if not comma:
                return None
            value = [default.strip().removeprefix("'").removesuffix("'")]
        if len(value) != 1:
            raise PolicyError(f"{statement.name}: {name} has several values and can't be a variable")
        out += value[0]
    return tuple(out) + globs.tokens(text[at:])


def is_free(text, statement, context, action):
    """Whether a text has a variable that the context leaves free."""
    if not statement.variables or "${" not in text:
        return False
    names = [it.partition(",")[0].strip() for it in VARIABLE.findall(text) if it not in SPECIAL]
    return any(context.get(name, action) == FREE for name in names)


def arn_patterns(statement, context, action):
    """The patterns of a statement's resources, each with whether a variable is free. One without value is left out."""
    for text in statement.resources:
        pattern = filled(text, statement, context, action)
        if pattern is None:
            if statement.not_resource:
                raise PolicyError(f"{statement.name}: NotResource with a variable that has no value")
            continue
        arn = globs.arn(pattern)
        if arn is None:
            raise PolicyError(f"{statement.name}: {text} is no ARN of six parts")
        yield arn, is_free(text, statement, context, action)


def _resource_match(statement, resource, context, action):
    best = NO
    for pattern, free in arn_patterns(statement, context, action):
        if globs.matches(pattern, resource):
            best = max(best, MAYBE if free else YES)
    return YES - best if statement.not_resource else best


# -- Conditions --------------------------------------------------------------------------------------------------------


def _number(value):
    return float(value)


def _date(value):
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return datetime.datetime.fromtimestamp(float(value), datetime.UTC)
    date = datetime.datetime.fromisoformat(value)
    return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)


def _compared(of, test):
    return lambda value, pattern: test(of(value), of(globs.shown(pattern)))


def _ip(value, pattern):
    return ipaddress.ip_address(value) in ipaddress.ip_network(globs.shown(pattern), strict=False)


def _same(value, pattern):
    return value == "".join(it if isinstance(it, str) else globs.shown((it,)) for it in pattern)


def _same_in_any_case(value, pattern):
    return _same(value.lower(), tuple(it.lower() if isinstance(it, str) else it for it in pattern))


def _is_arn(value):
    return value.startswith("arn:") and value.count(":") >= globs.ARN_SEGMENTS - 1


# IAM User Guide, "Condition operators": ArnEquals and ArnLike behave identically; "each of the six colon-delimited
# components of the ARN is checked separately".
def _arn_like(value, pattern):
    pattern = globs.arn(pattern)
    return pattern is not None and _is_arn(value) and globs.matches(pattern, value)


# Operator: the comparison of one value with one pattern, whether it is negated, whether its values may have variables.
OPERATORS = {
    "StringEquals": (_same, False, True),
    "StringNotEquals": (_same, True, True),
    "StringEqualsIgnoreCase": (_same_in_any_case, False, True),
    "StringNotEqualsIgnoreCase": (_same_in_any_case, True, True),
    "StringLike": (lambda value, pattern: globs.matches(pattern, value), False, True),
    "StringNotLike": (lambda value, pattern: globs.matches(pattern, value), True, True),
    "ArnEquals": (_arn_like, False, True),
    "ArnLike": (_arn_like, False, True),
    "ArnNotEquals": (_arn_like, True, True),
    "ArnNotLike": (_arn_like, True, True),
    "Bool": (_same_in_any_case, False, False),
    "NumericEquals": (_compared(_number, lambda a, b: a == b), False, False),
    "NumericNotEquals": (_compared(_number, lambda a, b: a == b), True, False),
    "NumericLessThan": (_compared(_number, lambda a, b: a < b), False, False),
    "NumericLessThanEquals": (_compared(_number, lambda a, b: a <= b), False, False),
    "NumericGreaterThan": (_compared(_number, lambda a, b: a > b), False, False),
    "NumericGreaterThanEquals": (_compared(_number, lambda a, b: a >= b), False, False),
    "DateEquals": (_compared(_date, lambda a, b: a == b), False, False),
    "DateNotEquals": (_compared(_date, lambda a, b: a == b), True, False),
    "DateLessThan": (_compared(_date, lambda a, b: a < b), False, False),
    "DateLessThanEquals": (_compared(_date, lambda a, b: a <= b), False, False),
    "DateGreaterThan": (_compared(_date, lambda a, b: a > b), False, False),
    "DateGreaterThanEquals": (_compared(_date, lambda a, b: a >= b), False, False),
    "IpAddress": (_ip, False, False),
    "NotIpAddress": (_ip, True, False),
}


def condition(statement, entry, context, action):
    """Whether one condition of a statement holds."""
    qualifier, operator, if_exists, key, values = entry
    have = context.get(key, action)
    if operator == "Null":
        wanted = {it.lower() for it in values}
        if not wanted <= {"true", "false"}:
            raise PolicyError(f"{statement.name}: Null {values}")
        if have == FREE:
            return MAYBE
        return YES if ("true" if have == ABSENT else "false") in wanted else NO
    compare, negated, with_variables = OPERATORS[operator]
    if have == FREE:
        return MAYBE
    if have == ABSENT or not have:
        # IAM User Guide, "Condition operators" (negated ones hold without the key; ...IfExists) and "Multivalued context
        # keys" (ForAllValues holds without it, ForAnyValue doesn't, not even negated).
        if if_exists or qualifier == "ForAllValues":
            return YES
        return YES if negated and not qualifier else NO
    if len(have) > 1 and not qualifier:
        raise PolicyError(f"{statement.name}: {key} has several values and {operator} no qualifier")

    def holds(value):
        best = NO
        for text in values:
            pattern = filled(text, statement, context, action) if with_variables else globs.tokens(text)
            # A variable without a value is equal to nothing.
            if pattern is None:
                continue
            free = with_variables and is_free(text, statement, context, action)
            if free:
                # A free variable may be whatever is compared with it.
                best = max(best, MAYBE if globs.matches(pattern, value) else NO)
            elif compare(value, pattern):
                best = YES
        return YES - best if negated else best

    results = [holds(value) for value in have]
    return max(results) if qualifier == "ForAnyValue" else min(results)


def conditions(statement, context, action):
    """Whether all conditions of a statement hold."""
    return min((condition(statement, it, context, action) for it in statement.conditions), default=YES)


# -- Principals --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who sends a request: a session of a role, or a service."""

    arn: str
    session: str | None = None
    account: str | None = None
    service: str | None = None

    @staticmethod
    def role(arn):
        """A session of a role. `aws:PrincipalArn` is the role's ARN (IAM User Guide, "Global condition keys")."""
        _, partition, _, _, account, path = arn.split(":", 5)
        name = path.rsplit("/", 1)[-1]
        return Principal(arn, f"arn:{partition}:sts::{account}:assumed-role/{name}/session", account)

    @staticmethod
    def of_service(name):
        return Principal(name, service=name)


# How a resource's policy names a principal, by what it gives to it.
ACCOUNT, ROLE, DIRECT, ANYBODY = "account", "role", "direct", "anybody"


def _principals(where, element):
    if element == "*":
        return (("AWS", "*"),)
    if not isinstance(element, dict):
        raise PolicyError(f"{where}: Principal {element!r}")
    out = []
    for kind, names in element.items():
        if kind not in ("AWS", "Service"):
            raise PolicyError(f"{where}: principals of the kind {kind}")
        for name in listed(names):
            if "*" in name and name != "*" or kind == "Service" and name == "*":
                raise PolicyError(f"{where}: a principal {name!r}")
            out.append((kind, str(name)))
    return tuple(out)


def _named(statement, principal):
    """How a statement of a resource's policy names a principal; `None` if it doesn't."""
    found = None
    for kind, name in statement.principals:
        if kind == "Service":
            if principal.service == name:
                return DIRECT
            continue
        if principal.service:
            continue
        if name == "*":
            found = found or ANYBODY
        elif name == principal.session:
            return DIRECT
        elif name == principal.arn:
            found = ROLE
        elif name == principal.account or re.fullmatch(rf"arn:[a-z-]+:iam::{principal.account}:root", name):
            found = found or ACCOUNT
    return found


# -- Decisions ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Access:
    """The policies that count for a principal. `boundary` is `None` where there is none."""

    name: str
    principal: Principal
    identity: tuple = ()
    boundary: Policy | None = None
    context: Context = dataclasses.field(default_factory=Context)


@dataclasses.dataclass
class Decision:
    """IAM's answer: whether a request may be allowed (`possible`), and whether it is whatever is left free (`certain`)."""

    possible: bool
    certain: bool
    allowed_by: list
    denied_by: list
    explanation: str

    @property
    def result(self):
        if self.possible != self.certain:
            raise PolicyError(f"undecided: {self.explanation}")
        return "Allowed" if self.certain else "ExplicitlyDenied" if self.denied_by else "ImplicitlyDenied"


def _hits(policy, allow, action, resource, context):
    """The statements of a policy that match a request, each with how surely."""
    out = []
    for statement in policy.for_action(action):
        if statement.allows != allow:
            continue
        hit = _resource_match(statement, resource, context, action)
        if hit:
            hit = min(hit, conditions(statement, context, action))
        if hit:
            out.append((hit, statement))
    return out


def _best(hits):
    return max((hit for hit, _ in hits), default=NO)


# Services whose resource policy must allow, the account's own roles included (KMS Developer Guide, "Key policies";
# IAM User Guide, "How IAM roles work": the trust policy).
POLICY_MUST_ALLOW = ("kms", "sts")


def decide(access, action, resource, context=None, resource_policy=None, resource_account=None):
    """IAM's decision about a request for one resource; `*` where the action takes none.

    `resource_policy` is the policy of that resource. It counts as documented for the account's own resources, or with
    `resource_account` for those of another account.
    """
    if resource != "*" and not resource.startswith("arn:"):
        raise PolicyError(f"{action}: {resource} is no ARN")
    context = access.context.joined(context or Context())
    principal = access.principal
    every = [*access.identity, *([access.boundary] if access.boundary else [])]
    denies = [hit for policy in every for hit in _hits(policy, False, action, resource, context)]
    resource_allows: dict = {}
    if resource_policy is not None:
        for hit, statement in _hits(resource_policy, False, action, resource, context):
            if _named(statement, principal):
                denies.append((hit, statement))
        for hit, statement in _hits(resource_policy, True, action, resource, context):
            named = _named(statement, principal)
            if named:
                resource_allows.setdefault(named, []).append((hit, statement))
    identity = [hit for policy in access.identity for hit in _hits(policy, True, action, resource, context)]
    boundary = _hits(access.boundary, True, action, resource, context) if access.boundary else []
    limit = _best(boundary) if access.boundary else YES
    own = min(_best(identity), limit)

    by = {how: _best(resource_allows.get(how, [])) for how in (ACCOUNT, ROLE, DIRECT, ANYBODY)}
    # IAM User Guide, "Policy evaluation logic", "Determining whether a request is allowed within an account": what a
    # resource's policy gives to a role's ARN is limited by the boundary, what it gives to a session's isn't. What it gives
    # to everybody is treated as either.
    by_role, by_session = min(by[ROLE], limit), by[DIRECT]
    anybody = {min(by[ANYBODY], limit), by[ANYBODY]}
    if principal.service:
        low = high = by[DIRECT]
    elif resource_account not in (None, principal.account):
        low = high = min(own, max(by.values()))
    else:
        direct_low = max(by_role, by_session, min(anybody))
        direct_high = max(by_role, by_session, max(anybody))
        must = action.partition(":")[0] in POLICY_MUST_ALLOW and resource_policy is not None
        delegated = min(own, max(by.values())) if must else own
        low, high = max(direct_low, delegated), max(direct_high, delegated)

    denied = _best(denies)
    decision = Decision(
        possible=high >= MAYBE and denied < YES,
        certain=low == YES and denied == NO,
        allowed_by=[it for _, it in identity] + [it for hits in resource_allows.values() for _, it in hits],
        denied_by=[it for hit, it in denies if hit == YES],
        explanation="",
    )
    decision.explanation = _explained(access, action, resource, context, decision, boundary, denies)
    return decision


def _explained(access, action, resource, context, decision, boundary, denies):
    """Why IAM decides as it does, with the names of the statements."""

    def names(statements):
        return ", ".join(sorted({it.name for it in statements}))

    if denies:
        return f"denied by {names(it for _, it in denies)}"
    if decision.possible:
        limits = f", within the boundary's {names(it for _, it in boundary)}" if boundary else ""
        return f"allowed by {names(decision.allowed_by)}{limits}, denied by nothing"
    if decision.allowed_by:
        lacking = f"the boundary {access.boundary.name}" if access.boundary and not boundary else "the other side"
        return f"allowed by {names(decision.allowed_by)}, not by {lacking}"
    near = []
    for policy in access.identity:
        for statement in policy.for_action(action):
            if not statement.allows:
                continue
            if not _resource_match(statement, resource, context, action):
                near.append(f"{statement.name} doesn't take the resource")
                continue
            unmet = [it for it in statement.conditions if condition(statement, it, context, action) == NO]
            for qualifier, operator, if_exists, key, values in unmet:
                operator = f"{qualifier}:{operator}".removeprefix(":") + "IfExists" * if_exists
                have = context.get(key, action)
                near.append(f"{statement.name} wants {operator} {key} {list(values)}, the request has {have}")
    return "no statement allows it" + (f"; {'; '.join(near[:4])}" if near else "")


# -- Reach -------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Reached:
    """A resource that a principal may reach, and by what."""

    arn: str
    statements: tuple

    def shown(self):
        return f"{self.arn} (allowed by {', '.join(dict.fromkeys(it.name for it in self.statements))})"


def _areas(statement, context, action):
    """The resources that an Allow may give: alternatives of (include, exclude) patterns."""
    patterns = list(arn_patterns(statement, context, action))
    if statement.not_resource:
        return [((), tuple(pattern for pattern, free in patterns if not free))]
    return [((pattern,), ()) for pattern, _ in patterns]


def _left_areas(statement, context, action):
    """The resources that a Deny may leave: alternatives of (include, exclude) patterns."""
    patterns = list(arn_patterns(statement, context, action))
    if statement.not_resource:
        return [((pattern,), ()) for pattern, _ in patterns]
    return [((), tuple(pattern for pattern, free in patterns if not free))]


def reach(access, action, target, context=None, resource_policy=None, outside=()):
    """An ARN that matches a pattern and that the principal may use an action on; `None` is a proof that there is none.

    Every Allow counts that a request could meet, and only those Denys that all requests meet. `outside` takes ARN patterns
    out of the question.
    """
    context = access.context.joined(context or Context())
    target = globs.arn(globs.tokens(target))
    outside = tuple(globs.arn(globs.tokens(it)) for it in outside)
    every = [*access.identity, *([access.boundary] if access.boundary else [])]
    allows = list(_allowing(access, action, context, resource_policy))
    if not allows:
        return None
    denies = [it for policy in every for it in policy.for_action(action) if not it.allows]
    if resource_policy is not None:
        denies += [it for it in resource_policy.for_action(action) if not it.allows and _named(it, access.principal)]
    denies = [it for it in denies if conditions(it, context, action) == YES]
    left_over = [_left_areas(it, context, action) for it in denies]
    limits = [None]
    if access.boundary:
        limits = [
            it for it in access.boundary.for_action(action) if it.allows and conditions(it, context, action) >= MAYBE
        ]
    for statement, limited in allows:
        for limit in limits if limited else [None]:
            bounded = _areas(limit, context, action) if limit else [((), ())]
            for parts in itertools.product(_areas(statement, context, action), bounded, *left_over):
                include = tuple(dict.fromkeys(it for part in parts for it in part[0]))
                exclude = tuple(dict.fromkeys([*(it for part in parts for it in part[1]), *outside]))
                arn = globs.witness((target, *include), exclude)
                if arn is not None:
                    return Reached(arn, (statement, *([limit] if limit else [])))
    return None


def _allowing(access, action, context, resource_policy):
    """The statements that may allow an action to the principal, each with whether the boundary limits it."""
    for policy in access.identity:
        for statement in policy.for_action(action):
            if statement.allows and conditions(statement, context, action) >= MAYBE:
                yield statement, True
    for statement in resource_policy.for_action(action) if resource_policy else ():
        named = _named(statement, access.principal)
        if statement.allows and named not in (None, ACCOUNT) and conditions(statement, context, action) >= MAYBE:
            yield statement, named == ROLE


def classes(actions, policies):
    """Actions that the same statements match, as one representative each with all of its class.

    A decision depends on an action only through the statements that match it and through the keys that its requests can
    have; with a context that leaves those free, one action of a class speaks for all.
    """
    found: dict[tuple, list[str]] = {}
    for action in sorted(actions):
        signature = tuple(it for policy in policies for it in policy.for_action(action))
        if signature:
            found.setdefault(signature, []).append(action)
    return [(members[0], members) for members in found.values()]
