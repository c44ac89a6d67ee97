"""Self-consistency as a score: the share of samples with the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample


def frequency(answers: Sequence[Hashable | None]) -> NDArray[np.float64]:
    """The share of each answer among all of them, in [0, 1], shape [len(answers)]; 0 where there is none (None)."""
    counts = Counter(a for a in answers if a is not None)
    return np.array([counts[a] / len(answers) if a is not None else 0.0 for a in answers], dtype=np.float64)


class SelfConsistency(BaseScorer):
    """The share of the samples judged together that give a sample's answer; 0 for one without an answer.

    The scorer compares samples that were drawn together; a strategy that draws them one by one learns nothing from it.

    Source:
        Wang et al., arXiv 2203.11171: the vote as a measure of confidence.
    """

    name = "self_consistency"
    judges_prefixes = False
    compares_samples = True

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Frequencies, shape [len(samples)]."""
        return frequency([s.answer for s in samples])
