"""The environment variables that a function sees.

Reason: ministack hands its own environment to every function.
Source: Lambda Developer Guide, "Using Lambda environment variables" (defined runtime environment variables).
"""

from __future__ import annotations

import tempfile

from ..emulator import lambda_runtime, lambda_service


def _environment(endpoint: str, config: dict, code_dir: str, port: int) -> dict:
    """The variables of a ``provided`` runtime, as AWS lists them, and nothing of the launcher's own environment.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    _account, region = lambda_service.account_region_from_function_config(config)
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
        "AWS_LAMBDA_LOG_STREAM_NAME": lambda_service.new_uuid(),
        "LAMBDA_TASK_ROOT": code_dir,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": config.get("Handler", "bootstrap"),
        # The SDKs sign with these; ministack reads the account from the key.
        **lambda_runtime.execution_credentials(config),
        **lambda_service.runtime_env_vars(config),
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


def install(endpoint: str) -> None:
    def environment(config: dict, code_dir: str, port: int) -> dict:
        return _environment(endpoint, config, code_dir, port)

    lambda_service.provided_worker_env = environment
