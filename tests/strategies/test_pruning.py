"""Pruners: at least one beam survives, survivors are the most confident, and copies fill the free places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.pruning import (
    Gap,
    NoPruning,
    Pruner,
    Quantile,
    Resample,
    Threshold,
    TopK,
    expected_saving,
)
from tests.strategies.beams.cases import (
    ANY,
    CONFIDENCES,
    DETERMINISTIC,
    UNIT,
    copies,
)
from tests.strategies.cases import sizes
from tts.errors import InputError


@sizes(quick=50, full=300)
def test_copies_are_counts_that_fill_the_places_and_the_same_key_gives_the_same(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(confidence=CONFIDENCES, pruner=ANY, free=st.integers(1, 12), key=st.text(max_size=3))
    def check(confidence: Any, pruner: Pruner, free: int, key: str) -> None:
        found = copies(pruner, confidence, free, key)
        assert len(found) == len(confidence)
        assert min(found) >= 0
        assert sum(found) == free
        assert found == copies(pruner, confidence, free, key)

    check()


@sizes(quick=50, full=300)
def test_survivors_are_no_less_confident_than_pruned_beams_and_share_evenly(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(confidence=CONFIDENCES, pruner=DETERMINISTIC, extra=st.integers(0, 5))
    def check(confidence: Any, pruner: Pruner, extra: int) -> None:
        found = np.array(copies(pruner, confidence, len(confidence) + extra))
        alive = found > 0
        assert alive[np.argmax(confidence)]
        assert confidence[alive].min() >= confidence[~alive].max(initial=0.0)
        assert found[alive].max() - found[alive].min() <= 1
        assert list(found[np.argsort(-confidence, kind="stable")]) == sorted(found, reverse=True)

    check()


def test_each_pruner_keeps_the_beams_of_its_definition() -> None:
    ranks = [0.5, 0.9, 0.8, 0.1]
    assert copies(NoPruning(), ranks) == [1, 1, 1, 1]
    assert copies(Threshold(0.5), ranks) == [1, 2, 1, 0]
    assert copies(Threshold(0.95), ranks) == [0, 4, 0, 0]
    assert copies(Gap(0.1), ranks) == [0, 2, 2, 0]
    assert copies(Gap(0.0), ranks) == [0, 4, 0, 0]
    assert copies(Quantile(0.5), ranks) == [0, 2, 2, 0]
    assert copies(Quantile(0.0), ranks) == [1, 1, 1, 1]
    assert copies(Quantile(1.0), ranks) == [0, 4, 0, 0]
    assert copies(TopK(3), ranks) == [1, 2, 1, 0]
    assert copies(Resample(0.001), ranks) == [0, 4, 0, 0]
    assert copies(Resample(1e6), ranks) == [1, 1, 1, 1]
    assert copies(NoPruning(), ranks, 2) == [0, 1, 1, 0]  # as many as there is room for


def test_ties_go_to_the_earlier_beam() -> None:
    assert copies(TopK(2), [0.5, 0.9, 0.9, 0.9], 3) == [0, 2, 1, 0]
    assert copies(Threshold(0.95), [0.5, 0.9, 0.9]) == [0, 3, 0]


def test_resampling_is_unbiased_and_never_off_by_a_whole_copy() -> None:
    confidence, temperature, free, times = np.array([0.9, 0.2, 0.65, 0.5]), 0.4, 7, 4000
    weights = np.exp(confidence / temperature)
    expected = free * weights / weights.sum()
    found = np.array([copies(Resample(temperature), confidence, free, f"q|{k}") for k in range(times)])
    assert (np.abs(found - expected) < 1).all()
    # a count is one of two neighbours, so its standard deviation is at most 1/2: four standard errors, fixed seed
    assert np.abs(found.mean(axis=0) - expected).max() < 4 * 0.5 / times**0.5
    assert len({tuple(row) for row in found.tolist()}) > 1


@sizes(quick=30, full=100)
def test_resampling_gives_the_more_confident_no_fewer_but_for_one(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(confidence=st.lists(UNIT, min_size=2, max_size=6))
    def check(confidence: list[float]) -> None:
        found = copies(Resample(0.3), confidence, 12)
        for i, a in enumerate(confidence):
            for j, b in enumerate(confidence):
                assert a <= b or found[i] >= found[j] - 1

    check()


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: TopK(0), "pruner top_k needs k >= 1, got 0"),
        (lambda: Threshold(1.5), r"pruner threshold needs min_confidence in \[0, 1\], got 1.5"),
        (lambda: Gap(-0.1), r"pruner gap needs max_gap in \[0, 1\], got -0.1"),
        (lambda: Quantile(float("nan")), r"pruner quantile needs quantile in \[0, 1\], got nan"),
        (lambda: Resample(0.0), "pruner resample needs temperature > 0, got 0.0"),
    ],
)
def test_a_pruner_with_options_outside_their_ranges_is_refused(build: Callable[[], Pruner], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()


@sizes(quick=40, full=100)
def test_pruning_saves_the_prefix_of_each_fork_and_the_rest_of_each_beam_without_replacement(
    examples: int,
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(
        confidence=st.lists(UNIT, min_size=1, max_size=6),
        pruner=ANY,
        drawn=st.lists(st.integers(1, 50), min_size=6, max_size=6),
        whole=st.integers(1, 60),
    )
    def check(confidence: list[float], pruner: Pruner, drawn: list[int], whole: int) -> None:
        lengths = np.array(drawn[: len(confidence)], dtype=np.float64)
        forked = np.array(copies(pruner, confidence))
        assert expected_saving(forked, lengths, whole) == sum(
            (c - 1) * n for c, n in zip(forked, lengths, strict=True) if c > 1
        )
        alone = np.minimum(forked, 1)
        rest = [max(whole - n, 0) for c, n in zip(alone, lengths, strict=True) if c == 0]
        assert expected_saving(alone, lengths, whole) == pytest.approx(sum(rest))

    check()


def test_of_pruned_beams_those_that_forks_do_not_replace_save_the_mean_rest() -> None:
    assert expected_saving(np.array([2, 0, 0]), np.array([10.0, 4.0, 8.0]), 12.0) == 10 + (8 + 4) / 2
