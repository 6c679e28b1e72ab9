"""AWS-managed policies, as moto ships them: a copy of what IAM answers (`aws iam get-policy-version`)."""

import ast
import functools
import importlib.util
import json
import pathlib

from .evaluator import Policy


@functools.cache
def _documents():
    """Name to document. The module is read and not imported: it is data, and moto itself would take a second."""
    spec = importlib.util.find_spec("moto")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("moto is not installed")
    (folder,) = spec.submodule_search_locations
    source = (pathlib.Path(folder) / "iam/aws_managed_policies.py").read_text(encoding="utf-8")
    values = {
        target.id: it.value
        for it in ast.parse(source).body
        if isinstance(it, ast.Assign)
        for target in it.targets
        if isinstance(target, ast.Name)
    }
    policies = json.loads(ast.literal_eval(values["aws_managed_policies_data"]))
    return {name: it["Document"] for name, it in policies.items()}


@functools.cache
def policy(arn, kind="identity"):
    """An AWS-managed policy by its ARN. Other partitions have the same policies with ARNs of their own."""
    _, partition, _, _, owner, path = arn.split(":", 5)
    if owner != "aws":
        raise ValueError(f"{arn} is not AWS's")
    name = path.rsplit("/", 1)[-1]
    document = _documents()[name]
    if partition != "aws":
        document = json.loads(json.dumps(document).replace('"arn:aws:', f'"arn:{partition}:'))
    return Policy(name, document, kind)
