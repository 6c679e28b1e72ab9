"""Fixtures of all Python tests."""

import contextlib

import pytest

# Assertions of the shared package show their values, as those of tests do.
pytest.register_assert_rewrite("mlp_tests")


@pytest.fixture
def cleanup():
    """`cleanup(function, *arguments)` calls the function at the end of the test, the last one first."""
    with contextlib.ExitStack() as stack:
        yield stack.callback
