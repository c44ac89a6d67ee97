"""The vote of a question as it grew: the posterior of each answer after every draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.live_evidence import LiveEvidence
from strategies.weighting import LogOdds
from tts.types import Sample


def posteriors(labels: Sequence[int], confidences: Sequence[float | None]) -> list[list[float]] | None:
    """Return P(right) of each answer seen after every draw; None where an answered draw has no confidence in [0, 1].

    The votes are those of CGES: log-odds of the confidences with the number of answers as prior, an unseen answer
    scoring 0. See :class:`strategies.stopping.Posterior`.

    Args:
        labels: the answer of each draw, numbered by first appearance, -1 for none.
        confidences: of each draw.

    Returns:
        One list a draw, one value an answer seen by then.

    Source:
        CGES, arXiv 2511.02603.
    """
    evidence = LiveEvidence(LogOdds(), needs_confidence=True)
    found: list[list[float]] = []
    for label, confidence in zip(labels, confidences, strict=True):
        if label >= 0 and (confidence is None or not 0.0 <= confidence <= 1.0):
            return None
        evidence.add(Sample(answer=None if label < 0 else str(label), confidence=confidence))
        scores = np.asarray(evidence.scores, dtype=np.float64)
        top = max(float(scores.max(initial=0.0)), 0.0)
        masses = np.exp(scores - top)
        found.append((masses / (np.exp(-top) + masses.sum())).tolist())
    return found
