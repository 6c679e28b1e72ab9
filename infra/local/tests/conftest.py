"""The launcher's tests: one suite for all of them, and one that enforces IAM policies."""

import pytest

from mlp_tests.local_suite import running


@pytest.fixture(scope="session")
def local():
    with running() as suite:
        yield suite


@pytest.fixture(scope="session")
def enforcing():
    with running("--enforce-iam") as suite:
        yield suite
