"""Trees in a real browser: the draws on the page are the document's, keys walk over them, and texts do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.report_page.document import run_report
from evals.report_page.page_file import page
from tests.evals.report_page.browser import Browser, chromium
from tests.evals.report_page.cases import FAST, HARM
from tests.evals.report_page.trees import pool_of_trees
from tts.pool import load_pool

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean")]

CONFIG = replace(FAST, strategies=["self_consistency"], permutations=2, replicates=10)
QUESTIONS = len(HARM) + 1


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A page of questions of which all but the last have trees, and its first run."""
    pytest.importorskip("vl_convert", reason="the library of the charts, vl-convert-python, is not installed")
    folder = tmp_path_factory.mktemp("trees")
    pool = load_pool(pool_of_trees(folder / "p.sqlite", QUESTIONS))
    made = page([run_report(pool, CONFIG, given=True)])
    (folder / "report.html").write_text(made.html, encoding="utf-8")
    return folder / "report.html", made.document["runs"][0]


@pytest.fixture(scope="module")
def browser(shown: tuple[Path, dict[str, Any]]) -> Iterator[Browser]:
    """A browser; its driver has the thread's event loop, so that the page is made before it starts."""
    with chromium() as found:
        yield found


FATES = {
    "pruned": "✂ pruned",
    "forked": "⇉ forked",
    "continued": "↳ continued",
    "ended": "■ ended",
    "unfinished": "… unfinished",
    "failed": "✗ failed",
}


def test_the_draws_on_the_page_are_those_of_the_document(browser: Browser, shown: tuple[Path, dict[str, Any]]) -> None:
    path, run = shown
    browser.open(path, "#question?at=1")
    (tree,) = run["questions"][1]["trees"]
    items = browser.tab.eval_on_selector_all(
        "[role=tree] [role=treeitem]",
        """all => all.map(one => { const mine = one.querySelector(":scope > .node"); const text = (name) =>
        mine.querySelector(name)?.textContent ?? null; return { draw: Number(one.dataset.draw),
        parent: one.parentElement.closest("[role=treeitem]")?.dataset.draw ?? null, level: one.ariaLevel,
        fate: text(".fate"), value: text(".value"), answer: text("code"), grade: text(".grade"),
        chosen: text(".chosen"), text: text(".text"), facts: text(".facts") }; })""",
    )
    by_draw = {one["draw"]: one for one in items}
    assert sorted(by_draw) == [node["index"] for node in tree["nodes"]] and len(items) == len(tree["nodes"])
    for node in tree["nodes"]:
        one = by_draw[node["index"]]
        assert one["fate"] == FATES[node["fate"]] and one["level"] == ("1" if node["parent"] is None else "2")
        assert one["parent"] == (None if node["parent"] is None else str(node["parent"]))
        assert one["value"] == (None if node["value"] is None else f"value {node['value']:.3f}")
        assert one["answer"] == node["answer"] and one["text"] == node["text"]
        assert one["grade"] == {None: None, True: "✓ right", False: "✗ wrong"}[node["right"]]
        assert (one["chosen"] is not None) == node["chosen"]
        if node["tokens"] is not None:
            assert f"{node['tokens']} token{'s' * (node['tokens'] != 1)}" in one["facts"]
    decision = browser.texts(".decided")[0]
    assert decision.startswith("decided4✓ right") and "stopped by budget" in decision and "12 tokens of the" in decision
    assert browser.texts(".search summary")[0] == "9 draws: 3 ended, 2 pruned, 1 forked, 1 unfinished, 1 failed"
    browser.open(path, f"#question?at={QUESTIONS - 1}")
    assert browser.tab.locator("[role=tree]").count() == 0 and browser.tab.locator(".samples > li").count() > 0


def test_keys_walk_over_a_tree_and_fold_it(browser: Browser, shown: tuple[Path, dict[str, Any]]) -> None:
    browser.open(shown[0], "#question?at=0")
    at = "document.activeElement.dataset.draw"
    browser.tab.locator("[role=treeitem][tabindex='0']").first.focus()
    press, value = browser.tab.keyboard.press, browser.tab.evaluate
    walked = [value(at)]
    for key in (
        "ArrowDown",
        "ArrowLeft",
        "ArrowLeft",
        "ArrowDown",
        "ArrowUp",
        "ArrowRight",
        "ArrowRight",
        "End",
        "Home",
    ):
        press(key)
        walked.append(value(at))
    assert walked == ["0", "4", "0", "0", "1", "0", "0", "4", "8", "0"]
    press("Enter")
    assert value("document.activeElement.ariaExpanded") == "false"
    assert not browser.tab.locator("[data-draw='4']").is_visible()
    browser.tab.locator("[data-draw='0'] > .node > .facts").click()
    assert browser.tab.locator("[data-draw='4']").is_visible()
    assert browser.tab.locator("[role=treeitem][tabindex='0']").count() == 1
    assert value("location.hash") == "#question?at=0"


def test_texts_of_a_tree_do_nothing_and_fit(browser: Browser, shown: tuple[Path, dict[str, Any]]) -> None:
    for width, scheme in ((1280, "light"), (400, "dark")):
        browser.tab.set_viewport_size({"width": width, "height": 900})
        browser.tab.emulate_media(color_scheme=scheme)
        for state in ("#overview", *(f"#question?at={i}" for i in range(len(HARM))), "#facts"):
            browser.open(shown[0], state)
            assert browser.tab.evaluate("window.harmed") is None
            assert browser.tab.locator("main img, main script, main iframe, main object, main b").count() == 0
            assert browser.tab.evaluate("document.documentElement.scrollWidth") <= width
    browser.tab.set_viewport_size({"width": 1280, "height": 900})
    browser.tab.emulate_media(color_scheme="light")
    browser.open(shown[0], "#question?at=4")
    assert browser.texts("[data-draw='0'] > .node > .text") == ["NUL ␀ and escape ␛[31m red ␇ ␡ ⟨U+009B⟩ a"]
    browser.open(shown[0], "#question?at=3")
    assert "⟨U+202E⟩gnirts⟨U+202C⟩" in browser.texts("[data-draw='6'] > .node > .text")[0]


def test_the_values_of_finece_are_shown_as_a_strip_without_a_tokenizer(
    browser: Browser, shown: tuple[Path, dict[str, Any]]
) -> None:
    browser.open(shown[0], "#question?at=0")
    assert browser.tab.locator("#shade-tree-0 option").all_text_contents() == [
        "FineCE's value",
        "probability of each token",
        "nothing",
    ]
    strip = browser.tab.locator("[data-draw='0'] > .node .strip span")
    assert strip.count() == 2 and strip.first.get_attribute("title") == "token 1: value 0.21"
    browser.tab.select_option("#shade-tree-0", "")
    assert browser.tab.locator("[role=tree] .heat").count() == 0
