"""Adds a resource type to CloudFormation's tables in ministack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .emulator import provisioners
from .jsonservice import ApiError


def register(
    name: str,
    create: Callable,
    update: Callable,
    delete: Callable,
    *,
    replaces_on: Sequence[str],
    custom_name: str | None = None,
    exists: str = "",
    tags: tuple | None = ("Tags", "list"),
) -> None:
    """Adds the type ``name``.

    ``create(logical_id, properties, stack_name)`` and ``update(physical_id, old, new, stack_name)`` return the
    physical id (what ``Ref`` gives) and the attributes (what ``Fn::GetAtt`` gives). ``replaces_on`` are the
    properties whose change replaces the resource, and ``custom_name`` the one that names it: CloudFormation creates
    the replacement first, so it fails with ``exists`` when the name is kept.
    """
    provisioners.RESOURCE_HANDLERS[name] = {
        "create": _translated(create),
        "update": _translated(update),
        "delete": _translated(delete),
    }
    provisioners.REPLACING_PROPERTIES[name] = tuple(replaces_on)
    if custom_name:
        provisioners.CUSTOM_NAME_REPLACEMENT[name] = {"name": custom_name}
        if exists:
            provisioners.CUSTOM_NAME_REPLACEMENT[name]["exists"] = exists
    if tags:
        provisioners.STACK_TAG_PROPERTY[name] = tags


def _translated(function: Any) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        try:
            return function(*args)
        except ApiError as error:
            raise ValueError(f"{error.message} (Status Code: {error.status}, Error Code: {error.code})") from None

    return run


def generated_name(stack_name: str, logical_id: str, length: int) -> str:
    return provisioners.physical_name(stack_name, logical_id, max_len=length)


def require(properties: dict, known: Sequence[str], required: Sequence[str] = ()) -> None:
    """Refuses what the resource provider refuses before it calls the service."""
    unknown = sorted(set(properties) - set(known))
    if unknown:
        raise ValueError(
            "Properties validation failed for resource with message: [#: extraneous key "
            f"[{unknown[0]}] is not permitted]"
        )
    for name in required:
        if properties.get(name) in (None, ""):
            raise ValueError(
                f"Properties validation failed for resource with message: [#: required key [{name}] not found]"
            )


def tag_map(tags: dict | None) -> dict:
    return provisioners.tag_map(tags)


def already_exists(resource_type: str, identifier: str) -> ValueError:
    """The refusal of the resource handlers, which look before they create."""
    return ValueError(
        f"Resource of type '{resource_type}' with identifier '{identifier}' already exists. "
        "(HandlerErrorCode: AlreadyExists)"
    )
