"""The quality of the confidences of a pool as the page draws it: reliability, risk and coverage, and distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from evals.metrics.quality import as_mapping, measure
from evals.metrics.scored import ScoredSamples
from tts.errors import InputError
from tts.pool import Pool

COLUMNS = 25
"""The columns of the histogram of confidences."""
REPLICATES = 2000
"""The replicates of ``tts reliability``."""


def confidence_mapping(
    pool: Pool, *, calibrate: str | None, seed: int, replicates: int
) -> tuple[dict[str, Any] | None, str]:
    """Return the metrics of ``tts reliability`` with a histogram of right and wrong samples, or None with the reason.

    Args:
        pool: the samples, their confidences those to measure.
        calibrate: the calibration map, cross-fitted; None uses confidences as they are.
        seed: of the bootstrap and of the halves.
        replicates: of the bootstrap, at most :data:`REPLICATES`.
    """
    try:
        samples = ScoredSamples.of_pool(pool)
        if calibrate is not None:
            samples = samples.calibrated(calibrate, seed)
    except InputError as error:
        return None, str(error).removeprefix(f"{pool.path}: ")
    quality = measure(samples, replicates=min(replicates, REPLICATES), seed=seed)
    more = {"probabilities": samples.probabilities, "histogram": _histogram(samples)}
    labels = {one.metric.name: one.metric.label.lstrip("-+ ") for one in quality.measured}
    return {**as_mapping(samples, quality), **more, "labels": labels}, ""


def _histogram(samples: ScoredSamples) -> list[dict[str, Any]]:
    """Return the number of right and of wrong samples in columns of equal width."""
    low, high = (0.0, 1.0) if samples.probabilities else (samples.confidence.min(), samples.confidence.max())
    edges = np.linspace(low, high if high > low else low + 1.0, COLUMNS + 1)
    found = []
    for right in (True, False):
        counts, _ = np.histogram(samples.confidence[samples.correct == right], bins=edges)
        found += [
            {"right": right, "low": float(edges[i]), "high": float(edges[i + 1]), "samples": int(count)}
            for i, count in enumerate(counts)
        ]
    return found
