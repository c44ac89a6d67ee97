"""Reliability diagrams: equal-mass bins with intervals over questions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from evals.metrics.reliability import reliability_bins
from evals.metrics.stats import bootstrap_weights
from tests.evals.metrics.cases import samples_of


def test_equal_mass_bins_are_equal_where_nothing_ties() -> None:
    p = np.random.default_rng(0).random(150)
    bins = reliability_bins(samples_of(p, p > 0.5), bootstrap_weights(150, 10, 0))
    assert [one.samples for one in bins] == [10] * 15
    tied = reliability_bins(samples_of(np.round(p, 1), p > 0.5), bootstrap_weights(150, 10, 0))
    assert sum(one.samples for one in tied) == 150
    assert all(before.high < after.low for before, after in pairwise(tied))
