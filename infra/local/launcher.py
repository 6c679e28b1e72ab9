#!/usr/bin/env python3
"""Starts the local suite: ministack with what this project needs and ministack lacks.

    python infra/local/launcher.py --port 0 --ready-file ready.json --log emulator.log --data-dir data

The process stays in the foreground until SIGTERM or SIGINT. ``docs/local.md`` says what the suite proves and
what it does not. The interpreter must be the one of the emulator's own virtual environment
(``requirements.txt`` beside this file): ministack pins botocore.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the suite leaves no file outside of its data directory

from mlp_local import server  # noqa: E402  (after the switch; imports nothing of ministack yet)


def _account_id(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError("an account id has exactly 12 digits")
    return text


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return value


def _path(text: str) -> Path:
    return Path(text).absolute()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--ready-file", type=_path, metavar="PATH", help="written once the suite answers, as JSON")
    parser.add_argument("--log", type=_path, metavar="PATH", help="log file; standard error when absent")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.add_argument(
        "--data-dir", type=_path, metavar="DIR", required=True, help="scratch space; emptied at the end"
    )
    parser.add_argument("--account-id", type=_account_id, default="000000000000")
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    parser.add_argument(
        "--enforce-iam", action="store_true", help="check signatures and IAM policies of every request (off by default)"
    )
    args = parser.parse_args()
    return server.run(
        server.Options(
            port=args.port,
            ready_file=args.ready_file,
            log=args.log,
            log_level=args.log_level,
            data_dir=args.data_dir,
            account_id=args.account_id,
            region=args.region,
            die_with_parent=args.die_with_parent,
            enforce_iam=args.enforce_iam,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
