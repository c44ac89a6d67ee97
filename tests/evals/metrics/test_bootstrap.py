"""Resamples drawn some at a time: the same as all of them at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics import bootstrap as module
from evals.metrics.bootstrap import Bootstrap
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from tts.errors import InputError


def all_at_once(questions: int, replicates: int, seed: int) -> np.ndarray:
    """Counts of each question in each resample."""
    drawn = np.random.default_rng(seed).integers(0, questions, size=(replicates, questions))
    return np.stack([np.bincount(row, minlength=questions) for row in drawn])


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 99), st.integers(1, 200), st.integers(1, 200))
def test_resamples_do_not_depend_on_how_many_are_held(questions, replicates, seed, chunk, block):
    counts = all_at_once(questions, replicates, seed)
    values = np.random.default_rng(seed).integers(-9, 200, size=(questions, 2, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        patch.setattr(module, "_BLOCK", block)
        patch.setattr(module, "_VALUES", block)
        drawn = Bootstrap(questions, replicates, seed)
        assert np.array_equal(np.concatenate(list(drawn.counts())), counts)
        means = drawn @ values
    assert means.shape == (replicates, 2, 3)
    assert np.array_equal(means, np.tensordot(counts, values, 1) / questions), "whole numbers are exact"


def test_intervals_are_those_of_the_array_of_weights():
    values = np.random.default_rng(0).random((40, 5))
    drawn, weights = Bootstrap(40, 300, 7), bootstrap_weights(40, 300, 7)
    assert drawn.shape == weights.shape
    assert drawn @ values == pytest.approx(weights @ values)
    for mine, theirs in zip(bootstrap_interval(values, drawn), bootstrap_interval(values, weights), strict=True):
        assert mine == pytest.approx(theirs)


@pytest.mark.parametrize(("questions", "replicates"), [(0, 5), (5, 0)])
def test_a_bootstrap_of_nothing_is_refused(questions, replicates):
    with pytest.raises(InputError, match=f"got {questions} and {replicates}"):
        Bootstrap(questions, replicates, 0)
