"""Public templates that the tests read: the fixtures of cfn-lint, from its source distribution on PyPI.

They are downloaded once, with pip, into `target/fixtures`. The hash is pinned here.
"""

import hashlib
import subprocess
import sys
import tarfile

import pytest

from .paths import ROOT

FOLDER = ROOT / "target/fixtures"
VERSION = "1.58.0"
SHA256 = "ba02cd7f7e06c8bc160936051a03ec931af52943fcc9cc72ad2748caa0f2a103"


def cfn_lint():
    """The folder of cfn-lint's test templates; skips the test when they can't be downloaded."""
    folder = FOLDER / f"cfn_lint-{VERSION}/test/fixtures/templates"
    if folder.is_dir():
        return folder
    archive = FOLDER / f"cfn_lint-{VERSION}.tar.gz"
    if not archive.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
        ]
        done = subprocess.run(
            [*pip, "--dest", str(FOLDER), f"cfn-lint=={VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            pytest.skip("cfn-lint's fixtures could not be downloaded from PyPI")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert found == SHA256, f"{archive} has the hash {found}"
    with tarfile.open(archive) as tar:
        wanted = [it for it in tar.getmembers() if "/test/fixtures/templates/" in it.name]
        tar.extractall(FOLDER, members=wanted, filter="data")
    return folder
