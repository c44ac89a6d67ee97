"""The page in a real browser: its numbers are the document's, filters and keys work, and texts do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evals.config import CompareConfig, RunConfig
from evals.live.run_session import run_strategies
from evals.report_page.document import RunReport, run_report
from evals.report_page.page_file import page
from tests.evals.report_page.browser import Browser, chromium
from tests.evals.report_page.cases import FAST, HARM, harmful, other, report_of
from tts.config import load_config
from tts.pool import load_pool

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean")]


class Shown(NamedTuple):
    """A page and the document behind it."""

    path: Path
    run: dict[str, Any]
    pairs: list[dict[str, Any]]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return written(tmp_path_factory.mktemp("simulated"), report_of())


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return written(tmp_path_factory.mktemp("two"), report_of(), other())


@pytest.fixture(scope="module")
def harm(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return written(tmp_path_factory.mktemp("harm"), run_report(harmful(), FAST, given=True))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A run of the bundled model with a confidence token."""
    folder = tmp_path_factory.mktemp("drawn")
    given = ("task.name=stories", "engine.model=grace", "engine.signals={confidence: true}", "scorer.name=grace")
    given += ("task.questions=5", "budget=4", "strategies=[self_consistency, first_sample]", f"out={folder}/p.sqlite")
    run_strategies(load_config(RunConfig, [], given))
    return written(folder, run_report(load_pool(folder / "p.sqlite"), CompareConfig(permutations=10, replicates=100)))


def written(folder: Path, *reports: RunReport) -> Shown:
    """Write the page of reports."""
    pytest.importorskip("vl_convert", reason="the library of the charts, vl-convert-python, is not installed")
    made, path = page(reports), folder / "report.html"
    path.write_text(made.html, encoding="utf-8")
    return Shown(path, made.document["runs"][0], made.document["pairs"])


@pytest.fixture(scope="module")
def browser(simulated: Shown, two: Shown, harm: Shown, drawn: Shown) -> Iterator[Browser]:
    """A browser; its driver has the thread's event loop, so that the pages are made before it starts."""
    with chromium() as found:
        yield found


def cells(browser: Browser, selector: str) -> list[list[str]]:
    """The cells of a table's body, row by row."""
    found: list[list[str]] = browser.tab.eval_on_selector_all(
        f"{selector} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


def rounds(text: str, value: float, digit: float) -> bool:
    """Return True if a text is a number to this digit; a tie may go either way."""
    return abs(float(text) - value) <= digit / 2 + 1e-9


def test_the_overview_has_the_numbers_of_the_document(browser: Browser, simulated: Shown) -> None:
    browser.open(simulated.path)
    assert browser.texts(".headline") == [simulated.run["headline"]]
    assert browser.tab.locator(".chart svg").count() == browser.tab.locator(".chart").count() >= 5
    rows = simulated.run["comparison"]["strategies"]
    shown = {row[0]: row[1:] for row in cells(browser, "#accuracy > .tabled")}
    for row in rows:
        low, high = row["accuracy_ci"]
        accuracy, ends, samples = shown[row["name"]][:3]
        numbers = (accuracy, *ends.strip("[]").split(", "), samples)
        for text, value, digit in zip(
            numbers, (row["accuracy"], low, high, row["samples"]), (0.1, 0.1, 0.1, 0.01), strict=True
        ):
            assert rounds(text, value * (100 if digit == 0.1 else 1), digit)
        assert shown[row["name"]][-1] == row["vs_self_consistency"]["verdict"]
    browser.tab.click("#accuracy > .tabled th:nth-child(2) button")
    assert [row[1] for row in cells(browser, "#accuracy > .tabled")] == sorted(
        (values[0] for values in shown.values()), key=float
    )
    browser.unfold("#regret")
    regrets = {row[0]: row[1:4] for row in cells(browser, "#regret")}
    causes = ("unsolved", "not_selected", "stopped_early")
    for row in rows:
        for text, cause in zip(regrets[row["name"]], causes, strict=True):
            assert text == "\u2013" if row["regret"][cause] is None else rounds(text, 100 * row["regret"][cause], 0.1)
    metrics = {row[0]: row[1] for row in cells(browser, "#confidence > .tabled")}
    for one in simulated.run["confidence"]["metrics"]:
        if one["value"] is not None:
            assert rounds(metrics[simulated.run["confidence"]["labels"][one["name"]]], one["value"], 1e-4)


def test_lines_are_toggled_and_other_costs_are_chosen(browser: Browser, simulated: Shown) -> None:
    browser.open(simulated.path)
    lines = "#accuracy .chart svg .mark-line.role-mark path"
    assert browser.tab.locator(lines).count() == 4
    browser.tab.locator("#accuracy > .tabled input").first.uncheck()
    browser.tab.wait_for_function(f"document.querySelectorAll({lines!r}).length === 3")
    browser.tab.select_option("#cost", "samples")
    browser.tab.wait_for_function(
        "document.querySelector('#accuracy .chart').textContent.includes('samples a question')"
    )
    assert browser.texts("#accuracy h2") == ["Accuracy against samples a question"]


def test_filters_pick_the_questions_that_they_name(browser: Browser, simulated: Shown) -> None:
    names = [row["name"] for row in simulated.run["comparison"]["strategies"]]
    keep = {
        "all": lambda q, d: True,
        "wrong": lambda q, d: not d["right"],
        "gained": lambda q, d: d["cause"] == "gained",
        "stopped_early": lambda q, d: d["cause"] == "stopped_early",
        "not_selected": lambda q, d: d["cause"] == "not_selected",
        "unsolved": lambda q, d: d["cause"] == "unsolved",
        "disagree": lambda q, d: len({one["answer"] for one in q["decisions"]}) > 1,
        "unread": lambda q, d: any(sample["answer"] < 0 for sample in q["samples"]),
    }
    browser.open(simulated.path, "#questions")
    options = browser.tab.eval_on_selector_all("#only option", "all => all.map(one => one.value)")
    assert options == list(keep)
    for at, name in ((names.index("first_sample"), "first_sample"), (0, names[0])):
        browser.open(simulated.path, f"#questions?strategy={name}")
        for only, wanted in keep.items():
            if only != "all":
                browser.act(lambda only=only: browser.tab.select_option("#only", only))
            picked = [q["id"] for q in simulated.run["questions"] if wanted(q, q["decisions"][at])]
            assert browser.texts(".questions .id") == picked
            assert browser.texts("#picked") == [f"{len(picked)} question{'s' * (len(picked) != 1)} of 12"]
    browser.act(lambda: browser.tab.select_option("#only", "wrong"))
    browser.act(lambda: browser.tab.fill("#find", "question 3."))
    found = [q["id"] for q in simulated.run["questions"] if "3." in q["question"] and not q["decisions"][0]["right"]]
    assert set(found) <= set(browser.texts(".questions .id")) or found == browser.texts(".questions .id")


def test_a_click_on_a_cause_leads_to_its_questions(browser: Browser, simulated: Shown) -> None:
    browser.open(simulated.path)
    bar = browser.tab.locator("#regret .chart svg path[aria-label*='strategy: first_sample; label: stopped too early']")
    browser.act(lambda: bar.click(force=True))
    assert browser.tab.url.partition("#")[2] == "questions?strategy=first_sample&only=stopped_early"


def test_a_question_has_its_samples_and_the_stops(browser: Browser, simulated: Shown) -> None:
    names = [row["name"] for row in simulated.run["comparison"]["strategies"]]
    for at in (0, 7):
        browser.open(simulated.path, f"#question?at={at}")
        question = simulated.run["questions"][at]
        assert browser.texts("blockquote") == [question["question"]]
        answers = [question["answers"][s["answer"]] if s["answer"] >= 0 else "no answer" for s in question["samples"]]
        assert browser.texts(".samples .answer") == answers
        grades = ["✓ right" if s["right"] else "✗ wrong" for s in question["samples"]]
        assert browser.texts(".samples .grade") == grades
        rows = {row[0]: row for row in cells(browser, "#decisions")}
        for name, decision in zip(names, question["decisions"], strict=True):
            assert rows[name][1:5] == [
                decision["answer"] or "abstained",
                "✓ right" if decision["right"] else "✗ wrong",
                str(decision["used"]),
                decision["stopped_by"],
            ]
        used = sorted({decision["used"] for decision in question["decisions"]})
        stops = browser.tab.eval_on_selector_all(
            ".samples > li", "all => all.flatMap((one, i) => one.className === 'stop' ? [i] : [])"
        )
        assert [place - i for i, place in enumerate(stops)] == used
        browser.tab.select_option("#kind", "posterior")
        browser.tab.wait_for_function("document.querySelector('#growth .chart').textContent.includes('posterior')")
        browser.unfold("#growth")
        grown = [float(row[2]) for row in cells(browser, "#growth")]
        assert grown == [pytest.approx(p, abs=6e-5) for draw in question["posteriors"] for p in draw]


def test_tokens_are_shaded_by_their_trace(browser: Browser, drawn: Shown) -> None:
    browser.open(drawn.path, "#question?at=0")
    question = drawn.run["questions"][0]
    assert browser.texts(".samples .text") == ["".join(s["pieces"]) for s in question["samples"]]
    for i, sample in enumerate(question["samples"]):
        shown = browser.tab.locator(f".samples > li:not(.stop) >> nth={i}")
        shown.scroll_into_view_if_needed()
        heat = shown.locator(".heat")
        heat.first.wait_for(state="attached")
        assert heat.count() == min(len(sample["pieces"]), len(sample["traces"]["confidence"]))
    first = browser.tab.locator(".samples .heat").first
    assert first.get_attribute("title").startswith("confidence 0.")
    browser.tab.select_option("#shade", "probability")
    browser.tab.wait_for_selector(".samples .heat[title^='probability ']")
    browser.tab.select_option("#shade", "")
    assert browser.tab.locator(".samples .heat").count() == 0


def test_keys_walk_through_the_questions(browser: Browser, simulated: Shown) -> None:
    browser.open(simulated.path)
    press = browser.tab.keyboard.press
    browser.act(lambda: press("l"))
    press("j")
    press("j")
    browser.act(lambda: press("Enter"))
    assert browser.texts("h2 .id") == [simulated.run["questions"][1]["id"]]
    browser.act(lambda: press("j"))
    assert browser.texts("h2 .id") == [simulated.run["questions"][2]["id"]]
    browser.act(lambda: press("k"))
    browser.act(lambda: press("/"))
    assert browser.tab.evaluate("document.activeElement.id") == "find"
    browser.act(lambda: browser.tab.keyboard.type("zzz"))
    assert browser.texts("#picked") == ["0 questions of 12"]
    press("Escape")
    press("?")
    assert browser.tab.locator("dialog[open]").count() == 1
    press("Escape")
    assert browser.tab.locator("dialog[open]").count() == 0


def test_two_runs_are_paired_by_question(browser: Browser, simulated: Shown, two: Shown) -> None:
    browser.open(simulated.path)
    assert "Two runs" not in browser.texts("header nav a")
    browser.open(two.path, "#pairs?strategy=esc")
    assert "Two runs" in browser.texts("header nav a")
    [pair] = two.pairs
    shown = {row[0]: [int(one) for one in row[1:5]] for row in cells(browser, "main > .tabled")}
    keys = ("both", "first_only", "second_only", "neither")
    assert shown == {row["name"]: [row[key] for key in keys] for row in pair["strategies"]}
    esc = next(row for row in pair["strategies"] if row["name"] == "esc")
    changed = browser.tab.locator("#changes tbody tr")
    assert changed.count() == esc["first_only"] + esc["second_only"] > 0
    browser.act(lambda: browser.tab.locator("#changes tbody a").nth(1).click())
    assert "run=1" in browser.tab.url and browser.tab.locator(".samples > li:not(.stop)").count() == 8


def test_texts_of_a_pool_do_nothing(browser: Browser, harm: Shown) -> None:
    for state in ("#overview", "#questions", *(f"#question?at={i}" for i in range(len(HARM))), "#facts"):
        browser.open(harm.path, state)
        assert browser.tab.evaluate("window.harmed") is None
        assert browser.tab.locator("main img, main script, main iframe, main object, main b").count() == 0
        assert browser.tab.evaluate("[...document.querySelectorAll('main svg')].every(one => one.closest('.chart'))")
        assert browser.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown = {
        0: HARM[0],
        3: "⟨U+202E⟩gnirts⟨U+202C⟩ and ⟨U+2066⟩isolated⟨U+2069⟩ ⟨U+200F⟩",
        4: "NUL ␀ and escape ␛[31m red ␇ ␡ ⟨U+009B⟩",
    }
    for at, text in shown.items():
        browser.open(harm.path, f"#question?at={at}")
        assert browser.texts("blockquote") == [text]
        assert "980,000 more characters left out here." in browser.texts(".missing")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")])
def test_nothing_is_wider_than_the_screen(browser: Browser, drawn: Shown, width: int, scheme: str) -> None:
    browser.tab.set_viewport_size({"width": width, "height": 900})
    browser.tab.emulate_media(color_scheme=scheme)
    for state in ("#overview", "#questions", "#question?at=1", "#facts"):
        browser.open(drawn.path, state)
        assert browser.tab.evaluate("document.documentElement.scrollWidth") <= width
        dark = browser.tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == ("rgb(21, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
    browser.tab.set_viewport_size({"width": 1280, "height": 900})
    browser.tab.emulate_media(color_scheme="light")
