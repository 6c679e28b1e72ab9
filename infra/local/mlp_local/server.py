"""The process: environment, listening socket, ready file, signals and a clean end."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

logger = logging.getLogger("mlp_local")


@dataclasses.dataclass(frozen=True)
class Options:
    port: int
    ready_file: Path | None
    log: Path | None
    log_level: str
    data_dir: Path
    account_id: str
    region: str
    die_with_parent: bool
    enforce_iam: bool


def run(options: Options) -> int:
    """Serves until a signal asks to stop. Returns the exit code."""
    parent = os.getppid()
    if options.ready_file:
        # A ready file of an earlier run would tell a waiting caller a dead endpoint.
        options.ready_file.unlink(missing_ok=True)
    if options.log:
        _log_to(options.log)
    listener = _listen(options.port)
    port = listener.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    scratch = options.data_dir / f"run-{os.getpid()}"
    _prepare_environment(options, port, endpoint, scratch)

    from . import install  # ministack reads its environment at import: never before this line

    app = install.everything(endpoint)
    try:
        asyncio.run(_serve(app, listener, endpoint, options, parent))
        return 0
    finally:
        install.stop_children()
        shutil.rmtree(scratch, ignore_errors=True)
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)


def _log_to(path: Path) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _listen(port: int) -> socket.socket:
    # Bound here and handed over open, so that a free port stays ours between choosing and serving.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"127.0.0.1:{port} can't be opened: {error.strerror}")
    return listener


def _prepare_environment(options: Options, port: int, endpoint: str, scratch: Path) -> None:
    """Sets what ministack, botocore and the SAM translator read, and nothing of the caller's AWS set-up survives."""
    for name in [n for n in os.environ if n.startswith(("AWS_", "MINISTACK_", "LAMBDA_", "LOCALSTACK_", "S3_"))]:
        del os.environ[name]
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True, parents=True)
    tempfile.tempdir = str(temporary)
    os.environ.update(
        {
            "AUTH": "true" if options.enforce_iam else "false",
            "AWS_ACCESS_KEY_ID": options.account_id,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_DEFAULT_REGION": options.region,
            "AWS_REGION": options.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            # ministack hands this to every function that it starts.
            "AWS_ENDPOINT_URL": endpoint,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": options.log_level,
            "MINISTACK_ACCOUNT_ID": options.account_id,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": options.region,
            "PERSIST_STATE": "0",
            "S3_DATA_DIR": str(scratch / "s3"),
            "S3_PERSIST": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(scratch / "state"),
            "TMPDIR": str(temporary),
            # Async invocations are retried after one and two minutes on AWS; a local suite must not take that long.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
            "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "0.4",
        }
    )
    os.environ.pop("DOCKER_HOST", None)


async def _serve(
    app: Callable[..., Any], listener: socket.socket, endpoint: str, options: Options, parent: int
) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # The loop holds only a weak reference to a task.
    watcher = None
    if options.die_with_parent:
        watcher = asyncio.ensure_future(_watch_parent(parent, stop))

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.shutdown_timeout = 5
    config.loglevel = options.log_level
    threading.Thread(target=_announce, args=(endpoint, options), daemon=True, name="mlp-announce").start()
    await serve(app, config, shutdown_trigger=stop.wait)
    if watcher is not None:
        watcher.cancel()


async def _watch_parent(parent: int, stop: asyncio.Event) -> None:
    # Polled, not PR_SET_PDEATHSIG: the kernel sends that signal when the starting *thread* ends.
    while not stop.is_set():
        if os.getppid() != parent:
            logger.info("the starting process has ended; stopping")
            stop.set()
        await asyncio.sleep(0.25)


def _announce(endpoint: str, options: Options) -> None:
    """Writes the ready file once the suite answers over HTTP."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with opener.open(f"{endpoint}/_mlp/health", timeout=2) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.05)
    else:
        logger.error("the suite does not answer at %s", endpoint)
        os.kill(os.getpid(), signal.SIGTERM)
        return
    ready = {"endpoint": endpoint, "pid": os.getpid(), "account_id": options.account_id, "region": options.region}
    logger.info("ready: %s", json.dumps(ready))
    if options.ready_file:
        options.ready_file.parent.mkdir(exist_ok=True, parents=True)
        partial = options.ready_file.with_name(f"{options.ready_file.name}.{os.getpid()}")
        partial.write_text(json.dumps(ready) + "\n", encoding="utf-8")
        partial.replace(options.ready_file)
