"""The traces of a sample as the page shades them: one character a token, and their means by position in the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tts.scorers.trace_scores import expectation
from tts.types import Sample

LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""The character of each level of a probability, from 0 to 1 in 63 equal steps."""
Means = NDArray[np.float32]
FINECE = "finece"
"""The owner of the value tokens that a trace watches."""
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

    "confidence" is P(confidence token) at each token, "value" FineCE's confidence there, "probability" that of the
    drawn token at temperature 1.
    """
    trace, found = sample.trace, {}
    if trace.confidence:
        found["confidence"] = levels(trace.confidence)
    if len(value := value_of(sample)):
        found["value"] = levels(value)
    if trace.logprobs:
        found["probability"] = levels(np.exp(np.minimum(trace.logprobs, 0.0)).tolist())
    return found


def value_of(sample: Sample) -> Sequence[float]:
    """Return FineCE's confidence at each token, in [0, 1]: the mean of its value tokens; empty where it has none."""
    owned = sample.trace.owned_by(FINECE)
    if not owned or not owned[0]:
        return []
    found: list[float] = expectation(np.array(owned, dtype=np.float64).T).tolist()
    return found


class Positions:
    """Traces by position in the text, of right and of wrong samples, gathered sample by sample."""

    def __init__(self) -> None:
        """Start with no samples."""
        self._means: dict[tuple[str, bool], list[Means]] = {}

    def add(self, sample: Sample, right: bool) -> None:
        """Count one sample with as many tokens as there are positions; a shorter one does not count."""
        trace = sample.trace
        for name, values in (
            ("confidence", trace.confidence),
            ("value", value_of(sample)),
            ("probability", trace.logprobs),
        ):
            if len(values) < POSITIONS:
                continue
            array = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, neginf=-700.0)
            array = np.exp(np.minimum(array, 0.0)) if name == "probability" else array
            means = np.array([part.mean() for part in np.array_split(array, POSITIONS)], dtype=np.float32)
            self._means.setdefault((name, right), []).append(means)

    @property
    def mapping(self) -> list[dict[str, Any]]:
        """One row a trace, grade and position, ready for JSON: the mean, the number of samples, and the AUROC.

        The AUROC is that of the trace at this position, the probability that a right sample has a higher mean there
        than a wrong one; None without samples of both grades.
        """
        return [
            {
                "trace": name,
                "right": right,
                "position": (place + 0.5) / POSITIONS,
                "mean": float(mean),
                "samples": len(self._means[name, right]),
                "auroc": found[place],
            }
            for name, right in sorted(self._means)
            for found in [self._auroc(name)]
            for place, mean in enumerate(np.array(self._means[name, right], dtype=np.float64).mean(axis=0))
        ]

    def _auroc(self, name: str) -> list[float | None]:
        """Return the AUROC of a trace at each position by the Mann-Whitney statistic, ties counting half."""
        right, wrong = (self._means.get((name, grade), []) for grade in (True, False))
        if not right or not wrong:
            return [None] * POSITIONS
        ranks = rankdata(np.array([*right, *wrong]), axis=0)[: len(right)].sum(axis=0)
        won = ranks - len(right) * (len(right) + 1) / 2
        found: list[float | None] = (won / (len(right) * len(wrong))).tolist()
        return found
