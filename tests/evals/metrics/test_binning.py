"""Bins: closed on the right, of equal mass where nothing ties."""

from __future__ import annotations

import numpy as np

from evals.metrics.binning import equal_width


def test_equal_width_bins_are_closed_on_the_right_for_decimals_too() -> None:
    # ((b - 1) / 10, b / 10]: 0.3 and 0.25 share a bin and 0.31 is in the next; 0.1 * 3 > 0.3 would part the first two.
    tenth = equal_width(np.array([0.0, 0.1, 0.25, 0.3, 0.31, 0.6, 0.7, 1.0]), 10)
    assert tenth.tolist() == [0, 0, 2, 2, 3, 5, 6, 9]
