"""Evaluates the ``Conditions`` section with pseudo parameters and every function that needs no resource.

Reason: ministack compares ``Ref: AWS::Region`` as the text ``AWS::Region`` and knows few functions in conditions.
Source: CloudFormation User Guide, "Condition functions", "Supported functions".
"""

from __future__ import annotations

import copy
from typing import Any

from ..emulator import EVALUATE_CONDITIONS, engine
from .template_references import PSEUDO


def evaluate_conditions(template: dict, params: dict) -> dict:
    """Every condition's value. Its operands may use pseudo parameters and any function that needs no resource."""
    definitions = template.get("Conditions") or {}
    mappings = template.get("Mappings") or {}
    known = set(template.get("Parameters") or {}) | PSEUDO
    done: dict[str, bool] = {}
    active: list[str] = []

    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    def operand(node: Any) -> Any:
        for name, _ in engine.intrinsic_references(node):
            if name not in known and name not in params:
                raise ValueError(
                    f"Template format error: Unresolved dependencies [{name}]. Cannot reference "
                    "resources in the Conditions block of the template"
                )
        return engine.resolve_refs(copy.deepcopy(node), {}, params, done, mappings, "", "")

    def evaluate(node: Any) -> bool:
        if isinstance(node, dict) and len(node) == 1:
            ((function, arguments),) = node.items()
            if function == "Fn::Equals":
                return text(operand(arguments[0])) == text(operand(arguments[1]))
            if function == "Fn::And":
                return all(evaluate(item) for item in arguments)
            if function == "Fn::Or":
                return any(evaluate(item) for item in arguments)
            if function == "Fn::Not":
                return not evaluate(arguments[0])
            if function == "Condition":
                return value_of(arguments)
        raise ValueError(
            "Template format error: Conditions can only be boolean operations on parameters and other conditions"
        )

    def value_of(name: str) -> bool:
        if name not in done:
            if name not in definitions:
                raise ValueError(
                    f"Template format error: Unresolved condition dependency {name} in the Conditions "
                    "block of the template"
                )
            if name in active:
                raise ValueError(
                    f"Template format error: Found circular condition dependency between {name} and {active[-1]}"
                )
            active.append(name)
            done[name] = evaluate(definitions[name])
            active.remove(name)
        return done[name]

    for name in definitions:
        value_of(name)
    return done


def install() -> None:
    EVALUATE_CONDITIONS.replace(evaluate_conditions)
