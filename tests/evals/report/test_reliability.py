"""Plots of confidences: what they name, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics.quality import measure
from evals.metrics.scored import ScoredSamples
from evals.report.reliability import _values, plot, reliability_table

CONFIDENCES = np.array([0.1, 0.4, 0.6, 0.9])
CORRECT = np.array([False, True, False, True])


def test_metrics_are_named_and_those_without_a_value_left_out() -> None:
    samples = ScoredSamples.of(10 * CONFIDENCES, CORRECT)
    quality = measure(samples, replicates=5)
    assert _values(quality, Brier="brier", AURC="aurc") == f"AURC {quality.measured[11].value:.3f}"


def test_the_plot_is_a_figure_of_three_panels() -> None:
    pytest.importorskip("matplotlib")
    samples = ScoredSamples.of(CONFIDENCES, CORRECT)
    assert len(plot("title", samples, measure(samples, replicates=5)).axes) == 3


def test_the_table_has_a_row_a_metric() -> None:
    samples = ScoredSamples.of(CONFIDENCES, CORRECT)
    quality = measure(samples, replicates=5)
    assert [row["metric"] for row in reliability_table(quality).rows] == [m.metric.label for m in quality.measured]
