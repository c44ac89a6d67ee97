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


def test_a_text_like_the_others_is_rarely_below_the_least_log_probability() -> None:
    known = Reference.of([], [-4.0, -2.0, -3.0, -1.0])
    assert [known.least_logprob(share) for share in (0.01, 0.4, 0.7)] == [-4.0, -3.0, -2.0]
    assert Reference.of([0.5], []).least_logprob(0.01) is None
    rng = np.random.default_rng(4)
    below = [rng.normal() < (Reference.of([], rng.normal(size=240)).least_logprob(0.01) or 0) for _ in range(4000)]
    assert np.mean(below) == pytest.approx(2 / 241, abs=0.005)


def test_the_mean_log_probability_is_that_of_the_samples_that_have_any() -> None:
    samples = [Sample("a", trace=Trace((-1.0, -3.0, float("nan")))), Sample("b"), Sample("c", trace=Trace((-4.0,)))]
    assert mean_logprob(samples) == -3.0
    assert mean_logprob([Sample("b")]) is None
