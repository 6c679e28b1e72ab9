"""The control paths ``/_mlp/...``, by which tests and the demo switch the suite's behaviour, in front of ministack."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .emulator import application
from .patches import bucket_owners, bucket_tags, custom_resources, faults, schedules
from .services import license_manager, sessions

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIX = "/_mlp/"

# What GET and POST of a path call; None where the method is not allowed.
_CONTROLS: dict[str, tuple[Callable[[], dict] | None, Callable[[dict], dict]]] = {
    "license": (license_manager.state, license_manager.configure),
    "faults": (faults.state, faults.configure),
    "sessions": (None, sessions.create),
    "bucket-tags": (None, bucket_tags.configure),
    "custom": (None, custom_resources.configure),
    "schedules/fire": (None, lambda request: schedules.fire(str(request.get("name", "")))),
}


def with_controls(services: Iterable[str]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """ministack's application with the control paths in front. ``services`` are those that the health path names."""
    names = sorted(services)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            status, body = await _control(scope["method"], scope["path"][len(PREFIX) :], receive, names)
            await _answer(send, status, "application/json", json.dumps(body).encode())
            return
        refusal = bucket_owners.refusal(scope) if scope["type"] == "http" else None
        if refusal is not None:
            await _answer(send, 403, "application/xml", refusal)
            return
        await application.app(scope, receive, send)

    return serve


async def _answer(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _control(method: str, name: str, receive: Receive, services: list[str]) -> tuple[int, dict]:
    if name == "health":
        return 200, {"status": "running", "services": services}
    if name not in _CONTROLS:
        return 404, {"message": f"no control path {PREFIX}{name}; there are: health, {', '.join(_CONTROLS)}"}
    read, change = _CONTROLS[name]
    if method == "GET" and read is not None:
        return 200, read()
    if method != "POST":
        return 405, {"message": "GET or POST" if read else "POST"}
    try:
        request = json.loads(await _body(receive) or b"{}")
        if not isinstance(request, dict):
            raise ValueError("the body must be a JSON object")
        return 200, change(request)
    except ValueError as error:
        return 400, {"message": str(error)}


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
