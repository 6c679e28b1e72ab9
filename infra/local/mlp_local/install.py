"""Applies every part to the imported ministack and returns the application to serve."""

from __future__ import annotations

import json

import ministack.app as ministack_app

from . import (access, codebuild, codecommit, codepipeline, conditions, custom, drift, ec2, events, faults, functions, iam,
               kms, license_manager, macros, managed, observability, runtime, s3, sagemaker, sessions, stacks, tags,
               workflows)

SERVICES = (codecommit.SERVICE, codepipeline.SERVICE, sagemaker.SERVICE, license_manager.SERVICE)


def everything(endpoint: str):
    """Installs services, resource types and behaviour, and returns the ASGI application."""
    for service in SERVICES:
        service.register()
    # Macros wrap what stacks puts in place, so they come after it.
    for part in (codecommit, codepipeline, sagemaker, codebuild, s3, iam, kms, ec2, observability, events, functions,
                 drift, tags, stacks, custom, macros, faults, conditions, managed):
        part.install()
    access.install(endpoint)
    runtime.install(endpoint)
    workflows.install(endpoint)
    return _application


def stop_children() -> None:
    runtime.stop_children()


async def _application(scope, receive, send) -> None:
    """ministack's application, with the control paths ``/_mlp/...`` in front."""
    if scope["type"] == "http" and scope["path"].startswith("/_mlp/"):
        status, body = await _control(scope["method"], scope["path"][len("/_mlp/"):], receive)
        payload = json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status,
                    "headers": [(b"content-type", b"application/json"),
                                (b"content-length", str(len(payload)).encode())]})
        await send({"type": "http.response.body", "body": payload})
        return
    refusal = s3.refusal(scope) if scope["type"] == "http" else None
    if refusal is not None:
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"application/xml")]})
        await send({"type": "http.response.body", "body": refusal})
        return
    await ministack_app.app(scope, receive, send)


_CONTROLS = {
    "license": (license_manager.state, license_manager.configure),
    "faults": (faults.state, faults.configure),
    "sessions": (None, sessions.create),
    "bucket-tags": (None, s3.configure),
    "custom": (None, custom.configure),
    "schedules/fire": (None, lambda request: events.fire(str(request.get("name", "")))),
}


async def _control(method: str, name: str, receive) -> tuple[int, dict]:
    if name == "health":
        return 200, {"status": "running", "services": sorted(s.name for s in SERVICES)}
    read, change = _CONTROLS.get(name, (None, None))
    if read is None and change is None:
        return 404, {"message": f"no control path /_mlp/{name}; there are: health, {', '.join(_CONTROLS)}"}
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


async def _body(receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
