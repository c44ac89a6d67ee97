"""The page over a server in a real browser: lists in parts, numbers when they are ready, and a run under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evals.replay.synthetic import synthetic_pool
from evals.view.session import View
from evals.view.sources import open_sources
from tests.evals.report_page.browser import Browser, chromium
from tests.evals.report_page.cases import HARM, harmful
from tests.evals.view.cases import POOL as GROWING
from tests.evals.view.cases import stored
from tts.pool import PoolStore, write_jsonl

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("vl_convert", reason="the library of the charts, vl-convert-python, is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("clean")]
POOL = synthetic_pool(questions=230, samples=6)
SETTINGS = ("permutations=10", "strategies=self_consistency,esc,cges,first_sample")


class Pages:
    """Views that are served.

    Attributes:
        large: the address of a pool of 230 questions, whose numbers are known.
        harm: that of texts that would do harm.
        growing: that of a run that a test adds to.
        path: the file of this run.
    """

    def __init__(self, folder: Path) -> None:
        from evals.view.page import ChartLibrary
        from tts.serve.view.run import ViewServer

        self.path = folder / "growing.sqlite"
        stored(folder / "large.sqlite", POOL)
        stored(self.path, questions=2)
        write_jsonl(harmful(), folder / "harm.jsonl")
        names = ("large.sqlite", "harm.jsonl", "growing.sqlite")
        self.views = [View(open_sources(folder / name), SETTINGS) for name in names]
        library = ChartLibrary()
        self.servers = [ViewServer(view, 0, library) for view in self.views]
        self.large, self.harm, self.growing = (server.url for server in self.servers)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    found = Pages(tmp_path_factory.mktemp("view"))
    yield found
    for server in found.servers:
        server.end()


@pytest.fixture(scope="module")
def browser(pages: Pages) -> Iterator[Browser]:
    with chromium(pages="http://127.0.0.1:") as found:
        yield found


def rows(browser: Browser) -> int:
    return int(browser.tab.locator(".questions a").count())


def status(browser: Browser, holds: str) -> None:
    """Wait until the line above the list holds what an expression looks for."""
    browser.tab.wait_for_function(f"() => document.querySelector('#status').textContent.{holds}")


def test_the_list_comes_first_and_in_parts(browser: Browser, pages: Pages) -> None:
    browser.open(pages.large, "")
    assert "token" not in browser.tab.url and browser.texts(".questions .id")[:2] == ["synthetic-0", "synthetic-1"]
    assert rows(browser) == 100 and browser.texts("#picked") == ["230 questions of 230"]
    for wanted in (200, 230):
        browser.tab.click("text=Show more")
        browser.tab.wait_for_function(f"() => document.querySelectorAll('.questions a').length === {wanted}")
    assert not browser.tab.is_visible("text=Show more")
    browser.tab.reload()  # by the cookie
    browser.tab.wait_for_selector(".questions a")
    browser.act(lambda: browser.tab.fill("#find", "synthetic-22"))
    browser.tab.wait_for_function("() => document.querySelector('#picked').textContent === '11 questions found'")
    assert rows(browser) == 11
    browser.act(lambda: browser.tab.fill("#find", "nowhere"))
    browser.tab.wait_for_function("() => document.querySelector('#picked').textContent === '0 questions found'")


def test_a_list_comes_back_as_it_was_left(browser: Browser, pages: Pages) -> None:
    browser.open(pages.large, "#questions")
    browser.tab.click("text=Show more")
    browser.tab.wait_for_function("() => document.querySelectorAll('.questions a').length === 200")
    row = browser.tab.locator(".questions a").nth(150)
    row.evaluate("one => { one.scrollIntoView({ block: 'center' }); one.same = true; }")
    before = browser.tab.evaluate("scrollY")
    browser.act(row.click)
    assert before > 1000 and browser.tab.evaluate("scrollY") == 0
    for back in (browser.tab.go_back, lambda: browser.tab.keyboard.press("l")):
        browser.act(back)
        assert rows(browser) == 200 and row.evaluate("one => one.same === true && one === document.activeElement")
        assert abs(browser.tab.evaluate("scrollY") - before) < 200
        browser.act(lambda: browser.tab.keyboard.press("Enter"))
        assert browser.texts("blockquote") == [POOL.entries[150].problem.question]
    browser.act(lambda: browser.tab.keyboard.press("j"))
    browser.act(lambda: browser.tab.keyboard.press("l"))
    assert browser.tab.evaluate("document.activeElement.dataset.place") != row.get_attribute("data-place")


def test_numbers_appear_when_they_are_ready(browser: Browser, pages: Pages) -> None:
    browser.open(pages.large, "#overview")
    assert browser.tab.locator(".headline").count() == 1
    browser.tab.wait_for_selector("#regret .chart svg")
    status(browser, "trim() === ''")
    [run] = pages.views[0].runs
    assert browser.texts(".headline") == [run.known.summary["headline"]]
    assert browser.tab.locator(".chart svg").count() == browser.tab.locator(".chart").count() >= 5
    decided = run.known.decided
    assert decided is not None and decided.names == ("self_consistency", "esc", "cges", "first_sample")
    browser.open(pages.large, "#questions?strategy=first_sample")
    browser.act(lambda: browser.tab.select_option("#only", "wrong"))
    wrong = [f"synthetic-{place}" for place, right in enumerate(decided.right[3]) if not right]
    assert browser.texts(".questions .id") == wrong[:100]
    assert browser.texts("#picked") == [f"{len(wrong)} questions of 230"]
    browser.act(lambda: browser.tab.select_option("#order", "longest"))
    assert sorted(browser.texts(".questions .id")) == sorted(wrong)[:100] or len(wrong) > 100


def test_a_question_has_its_samples_and_leads_to_others(browser: Browser, pages: Pages) -> None:
    browser.open(pages.large, "#questions")
    browser.act(lambda: browser.tab.locator(".questions a").nth(4).click())
    entry = POOL.entries[4]
    assert browser.texts("blockquote") == [entry.problem.question]
    assert browser.texts(".samples .text") == [sample.text for sample in entry.samples]
    assert browser.texts(".steps .note") == ["5 of 230"]
    assert browser.tab.locator("#growth svg").count() == 1
    assert browser.tab.locator("#decisions tbody tr").count() == 4
    browser.act(lambda: browser.tab.keyboard.press("j"))
    assert browser.texts("blockquote") == [POOL.entries[5].problem.question]
    browser.act(lambda: browser.tab.keyboard.press("k"))
    assert browser.texts("blockquote") == [entry.problem.question]
    browser.open(pages.large, "#facts")
    assert "What was run" in browser.texts("h2") and browser.tab.locator("table").count() >= 1


def test_a_run_under_way_is_followed(browser: Browser, pages: Pages) -> None:
    browser.open(pages.growing, "")
    assert rows(browser) == 2 and "Running" not in browser.texts("#status")[0]
    with PoolStore.create_or_open(pages.path) as store:
        for entry in GROWING.entries[2:5]:
            store.add(1, entry.problem.id, entry.samples, entry.correct)
        browser.tab.wait_for_function("() => document.querySelectorAll('.questions a').length === 5")
        browser.tab.wait_for_function(
            "() => document.querySelector('#status').textContent.includes('Running: 5 of 12')"
        )
        browser.act(lambda: browser.tab.locator(".questions a").nth(4).click())
        last = GROWING.entries[4]
        assert browser.tab.locator(".samples > li:not(.stop)").count() == 4
        store.add(1, last.problem.id, [replace(last.samples[0], index=4)], [last.correct[0]])
        browser.tab.wait_for_function("() => document.querySelectorAll('.samples > li:not(.stop)').length === 5")
    status(browser, "startsWith('Running') === false")
    browser.tab.wait_for_selector("#decisions tbody tr")  # the numbers are computed anew


def test_texts_of_a_pool_do_nothing(browser: Browser, pages: Pages) -> None:
    for state in ("#overview", "#questions", *(f"#question?at={i}" for i in range(len(HARM))), "#facts"):
        browser.open(pages.harm, state)
        assert browser.tab.evaluate("window.harmed") is None
        assert browser.tab.locator("main img, main script, main iframe, main object, main b").count() == 0
    browser.open(pages.harm, "#question?at=3")
    assert browser.texts("blockquote") == ["⟨U+202E⟩gnirts⟨U+202C⟩ and ⟨U+2066⟩isolated⟨U+2069⟩ ⟨U+200F⟩"]


def test_a_server_that_has_ended_is_told(browser: Browser, tmp_path: Path) -> None:
    from tts.serve.view.run import ViewServer

    stored(tmp_path / "pool.sqlite")
    server = ViewServer(View(open_sources(tmp_path / "pool.sqlite"), SETTINGS), 0)
    browser.open(server.url, "")
    server.end()
    browser.tab.wait_for_function(
        "() => document.querySelector('#status').textContent.includes('The server has ended')"
    )
    browser.faults.clear()  # the browser reports the lost connection
