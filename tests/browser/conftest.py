"""The browser of all tests of pages."""

import pytest

from mlp_tests.browser import Browser


@pytest.fixture(scope="session")
def browser():
    browser = Browser()
    yield browser
    browser.close()
