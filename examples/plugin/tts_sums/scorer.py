"""The scorer "casting_out_nines": a right sum has the remainder modulo 9 of its terms."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts import InputError, Problem, Sample
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine


class CastingOutNines(BaseScorer):
    """P(correct) is ``passed`` for an answer with the right remainder and ``failed`` for any other."""

    name = "casting_out_nines"
    judges_prefixes = False

    def __init__(self, passed: float = 0.9, failed: float = 0.01) -> None:
        """Take both probabilities, in [0, 1]; they are the options ``scorer.passed`` and ``scorer.failed``."""
        if not 0.0 <= failed <= passed <= 1.0:
            raise InputError(f"scorer.failed <= scorer.passed must lie in [0, 1], got {failed} and {passed}")
        self.key = {"passed": passed, "failed": failed}
        self.passed, self.failed = passed, failed

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Return the probabilities, shape [len(samples)]."""
        total = sum(map(int, re.findall(r"\d+", problem.question)))
        answers = [sample.answer or "" for sample in samples]
        passes = [answer.isdecimal() and (total - int(answer)) % 9 == 0 for answer in answers]
        return np.where(passes, self.passed, self.failed)
