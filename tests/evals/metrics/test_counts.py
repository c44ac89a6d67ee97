"""Counts: a resample is the data with questions repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.counts import resampled
from evals.metrics.stats import bootstrap_weights
from tests.evals.metrics.cases import METRIC, cases, samples_of, value
from tests.support.examples import examples


@settings(deadline=None, max_examples=examples(50))
@given(cases(), st.integers(0, 99))
def test_a_resample_is_the_data_with_questions_repeated(case, seed) -> None:
    p, y, q = case
    data = samples_of(p, y, q)
    times = np.rint(bootstrap_weights(data.questions, 3, seed) * data.questions)
    (counts,) = resampled(data, times)
    for row, repeats in enumerate(times.astype(int)):
        picked = [i for i in range(len(p)) for _ in range(repeats[data.question[i]])]
        copy = [c for i in range(len(p)) for c in range(repeats[data.question[i]])]
        labels = [10 * int(data.question[i]) + c for i, c in zip(picked, copy, strict=True)] if picked else []
        for name, metric in METRIC.items():
            expected = value(name, p[picked], y[picked], labels)
            assert metric.of(counts)[row] == pytest.approx(expected, nan_ok=True, abs=1e-9), name
