"""Texts read in several processes give what one process reads."""

from __future__ import annotations

import pytest

from evals.pools.parallel import MANY, Texts, processes_for, read_in_processes, read_texts
from evals.tasks.choices import Choices


@pytest.mark.slow
def test_processes_read_what_one_reads() -> None:
    texts = [f"It is {i}.\n#### {i}" for i in range(40)] + ["no idea", "", "**7**", "\\boxed{8}"]
    questions = [Texts(texts[i::4] * 200) for i in range(4)]
    parts = [questions[:1], questions[1:3], questions[3:]]
    found = [one for part in read_in_processes(parts, "number", "flexible", processes=2) for one in part]
    assert found == read_texts(questions, "number", "flexible")
    options = [Texts(["Answer: B", "It is four", "five"], Choices(("three", "four"), ("1", "2")))]
    found = [one for part in read_in_processes([options], "choice", "flexible", processes=1) for one in part]
    assert found == read_texts(options, "choice", "flexible")


def test_few_texts_are_read_here() -> None:
    assert processes_for(MANY - 1) == 0
