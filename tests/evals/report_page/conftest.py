"""The fixture of all tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.evals.report_page.browser import Browser


@pytest.fixture
def clean(browser: Browser) -> Iterator[None]:
    """No message on the console, no error and no request but for the page, whatever a test does."""
    browser.faults.clear()
    yield
    assert browser.faults == []
