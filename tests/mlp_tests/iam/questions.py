"""Requests as plain data, so that other evaluators can be asked the same."""

from .evaluator import ABSENT, FREE, Access, Context, Policy, Principal, decide


class _Lenient(Context):
    """A request whose context is all there is: what it doesn't name is absent."""

    def get(self, key, action):
        key = key.lower()
        return super().get(key, action) if key in self.values else ABSENT

    def joined(self, other):
        joined = _Lenient()
        joined.values = {**self.values, **other.values}
        joined.written = {**self.written, **other.written}
        return joined


def asked_of_us(question):
    """The evaluator's answer to a question."""
    session = question["principal"]
    service = session.endswith(".amazonaws.com")
    if service:
        principal = Principal.of_service(session)
    else:
        role = Principal.role(question["context"]["aws:PrincipalArn"])
        principal = Principal(role.arn, session, role.account)
    boundary, of_resource = question["boundary"], question["resource_policy"]
    kind = "trust" if question["action"] == "sts:AssumeRole" else "resource"
    access = Access(
        question["name"],
        principal,
        tuple(Policy(f"identity {index}", it) for index, it in enumerate(question["identity"], 1)),
        Policy("boundary", boundary, "boundary") if boundary else None,
        _Lenient(),
    )
    return decide(
        access,
        question["action"],
        question["resource"],
        _Lenient(question["context"]),
        Policy("resource", of_resource, kind) if of_resource else None,
        question["account"],
    ).result


def question(name, access, action, resource, context, account, resource_policy=None):
    """A request of ours as data. Every key has a value or is absent."""
    joined = access.context.joined(context)
    values = {
        joined.written.get(key, key): value if isinstance(value, list) else str(value)
        for key, value in joined.values.items()
        if value != ABSENT
    }
    if FREE in values.values() or joined.free:
        raise ValueError(f"{name}: a context with free keys is no single request")
    return {
        "name": name,
        "principal": access.principal.session,
        "action": action,
        "resource": resource,
        "account": account,
        "identity": [it.document for it in access.identity],
        "boundary": access.boundary.document if access.boundary else None,
        "resource_policy": resource_policy.document if resource_policy else None,
        "context": values,
    }
