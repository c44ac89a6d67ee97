"""Scores: empty samples get 0 unasked, a sample without signals fails alone, and what a scorer returns is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from strategies.vote import Vote
from tests.engines.cases import play
from tts.engines.fake.engine import FakeEngine
from tts.errors import MissingSignalError, UnsupportedError
from tts.runtime.scoring import checked_scores, is_empty, needs_score, with_scores
from tts.scorers.base import BaseScorer
from tts.types import End, Problem, Sample, Signals, Trace, Usage

PROBLEM = Problem("q", "?", "4")


class Partial(BaseScorer):
    """A scorer that lacks the signals of every second draw."""

    name = "partial"
    needs = Signals()

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        for sample in samples:
            if sample.index % 2:
                raise MissingSignalError(f"sample {sample.index} has none")
        return np.full(len(samples), 0.5)


def test_a_sample_without_signals_fails_with_the_reason_and_the_run_goes_on() -> None:
    [result] = play(Vote("sc", 4), [PROBLEM], FakeEngine(), scorer=Partial(), lookahead=3)
    assert [s.confidence for s in result.decision.samples] == [0.5, None, 0.5, None]
    assert [s.error for s in result.decision.samples if s.end is End.FAILED] == [
        "sample 1 has none",
        "sample 3 has none",
    ]


@pytest.mark.parametrize(
    ("sample", "empty"),
    [
        (Sample(), True),
        (Sample(text=" \n"), True),
        (Sample(text="18"), False),
        (Sample(answer="18"), False),
        (Sample(trace=Trace(logprobs=(-0.1,))), False),
        (Sample(end=End.FAILED), False),
        (Sample(end=End.BOUNDARY), False),
        (Sample(confidence=0.5), False),
    ],
)
def test_a_sample_is_empty_where_a_scorer_has_nothing_to_read(sample: Sample, empty: bool) -> None:
    assert is_empty(sample) is empty
    assert needs_score(sample) or not empty


def test_a_scorer_returns_one_probability_a_sample() -> None:
    assert checked_scores("s", PROBLEM, [Sample()], np.array([0.25])) == [0.25]
    with pytest.raises(UnsupportedError, match=r"scorer s gave scores of shape \(2,\) for 1 samples of problem 'q'"):
        checked_scores("s", PROBLEM, [Sample()], [0.1, 0.2])
    with pytest.raises(UnsupportedError, match=r"scorer s gave nan for draw 0 of problem 'q'"):
        checked_scores("s", PROBLEM, [Sample()], [float("nan")])
    assert np.isnan(checked_scores("s", PROBLEM, [Sample()], [float("nan")], abstains=True))


def test_a_score_that_cannot_be_had_fails_its_sample_alone() -> None:
    drawn = [Sample(answer="4", usage=Usage(delivered=3)), Sample(answer="5", index=1)]
    bad, good = with_scores(drawn, [float("nan"), 0.5], Usage(scorer_decode=4), scorer="s")
    assert (bad.end, bad.answer, bad.error) == (End.FAILED, None, "scorer s could not read a score")
    assert bad.usage == Usage(aborted=3, scorer_decode=2) and good.confidence == 0.5
