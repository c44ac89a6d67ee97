"""Samples with confidences, grades and questions for the tests of the metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from evals.metrics.counts import Counts
from evals.metrics.quality import METRICS
from evals.metrics.scored import ScoredSamples

METRIC = {metric.name: metric for metric in METRICS}


def samples_of(p, y, q=None) -> ScoredSamples:
    return ScoredSamples.of(p, np.asarray(y, dtype=bool), q)


def value(metric: str | Callable[[Counts], np.ndarray], p, y, q=None) -> float:
    function = METRIC[metric].of if isinstance(metric, str) else metric
    (found,) = function(Counts.of(samples_of(p, y, q)))
    return float(found)


@st.composite
def cases(draw, low=0.0, high=1.0):
    """Samples of few questions with many ties, 0 and 1 among their confidences."""
    n = draw(st.integers(1, 30))
    number = st.one_of(st.sampled_from([low, high, (low + high) / 2]), st.floats(low, high, width=16))
    p = draw(st.lists(number, min_size=n, max_size=n))
    y = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    q = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return np.array(p), np.array(y), np.array(q)


def simulated(rng, questions: int, samples: int, shift: float) -> ScoredSamples:
    """Questions of different difficulty; the scorer sees it, and its log-odds are too high by ``shift``."""
    logit = np.repeat(rng.normal(0, 1.2, questions), samples) + rng.normal(0, 0.7, questions * samples)
    y = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return samples_of(1 / (1 + np.exp(-logit - shift)), y, np.repeat(np.arange(questions), samples))
