"""A reference keeps at most a thousand values, sorted and exact, and ranks log-probabilities among them."""

from __future__ import annotations

import numpy as np
import pytest

from tts.scorers.calibration.reference import MOST, Reference, mean_logprob
from tts.types import Sample, Trace


def test_at_most_a_thousand_values_are_kept_chosen_at_random() -> None:
    values = np.random.default_rng(0).random(5 * MOST).tolist()
    one, again, other = (Reference.of(values, [], seed=seed) for seed in (0, 0, 1))
    assert one == again != other
    assert len(one.scores) == MOST and list(one.scores) == sorted(one.scores) and {*one.scores} <= {*values}
    assert np.mean(one.scores) == pytest.approx(0.5, abs=0.04)
    assert Reference.from_dict(one.to_dict()) == one


def test_ranks_and_quantiles_of_log_probabilities() -> None:
    known = Reference.of([], [-4.0, -2.0, -3.0, -1.0])
    assert [known.logprob_rank(v) for v in (-9.0, -3.0, -2.5, 0.0)] == [0.0, 0.25, 0.5, 1.0]
    assert known.logprob_quantile(0.5) == -2.5
    unknown = Reference.of([0.5], [])
    assert unknown.logprob_rank(-1.0) is None and unknown.logprob_quantile(0.5) is None


def test_the_mean_log_probability_is_that_of_the_samples_that_have_any() -> None:
    samples = [Sample("a", trace=Trace((-1.0, -3.0, float("nan")))), Sample("b"), Sample("c", trace=Trace((-4.0,)))]
    assert mean_logprob(samples) == -3.0
    assert mean_logprob([Sample("b")]) is None
