"""The golden templates of products."""

import json
import pathlib

from cfnlint.decode.cfn_yaml import loads

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "tests/golden/templates").glob("*.yaml"))


def plain(node):
    """cfn-lint's nodes as plain dicts and lists."""
    return json.loads(json.dumps(node, default=str))


def templates():
    """The golden templates by name, as plain dicts and lists."""
    return {path.stem: plain(loads(path.read_text(encoding="utf-8"))) for path in PATHS}
