"""A question of many long samples in a real browser: shown at once, shaded near the screen, found and printed whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.report_page.document import RunReport
from evals.report_page.page_file import page
from tests.evals.report_page.browser import Browser, chromium
from tests.evals.report_page.cases import report_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean")]
SAMPLES, TOKENS = 64, 300
PIECES = [f"word{i} " for i in range(TOKENS)]


def long_report() -> RunReport:
    """A question of many samples, each with the texts and the trace of its tokens, the last of them with a mark."""
    found = report_of()
    first = found.questions[0]
    traced = {"traces": {"confidence": "AZz_" * (TOKENS // 4)}}
    samples = [
        {**first["samples"][i % len(first["samples"])], "index": i, "pieces": PIECES, **traced} for i in range(SAMPLES)
    ]
    samples[-1] = {**samples[-1], "pieces": [*PIECES[:-1], "needle"]}
    return RunReport(found.summary, [{**first, "samples": samples, "posteriors": None}], (0,))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("vl_convert", reason="the library of the charts, vl-convert-python, is not installed")
    path = tmp_path_factory.mktemp("long") / "report.html"
    path.write_text(page([long_report()]).html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(shown: Path) -> Iterator[Browser]:
    """A browser; its driver has the thread's event loop, so that the page is made before it starts."""
    with chromium() as found:
        yield found


def shades(browser: Browser) -> int:
    return int(browser.tab.locator(".samples .heat").count())


def test_texts_are_there_and_tokens_are_shaded_near_the_screen(browser: Browser, shown: Path) -> None:
    browser.open(shown, "#question?at=0")
    texts = browser.texts(".samples .text")
    assert len(texts) == SAMPLES and texts[0] == "".join(PIECES) and texts[-1].endswith("needle")
    browser.tab.wait_for_selector(".samples .heat")
    assert 0 < shades(browser) < SAMPLES * TOKENS / 4
    browser.tab.locator(".samples .text").last.scroll_into_view_if_needed()
    browser.tab.wait_for_function(
        f"() => [...document.querySelectorAll('.samples .text')].at(-1).children.length === {TOKENS}"
    )
    assert browser.texts(".samples .text") == texts
    assert shades(browser) < SAMPLES * TOKENS


def test_a_search_of_the_browser_finds_the_last_text(browser: Browser, shown: Path) -> None:
    browser.open(shown, "#question?at=0")
    assert browser.tab.evaluate("find('needle')")
    browser.tab.wait_for_function("() => scrollY > 1000")
    assert browser.tab.evaluate("getSelection().anchorNode.parentElement.closest('li').textContent.includes('needle')")


def test_a_page_is_printed_with_all_shades(browser: Browser, shown: Path) -> None:
    browser.open(shown, "#question?at=0")
    assert shades(browser) < SAMPLES * TOKENS
    assert browser.tab.pdf().startswith(b"%PDF")
    assert shades(browser) == SAMPLES * TOKENS
