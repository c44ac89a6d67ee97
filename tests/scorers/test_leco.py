"""LeCo's score of a step, by hand."""

from __future__ import annotations

import math

import pytest

from tts.errors import MissingSignalError
from tts.scorers.leco import step_scores
from tts.scorers.trace_scores import TRACE_SCORES, TraceScorer
from tts.types import End, Sample, Signals, Trace


def logs(*tokens: float) -> tuple[float, ...]:
    return tuple(map(math.log, tokens))


def test_a_step_is_its_mean_and_first_probabilities_less_its_divergence_from_uniform() -> None:
    even = [0.5] * 7
    assert step_scores(logs(*even), [False] * 7) == pytest.approx([1.0]), "uniform shares have no divergence"
    uneven = (0.9, 0.9, 0.9, 0.9, 0.9, 0.3, 0.3)
    shares = [p / sum(uneven) for p in uneven]
    divergence = sum(q * math.log(q * 7) for q in shares)
    expected = sum(uneven) / 7 + 0.9 - math.log(divergence ** (1 / 3) + 1)
    assert step_scores(logs(*uneven), [False] * 7) == pytest.approx([expected])


def test_tokens_that_end_a_step_belong_to_none_and_the_one_that_ended_the_sample_is_no_step() -> None:
    tokens, steps = logs(0.5, 0.1, 0.1, 0.8, 0.1, 0.9), (False, True, True, False, True, False)
    assert step_scores(tokens, steps) == pytest.approx([1.0, 1.6, 1.8])
    assert step_scores(tokens, steps, ended=True) == pytest.approx([1.0, 1.6])
    assert step_scores(logs(0.9), (False,), ended=True) == pytest.approx([1.8]), "there is no other step"
    assert step_scores((), ()) == step_scores(logs(0.5), ()) == step_scores(logs(0.5), (True,)) == []


def test_the_score_of_a_sample_is_that_of_its_weakest_step_and_no_probability() -> None:
    score = TRACE_SCORES["leco"]
    trace = Trace(logprobs=logs(0.5, 0.1, 0.8, 0.1, 0.2), steps=(False, True, False, True, False))
    assert score.raw(Sample("t", "7", End.LENGTH, trace=trace)) == pytest.approx(0.4)
    assert score.raw(Sample("t", "7", End.STOP, trace=trace)) == pytest.approx(1.0)
    assert score.probability is None and TraceScorer("leco").needs == Signals(logprobs=True, steps=True)
    with pytest.raises(
        MissingSignalError, match=r"leco reads log-probabilities and the tokens that end a step and sam"
    ):
        score.raw(Sample("t", "7", trace=Trace(logprobs=trace.logprobs)))
