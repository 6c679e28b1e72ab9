"""A small AWS JSON 1.1 service: routing by ``X-Amz-Target``, and input checked against botocore's own model.

The model that the real SDKs are generated from knows required members, types, lengths, patterns and enumerations.
Checking against it gives AWS's refusals without writing them again.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import botocore.session

from .emulator import application, new_uuid, router

logger = logging.getLogger("mlp_local")

SESSION = botocore.session.get_session()
CONTENT_TYPE = "application/x-amz-json-1.1"


class ApiError(Exception):
    """An error that the service answers: ``code`` is the exception name of the model."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class JsonService:
    """One service: ``name`` is botocore's, operations are registered with :meth:`operation`."""

    def __init__(
        self, name: str, validation_code: str = "ValidationException", pattern_codes: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.model = SESSION.get_service_model(name)
        self.scope = self.model.signing_name
        self.prefix = self.model.metadata["targetPrefix"]
        self._validation_code = validation_code
        # Some services answer a malformed member with an exception of its own (member name -> exception).
        self._pattern_codes = pattern_codes or {}
        self._operations: dict[str, Callable[[dict], Any]] = {}
        self.before: Callable[[str], None] | None = None

    def operation(self, name: str) -> Callable[..., Any]:
        self.model.operation_model(name)  # a misspelt operation fails at import

        def register(function: Any) -> Any:
            self._operations[name] = function
            return function

        return register

    def register(self) -> None:
        """Makes ministack route this service's requests here."""
        router.SERVICE_PATTERNS[self.scope] = {"target_prefixes": [self.prefix + "."], "host_patterns": []}
        # The handler table was built from the registry at import, so both get the entry. The module is one that
        # exists and holds no state; only persistence, which the launcher leaves off, would look at it.
        application.SERVICE_HANDLERS[self.scope] = self.handle

    async def handle(self, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
        target = headers.get("x-amz-target", "")
        name = target.rsplit(".", 1)[-1]
        try:
            if name not in self.model.operation_names:
                raise ApiError("UnknownOperationException", "")
            if self.before is not None:
                self.before(name)
            function = self._operations.get(name)
            if function is None:
                raise ApiError("UnknownOperationException", f"the local suite does not implement {name}")
            try:
                request = json.loads(body or b"{}")
            except ValueError:
                raise ApiError("SerializationException", "the request is not JSON") from None
            self.validate(name, request)
            answer = function(request)
            return 200, {"Content-Type": CONTENT_TYPE}, json.dumps(answer or {}).encode()
        except ApiError as error:
            return error_answer(error)

    def validate(self, operation: str, request: Any) -> None:
        """Raises the refusal that AWS would answer for a request that does not fit the model."""
        shape = self.model.operation_model(operation).input_shape
        problems: list[tuple[str, str]] = []
        _check(shape, request, "", problems)
        if not problems:
            return
        for member, _ in problems:
            code = self._pattern_codes.get(re.sub(r"\..*|\[.*", "", member))
            if code:
                raise ApiError(code, "; ".join(text for _, text in problems))
        plural = "s" if len(problems) > 1 else ""
        raise ApiError(
            self._validation_code,
            f"{len(problems)} validation error{plural} detected: " + "; ".join(t for _, t in problems),
        )


def error_answer(error: ApiError) -> tuple:
    body = {"__type": error.code, "message": error.message, "Message": error.message}
    return (
        error.status,
        {"Content-Type": CONTENT_TYPE, "x-amzn-errortype": error.code, "x-amzn-requestid": new_uuid()},
        json.dumps(body).encode(),
    )


def _check(shape: Any, value: Any, path: str, problems: list) -> None:
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            problems.append((path, f"Value at '{path}' failed to satisfy constraint: Member must be an object"))
            return
        for name in shape.required_members:
            if value.get(name) is None:
                child = f"{path}.{name}" if path else name
                problems.append(
                    (child, f"Value null at '{_wire(child)}' failed to satisfy constraint: Member must not be null")
                )
        for name, item in value.items():
            # AWS ignores members that it doesn't know; a client can't send them by accident.
            if name in shape.members and item is not None:
                _check(shape.members[name], item, f"{path}.{name}" if path else name, problems)
        return
    limits = shape.metadata
    if shape.type_name == "list":
        if not isinstance(value, list):
            problems.append((path, f"Value at '{_wire(path)}' failed to satisfy constraint: Member must be a list"))
            return
        _length(limits, len(value), path, value, problems)
        for index, item in enumerate(value, 1):
            _check(shape.member, item, f"{path}.{index}.member", problems)
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            problems.append((path, f"Value at '{_wire(path)}' failed to satisfy constraint: Member must be a map"))
            return
        _length(limits, len(value), path, value, problems)
        for key, item in value.items():
            _check(shape.key, key, f"{path}.{key}.key", problems)
            _check(shape.value, item, f"{path}.{key}", problems)
    elif shape.type_name in ("string", "character"):
        if not isinstance(value, str):
            problems.append(
                (path, f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: Member must be a string")
            )
            return
        _length(limits, len(value), path, value, problems)
        pattern = limits.get("pattern")
        if pattern and not matches(pattern, value):
            problems.append(
                (
                    path,
                    f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: "
                    f"Member must satisfy regular expression pattern: {pattern}",
                )
            )
        if limits.get("enum") and value not in limits["enum"]:
            problems.append(
                (
                    path,
                    f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: "
                    f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]",
                )
            )
    elif shape.type_name in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            problems.append(
                (path, f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: Member must be a number")
            )
            return
        for key, word, bad in (
            ("min", "greater", value < limits.get("min", value)),
            ("max", "less", value > limits.get("max", value)),
        ):
            if bad:
                problems.append(
                    (
                        path,
                        f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: "
                        f"Member must have value {word} than or equal to {limits[key]}",
                    )
                )
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        problems.append(
            (path, f"Value '{value}' at '{_wire(path)}' failed to satisfy constraint: Member must be a boolean")
        )


def _length(limits: dict, length: int, path: str, value: Any, problems: list) -> None:
    shown = value if isinstance(value, str) else json.dumps(value)
    for key, word, bad in (
        ("min", "greater", length < limits.get("min", length)),
        ("max", "less", length > limits.get("max", length)),
    ):
        if bad:
            problems.append(
                (
                    path,
                    f"Value '{shown}' at '{_wire(path)}' failed to satisfy constraint: "
                    f"Member must have length {word} than or equal to {limits[key]}",
                )
            )


def matches(pattern: str, value: str) -> bool:
    """Whether a model's pattern (Java's dialect, anchored or not) fits the whole value."""
    for name, chars in (
        ("\\p{L}", "a-zA-Z\u00c0-\uffff"),
        ("\\p{Z}", "\\s"),
        ("\\p{N}", "0-9"),
        ("\\p{Alnum}", "a-zA-Z0-9"),
        ("\\p{Punct}", "!-/:-@\\[-`{-~"),
        ("\\p{M}", "\u0300-\u036f"),
    ):
        pattern = pattern.replace(name, chars)
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return True  # a dialect that Python can't read is not the caller's mistake


def _wire(path: str) -> str:
    return path[:1].lower() + path[1:]


def lower_first(value: Any) -> Any:
    """A template's PascalCase members as the API's camelCase ones, recursively."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower_first(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lower_first(item) for item in value]
    return value


def page(
    items: list, request: dict, size: int, token_in: str = "nextToken", invalid: str = "InvalidNextTokenException"
) -> tuple[list, str | None]:
    """One page of ``items`` and the next token (None at the end); tokens are offsets."""
    start = 0
    if request.get(token_in):
        try:
            start = int(request[token_in])
        except ValueError:
            raise ApiError(invalid, "The next token is invalid.") from None
    end = start + size
    return items[start:end], (str(end) if end < len(items) else None)
