"""Recorded traces: tokens spared by stops and prunings equal what truncation removes, and draws find their samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evals.replay.traces import RecordedTraces, ReplayedTraces
from tts.pool import Entry
from tts.pool.facts import facts_of
from tts.types import End, Problem, Sample, Trace


def sample(watched: tuple[float, ...], steps: tuple[bool, ...], end: End = End.STOP) -> Sample:
    trace = Trace(watched={7: watched}, steps=steps, top=tuple(1.0 + p for p in watched))
    return Sample(answer="1", end=end, trace=trace)


FALLING = sample((0.9, 0.9, 0.2, 0.2, 0.8), (False, True, False, True, True))
STEADY = sample((0.9, 0.9, 0.9), (False, True, True))
FAILED = Sample(answer=None, end=End.FAILED)
RECORDED = RecordedTraces([FALLING, STEADY, FAILED])


def test_pruning_spares_the_tokens_after_the_first_step_below_the_bar() -> None:
    assert RECORDED.pruned(0.5).tolist() == [1, -1, -1]
    assert RECORDED.pruned(0.1).tolist() == [-1, -1, -1]
    assert RECORDED.pruned(0.95).tolist() == [3, 1, -1], "the last step of a sample that ended prunes nothing"


def test_stopping_spares_the_tokens_after_the_first_group_below_the_bar() -> None:
    bars = np.array([1.0, 1.3, 5.0])
    assert RECORDED.spared(0, bars, window=2).tolist() == [-1, 1, 3]
    assert RECORDED.spared(2, bars, window=2).tolist() == [-1, -1, -1]


def test_a_failed_sample_needs_no_signals_and_scores_nothing() -> None:
    facts = facts_of([Entry(Problem("q", "?"), (FALLING, replace(FAILED, index=1)), (None, None))])
    assert not facts.topless and not facts.stepless
    assert facts_of([Entry(Problem("q", "?"), (Sample(answer="1"),), (None,))]).topless
    assert np.isnan(RECORDED.measure("deepconf_mean", 2)[2])


def test_draws_find_the_measurements_of_their_samples() -> None:
    one = RecordedTraces([STEADY, FALLING])
    index = np.array([[0, 1, 1], [2, 0, 0]])
    rows = ReplayedTraces(np.zeros_like(index), None, [RECORDED, one], np.array([0, 0, 1]), index)
    assert rows.pruned(0.5).tolist() == [[1, -1, 1], [-1, 1, -1]]
    assert rows.spared(np.array([1.3, 1.3, 5.0]), 1, 2).tolist() == [[-1, 1, 1]]
