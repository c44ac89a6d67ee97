"""The control that knows how often a partial sample ends well: it is continued to its end many times, and graded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.engines.streams import together
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import BaseScorer, MeteredEngine, rollout
from tts.types import Draw, End, Problem, Sample, Signals


class RolloutOracle(BaseScorer):
    """The share of ``rollouts`` continuations of a partial sample that are right; the grade of a finished one.

    Attributes:
        rollouts: continuations of each partial sample.
    """

    name = "rollout_oracle"
    uses_engine = True

    def __init__(self, rollouts: int, extract: Callable[[Problem, str], str | None]) -> None:
        """Take how many continuations to draw, >= 1, and what reads the answer off a text, or None where it has none.

        Raises:
            InputError: no rollouts.
        """
        if rollouts < 1:
            raise InputError(f"the rollout oracle needs at least 1 rollout, got {rollouts}")
        self.rollouts, self._extract = rollouts, extract
        self.key = {"rollouts": rollouts}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct) as far as so many rollouts tell, in [0, 1], shape [len(samples)]; all are drawn at once.

        Raises:
            UnsupportedError: the problem has no gold answer, or the engine cannot continue a partial sample.
            EngineError: a rollout failed.
        """
        if problem.gold is None:
            raise UnsupportedError(f"the rollout oracle needs a gold answer and problem {problem.id!r} has none")
        partial = [sample for sample in samples if sample.end is End.BOUNDARY]
        drawn = iter(
            await together(
                engine.draw(
                    problem,
                    Draw(self.rollouts, prefix=sample),
                    signals=Signals(),
                    first=rollout(sample, 0, self.rollouts),
                )
                for sample in partial
            )
        )
        ends = (next(drawn) if sample.end is End.BOUNDARY else [sample] for sample in samples)
        return np.array([np.mean([self._right(problem, end) for end in several]) for several in ends], dtype=np.float64)

    def _right(self, problem: Problem, sample: Sample) -> bool:
        answer = self._extract(problem, sample.text) if sample.answer is None else sample.answer
        return answer == problem.gold
