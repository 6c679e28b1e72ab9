"""Where things are in the repository."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
TEMPLATES = sorted((GOLDEN / "templates").glob("*.yaml"))
# The program that `cargo xtask test` has built.
MLP = Path(os.environ.get("MLP_BINARY", ROOT / "target/debug/mlp")).resolve()
