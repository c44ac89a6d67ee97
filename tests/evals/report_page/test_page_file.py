"""The page is one file without requests: its policy names its scripts by hash, and no text of a pool is markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from evals.report_page import page_file, page_parts
from evals.report_page.document import run_report
from evals.report_page.page_file import SCRIPTS, page
from evals.report_page.visible_traces import LEVELS
from tests.evals.report_page.cases import FAST, harmful, report_of
from tts.errors import UnsupportedError


class Scripts(HTMLParser):
    """The scripts, styles and tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.tags: list[str] = []
        self._in: str = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            attrs, before = self.scripts[-1]
            self.scripts[-1] = (attrs, before + data)
        elif self._in == "style":
            self.styles.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


@pytest.fixture(autouse=True)
def small_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library of one line, which takes no second to make."""
    monkeypatch.setattr(page_file, "chart_library", lambda: "window.vegaEmbed = null;")
    yield


def read(html: str) -> tuple[dict[str, Any], list[Any]]:
    """The data of a page: summary and questions."""
    scripts = {attrs.get("id"): text for attrs, text in Scripts(html).scripts if "id" in attrs}
    packed = gzip.decompress(base64.b64decode(scripts["questions"]))
    return json.loads(scripts["summary"]), json.loads(packed)


def test_the_policy_names_every_script_and_allows_nothing_else() -> None:
    made = page([report_of()])
    assert made.html.startswith("<!DOCTYPE html>\n<!-- tts report -->")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', made.html)
    assert policy is not None
    parts = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
    assert parts["default-src"] == "'none'" and "unsafe" not in policy[1] and "http" not in policy[1]

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    found = Scripts(made.html)
    run = [text for attrs, text in found.scripts if "type" not in attrs]
    assert len(run) == 1 + len(SCRIPTS) and parts["script-src"].split() == [digest(text) for text in run]
    assert parts["style-src"] == digest("".join(found.styles))
    assert "https://" not in re.sub(r"(?s)<!--.*?-->", "", made.html)
    assert LEVELS in made.html  # the page reads traces by the levels that they are written in


def test_the_page_holds_the_document() -> None:
    made = page([report_of(), report_of(5)])
    summary, questions = read(made.html)
    assert [{**run, "questions": mine} for run, mine in zip(summary["runs"], questions, strict=True)] == made.document[
        "runs"
    ]
    assert made.document["command"] == "tts report" and summary["schema"] == 1


def test_no_text_of_a_pool_is_markup() -> None:
    plain, found = Scripts(page([report_of()]).html), page([run_report(harmful(), FAST, given=True)])
    harmed = Scripts(found.html)
    assert harmed.tags == plain.tags
    assert [attrs for attrs, _ in harmed.scripts] == [attrs for attrs, _ in plain.scripts]
    _, [questions] = read(found.html)
    assert [q["question"] for q in questions] == [e.problem.question for e in harmful().entries]
    assert questions[0]["samples"][0]["text_left_out"] == 980_000


def test_a_page_that_would_be_too_large_shows_fewer_questions_and_the_same_numbers() -> None:
    whole = page([report_of()])
    size = len(whole.html.encode())
    fewer = page([report_of()], max_bytes=size - 3000)
    assert len(fewer.html.encode()) <= size - 3000
    [run], [all_of_it] = fewer.document["runs"], whole.document["runs"]
    assert 0 < len(run["questions"]) < 12 and run["comparison"] == all_of_it["comparison"]
    assert run["questions"] == [all_of_it["questions"][place] for place in run["places"]]
    assert len(page([report_of()], max_bytes=1).document["runs"][0]["questions"]) == 1


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'tts-rerank\[report\]'"):
        page_parts.check_installed()


def test_the_scripts_write_texts_as_texts_alone() -> None:
    for name in SCRIPTS:
        script = page_parts.part(name)
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script), (
            name
        )


def test_a_changed_run_is_a_changed_page() -> None:
    one = report_of()
    other = replace(one, summary={**one.summary, "headline": "another"})
    assert page([one]).html != page([other]).html
