"""Plots of confidences: what they name, and what is refused; tests of the command line draw them."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics.quality import measure
from evals.metrics.scored import ScoredSamples
from evals.report.reliability import _values, plot
from tts.errors import InputError

CONFIDENCES = np.array([0.1, 0.4, 0.6, 0.9])
CORRECT = np.array([False, True, False, True])


def test_metrics_are_named_and_those_without_a_value_left_out() -> None:
    samples = ScoredSamples.of(10 * CONFIDENCES, CORRECT)
    quality = measure(samples, replicates=5)
    assert _values(quality, Brier="brier", AURC="aurc") == f"AURC {quality.measured[11].value:.3f}"


def test_a_plot_that_cannot_be_written_is_refused() -> None:
    samples = ScoredSamples.of(CONFIDENCES, CORRECT)
    with pytest.raises(InputError, match=r"plot p\.pdf must end in \.png, \.svg or \.pdf"):
        plot("p.pdf", "title", samples, measure(samples, replicates=5))
