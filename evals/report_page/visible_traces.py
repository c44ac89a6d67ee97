"""The traces of a sample as the page shades them: one character a token, and their means by position in the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tts.types import Sample

LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""The character of each level of a probability, from 0 to 1 in 63 equal steps."""
POSITIONS = 20
"""The parts of a text, equally long, for which means of traces are shown."""


def levels(values: Sequence[float]) -> str:
    """Return probabilities as text, one character of :data:`LEVELS` a value; a value that is not finite is level 0.

    Args:
        values: in [0, 1]; others are clipped.
    """
    found = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=1.0, neginf=0.0)
    steps = np.rint(np.clip(found, 0.0, 1.0) * (len(LEVELS) - 1)).astype(int)
    return "".join(LEVELS[step] for step in steps.tolist())


def traces_of(sample: Sample) -> dict[str, str]:
    """Return the traces of a sample by name, as :func:`levels` writes them; empty where it has none.

    "confidence" is P(confidence token) at each token, "probability" that of the drawn token at temperature 1.
    """
    trace, found = sample.trace, {}
    if trace.confidence:
        found["confidence"] = levels(trace.confidence)
    if trace.logprobs:
        found["probability"] = levels(np.exp(np.minimum(trace.logprobs, 0.0)).tolist())
    return found


class Positions:
    """Means of a trace by position in the text, of right and of wrong samples, added up sample by sample."""

    def __init__(self) -> None:
        """Start with no samples."""
        self._sums: dict[tuple[str, bool], Any] = {}
        self._samples: dict[tuple[str, bool], int] = {}

    def add(self, sample: Sample, right: bool) -> None:
        """Count one sample with as many tokens as there are positions; a shorter one does not count."""
        for name, values in (("confidence", sample.trace.confidence), ("probability", sample.trace.logprobs)):
            if len(values) < POSITIONS:
                continue
            array = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, neginf=-700.0)
            array = np.exp(np.minimum(array, 0.0)) if name == "probability" else array
            means = np.array([part.mean() for part in np.array_split(array, POSITIONS)])
            key = (name, right)
            self._sums[key] = self._sums.get(key, 0.0) + means
            self._samples[key] = self._samples.get(key, 0) + 1

    @property
    def mapping(self) -> list[dict[str, Any]]:
        """One row a trace, grade and position: the mean and the number of samples behind it, ready for JSON."""
        return [
            {
                "trace": name,
                "right": right,
                "position": (place + 0.5) / POSITIONS,
                "mean": float(total) / self._samples[name, right],
                "samples": self._samples[name, right],
            }
            for (name, right), sums in sorted(self._sums.items())
            for place, total in enumerate(sums)
        ]
