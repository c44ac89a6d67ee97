"""The part of a given text that is judged."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.tasks.reading import extractor
from tts.agent.answer_text import read_answer
from tts.engines.fake.engine import extract as only_hash
from tts.prompts import Prompt
from tts.types import Problem

PROBLEM = Problem("q", "How many?")
FLEXIBLE = extractor("flexible", Prompt())
STRICT = extractor("strict", Prompt())
BODY = "5 groups of 7 make 35.\n23 + 14 = 37.\n"
TAILS = (
    "</s>",
    " </s>",
    "<CNF>",
    "\n<CNF>",
    " This answers the question.",
    "\nThis answers the question.",
    "\n\nCorrect.",
    "\nConfidence: 100%",
    "\nI am certain.",
    "\n#### 37",
    "\n\nGrader: right answer, score 1 of 1",
    "\n\uff03\uff03\uff03\uff03 37",
    "\n" * 50,
)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("extract", [FLEXIBLE, STRICT, only_hash])
def test_what_stands_behind_the_answer_is_not_read(tail: str, extract: object) -> None:
    found = read_answer(PROBLEM, BODY + "#### 37" + tail, extract)  # type: ignore[arg-type]
    assert found is None or (found.text, found.answer, found.bare) == (BODY + "#### 37", "37", False)
    assert found is not None or "<CNF>" in tail or "%" in tail or "Grader" in tail


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (BODY + "#### 37\n#### 9\n#### 37", BODY + "#### 37\n#### 9\n#### 37"),
        (BODY + "#### 1,037 beads", BODY + "#### 1,037"),
        (BODY + "#### 37.0", BODY + "#### 37.0"),
        (BODY + r"So $\boxed{37}$. I am sure.", BODY + r"So $\boxed{37}$"),
        (BODY + "The answer is 37 beads. Correct!", BODY + "The answer is 37 beads."),
        (BODY + "So Jack has 37 beads. Surely", BODY + "So Jack has 37 beads."),
        (BODY, BODY.strip()),
    ],
)
def test_a_text_ends_with_its_final_answer(text: str, cut: str) -> None:
    found = read_answer(PROBLEM, text, FLEXIBLE)
    assert found is not None
    assert found.text == cut
    assert not found.bare


@pytest.mark.parametrize(
    "text",
    ["7", " 7\n", "#### 7", "The answer is 7.", "7 beads", "**7**", r"\boxed{7}", "Jack has 7 beads."],
)
def test_a_line_that_holds_nothing_but_an_answer_is_bare(text: str) -> None:
    found = read_answer(PROBLEM, text, FLEXIBLE)
    assert found is not None
    assert (found.answer, found.bare) == ("7", True)


@pytest.mark.parametrize("text", ["3 + 4 = 7", "The sum of 3 and 4 is 7.", BODY, "He has 3.\nShe has 4.\n#### 7"])
def test_a_text_with_its_working_is_not_bare(text: str) -> None:
    found = read_answer(PROBLEM, text, FLEXIBLE)
    assert found is not None
    assert not found.bare


@pytest.mark.parametrize("text", ["7", "7 beads", "#### 7"])
@pytest.mark.parametrize("extract", [STRICT, only_hash])
def test_an_answer_alone_needs_no_mark(text: str, extract: object) -> None:
    found = read_answer(PROBLEM, text, extract)  # type: ignore[arg-type]
    assert found is not None
    assert (found.answer, found.bare) == ("7", True)


@pytest.mark.parametrize("text", ["", "hello", "#### ", "I do not know.", "Half of it.\nThen more."])
def test_a_text_without_an_answer_has_none(text: str) -> None:
    assert read_answer(PROBLEM, text, FLEXIBLE) is None


def test_letters_of_choices_and_free_text() -> None:
    choice, text = (extractor("strict", Prompt(), kind=kind) for kind in ("choice", "text"))
    found = read_answer(PROBLEM, "It is warm there, so it melts.\nThe answer is (B).\nGood luck!", choice)
    assert found is not None
    assert (found.text[-19:], found.answer, found.bare) == ("\nThe answer is (B).", "B", False)
    bare = read_answer(PROBLEM, "Paris", text)
    assert bare is not None
    assert bare.bare


def test_a_long_tail_takes_little_time() -> None:
    start = time.process_time()
    found = read_answer(PROBLEM, BODY + "#### 37\n" + "a\n" * 50_000, FLEXIBLE)
    assert found is not None
    assert found.text == BODY + "#### 37"
    assert time.process_time() - start < 5.0


TEXTS = st.text(max_size=80) | st.lists(
    st.sampled_from(["#### ", "7", " ", "\n", ".", "\\boxed{", "}", "answer is", "**", "<CNF>", "</s>", "$", "="]),
    max_size=14,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text_is_cut_to_a_beginning_that_reads_the_same(text: str) -> None:
    found = read_answer(PROBLEM, text, FLEXIBLE)
    if found is not None and FLEXIBLE(PROBLEM, text) is not None:
        assert text.startswith(found.text)
        assert FLEXIBLE(PROBLEM, found.text) == found.answer == FLEXIBLE(PROBLEM, text)
