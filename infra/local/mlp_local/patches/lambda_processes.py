"""Processes of functions end with the launcher, also when it is killed.

Reason: ministack's children outlive a launcher that is killed.
Source: Linux manual, prctl(2), ``PR_SET_PDEATHSIG``: the signal is sent when the *thread* ends that created the child.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from typing import Any

from ..emulator import lambda_runtime, lambda_service

_stopping = threading.Event()


def stop_children() -> None:
    """Ends every function's process, also one that is being started right now."""
    _stopping.set()
    lambda_runtime.reset()


class _Spawner:
    """``subprocess`` for ministack's Lambda modules: children end with the launcher even when it is killed.

    Linux ends a child at its parent's death when asked to, but "parent" means the thread that forked it, and
    ministack forks from short-lived threads. So one thread that lives as long as the process does all the forking.
    """

    def __init__(self) -> None:
        self._requests: queue.Queue = queue.Queue()
        threading.Thread(target=self._serve, daemon=True, name="mlp-spawner").start()

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  (subprocess's own name)
        answer: queue.Queue = queue.Queue()
        self._requests.put((args, kwargs, answer))
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def _serve(self) -> None:
        while True:
            args, kwargs, answer = self._requests.get()
            try:
                if _stopping.is_set():
                    raise OSError("the suite is stopping")
                if sys.platform == "linux":
                    kwargs.setdefault("preexec_fn", _die_with_launcher)
                answer.put(subprocess.Popen(*args, **kwargs))
            except BaseException as error:
                answer.put(error)


if sys.platform == "linux":
    import ctypes
    import signal

    _prctl = ctypes.CDLL(None, use_errno=True).prctl
    _PR_SET_PDEATHSIG = 1

    def _die_with_launcher() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def install() -> None:
    spawner = _Spawner()
    lambda_runtime.subprocess = spawner
    lambda_service.subprocess = spawner
