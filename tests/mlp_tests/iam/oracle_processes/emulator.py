"""Asks ministack's evaluator: one JSON request a line in, one JSON answer a line out. Runs in the emulator's environment."""

import json
import re
import sys

from ministack.core import iam_evaluator as engine

VARIABLE = re.compile(r"\$\{([^}]*)\}")
DECISIONS = {"Allow": "Allowed", "Deny": "ExplicitlyDenied", "ImplicitDeny": "ImplicitlyDenied"}
# No value of a request contains it, so that a variable without a value matches nothing.
NOTHING = "\x00nothing"


def filled(document, have):
    """A document with its variables replaced: the engine has none. Wildcards in values aren't escaped, for it can't."""
    if document.get("Version") != "2012-10-17":
        return document

    def value(match):
        name, comma, default = match[1].partition(",")
        if match[1] in ("*", "?", "$"):
            return match[0]
        found = have.get(name.strip().lower())
        return found if isinstance(found, str) else default.strip().strip("'") if comma else NOTHING

    def walk(it):
        if isinstance(it, dict):
            return {key: walk(inner) for key, inner in it.items()}
        if isinstance(it, list):
            return [walk(inner) for inner in it]
        return VARIABLE.sub(value, it) if isinstance(it, str) else it

    return walk(document)


def decide(request):
    have = {key.lower(): value for key, value in request["context"].items()}
    engine._resolve_condition_key = lambda key, _: have.get(key.lower())  # noqa: SLF001  (a process of its own)
    principal = request["principal"]
    context = engine.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=(principal.split(":") + [""] * 5)[4],
        action=request["action"],
        resource_arn=request["resource"],
        region="us-east-1",
        source_ip="127.0.0.1",
        secure_transport=True,
    )
    identity = [engine.parse_policy_document(filled(it, have)) for it in request["identity"]]
    boundary = request["boundary"]
    limits = [[engine.parse_policy_document(filled(boundary, have))]] if boundary else []
    policy = filled(request["resource_policy"], have) if request["resource_policy"] else None
    if principal.endswith(".amazonaws.com"):
        return engine.evaluate_resource_policy(policy, context, service=principal)
    required = policy is not None and request["action"].startswith("kms:")
    return engine.combine_resource_policy(
        engine.evaluate(context, identity, *limits),
        context,
        policy,
        request["account"],
        required=required,
        limits=tuple(limits),
    )


for line in sys.stdin:
    try:
        answer = {"decision": DECISIONS[decide(json.loads(line)).decision]}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
