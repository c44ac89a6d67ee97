"""A browser for tests: Debian's chromium, driven by playwright, that records what goes wrong on a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


TIMEOUT_MS = 120_000
"""The most time that a step may take, which a crowded machine needs."""


@dataclass
class Browser:
    """A page of a browser.

    Attributes:
        tab: playwright's page.
        faults: the console's messages, errors of scripts, and requests for anything but the page.
    """

    tab: Any
    faults: list[str] = field(default_factory=list)

    def open(self, page: Path | str, state: str = "#overview") -> None:
        """Open a file or an address in a state and wait until its charts are drawn."""
        self.tab.goto("about:blank")
        self.tab.goto(f"{page if isinstance(page, str) else page.as_uri()}{state}")
        self.tab.wait_for_selector("html[data-ready]")

    def act(self, action: Any) -> None:
        """Do something that changes the state, and wait until it is drawn."""
        before = self.tab.evaluate("document.documentElement.dataset.ready")
        action()
        self.tab.wait_for_function("before => document.documentElement.dataset.ready !== before", arg=before)

    def unfold(self, selector: str) -> None:
        """Open the table of numbers behind a chart, and wait until it has rows."""
        self.tab.click(f"{selector} summary")
        self.tab.wait_for_selector(f"{selector} details[open] tbody tr")

    def texts(self, selector: str) -> list[str]:
        """Return the texts of elements."""
        found: list[str] = self.tab.eval_on_selector_all(selector, "all => all.map(one => one.textContent)")
        return found


@contextmanager
def chromium(*, pages: str = "file:", **context: Any) -> Iterator[Browser]:
    """Start a browser with a new profile; the test is skipped where there is none.

    Args:
        pages: the beginning of the addresses that it may ask for.
        context: further options of the browser.
    """
    driver = pytest.importorskip("playwright.sync_api", reason="the browser's driver, playwright, is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with driver.sync_playwright() as playwright, TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=list(FLAGS), **context
        )
        try:
            found = Browser(browser.new_page())
            found.tab.set_default_timeout(TIMEOUT_MS)
            found.tab.on("console", lambda message: found.faults.append(f"{message.type}: {message.text}"))
            found.tab.on("pageerror", lambda error: found.faults.append(str(error)))
            found.tab.on(
                "request",
                lambda sent: None if sent.url.startswith((pages, "about:")) else found.faults.append(sent.url),
            )
            yield found
        finally:
            browser.close()
