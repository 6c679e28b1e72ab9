"""Tests on the running suite: without one they are skipped."""

import pytest

from mlp_tests import suite


@pytest.fixture(scope="session", autouse=True)
def running_suite():
    suite.setting("AWS_ENDPOINT_URL")
