"""Lambda's execution environment: what a function sees, and that none of them outlives the suite."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, lambda_svc

_stopping = threading.Event()


def install(endpoint: str) -> None:
    def environment(config: dict, code_dir: str, port: int) -> dict:
        return _environment(endpoint, config, code_dir, port)

    lambda_svc._provided_worker_env = environment
    spawner = _Spawner()
    lambda_runtime.subprocess = spawner
    lambda_svc.subprocess = spawner
    lambda_svc._emit_lambda_logs = _with_metrics(lambda_svc._emit_lambda_logs)


def _embedded_metrics(text: str) -> None:
    """Metrics in CloudWatch's embedded metric format, which Logs takes out of every line that a function writes."""
    for line in text.splitlines():
        if '"CloudWatchMetrics"' not in line:
            continue
        try:
            record = json.loads(line)
            for directive in record["_aws"]["CloudWatchMetrics"]:
                for names in directive.get("Dimensions") or [[]]:
                    dimensions = {name: str(record[name]) for name in names}
                    for metric in directive["Metrics"]:
                        values = record[metric["Name"]]
                        for value in values if isinstance(values, list) else [values]:
                            cloudwatch.record_metric(directive["Namespace"], metric["Name"], float(value),
                                                     metric.get("Unit", "None"), dimensions)
        except (ValueError, KeyError, TypeError) as error:
            lambda_svc.logger.warning("a line in embedded metric format is not valid (%s): %s", error, line[:300])


def _with_metrics(original):
    def emit(func, request_id, log_text, *args, **kwargs):
        original(func, request_id, log_text, *args, **kwargs)
        _embedded_metrics(log_text or "")
    return emit


def stop_children() -> None:
    """Ends every function's process, also one that is being started right now."""
    _stopping.set()
    lambda_runtime.reset()


def _environment(endpoint: str, config: dict, code_dir: str, port: int) -> dict:
    """The variables of a ``provided`` runtime, as AWS lists them, and nothing of the launcher's own environment.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    account, region = lambda_svc._account_region_from_function_config(config)
    name = config.get("FunctionName", "unknown")
    logging = config.get("LoggingConfig") or {}
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text"),
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": lambda_svc.new_uuid(),
        "LAMBDA_TASK_ROOT": code_dir,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": config.get("Handler", "bootstrap"),
        # The SDKs sign with these; ministack reads the account from the key.
        **lambda_runtime.execution_credentials(config),
        **lambda_svc._runtime_env_vars(config),
        # Last, so that no function can reach past the suite.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Unset on AWS, where /tmp is the function's own; here it keeps a function's files in the data directory.
        "TMPDIR": tempfile.gettempdir(),
    }
    if logging.get("ApplicationLogLevel"):
        variables["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
    if not variables.get("AWS_SESSION_TOKEN"):
        variables["AWS_SESSION_TOKEN"] = "local"
    return variables


class _Spawner:
    """``subprocess`` for ministack's Lambda modules: children end with the launcher even when it is killed.

    Linux ends a child at its parent's death when asked to, but "parent" means the thread that forked it, and
    ministack forks from short-lived threads. So one thread that lives as long as the process does all the forking.
    """

    def __init__(self) -> None:
        self._requests: queue.Queue = queue.Queue()
        threading.Thread(target=self._serve, daemon=True, name="mlp-spawner").start()

    def __getattr__(self, name: str):
        return getattr(subprocess, name)

    def Popen(self, *args, **kwargs):  # noqa: N802  (subprocess's own name)
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
            except BaseException as error:  # noqa: BLE001  (handed to the thread that asked)
                answer.put(error)


if sys.platform == "linux":
    import ctypes
    import signal

    _prctl = ctypes.CDLL(None, use_errno=True).prctl
    _PR_SET_PDEATHSIG = 1

    def _die_with_launcher() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
