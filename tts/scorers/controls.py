"""Controls: scorers that know nothing, and scorers that know the gold answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.answers import Grader
from tts.engines.streams import together
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine, rollout
from tts.types import Draw, End, Problem, Sample, Signals

AUTO = Grader()


class ConstantScorer(BaseScorer):
    """The same confidence for every sample: a control without information."""

    name = "constant"

    def __init__(self, value: float = 0.5) -> None:
        """Choose the value, in [0, 1]."""
        self.value = value

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Return the constant, shape [len(samples)]."""
        return np.full(len(samples), self.value)


class RandomScorer(BaseScorer):
    """A confidence that differs between samples and carries no information: a control for guided strategies."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        """Choose the seed, which decides every confidence."""
        self.seed = seed

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Return values uniform in [0, 1), a function of seed, problem, number and text, shape [len(samples)]."""
        keys = (f"{self.seed}|{problem.id}|{sample.index}|{sample.text}" for sample in samples)
        digests = [hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).digest() for key in keys]
        return np.array([int.from_bytes(digest, "little") / 2**48 for digest in digests], dtype=np.float64)


class OracleScorer(BaseScorer):
    """1 for a right answer, else 0: the upper bound for scorers of whole samples.

    Attributes:
        grader: the rule by which an answer is right.
    """

    name = "oracle"
    judges_prefixes = False

    def __init__(self, *, grader: Grader = AUTO) -> None:
        """Choose the grading rule."""
        self.grader = grader

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Return the grades, shape [len(samples)].

        Raises:
            UnsupportedError: the problem has no gold answer.
        """
        _check_gold(self.name, problem)
        grader = self.grader.on(problem)
        return np.array([bool(grader.grade(s.answer, problem.golds)) for s in samples], dtype=np.float64)


class RolloutOracle(BaseScorer):
    """The share of right answers among continuations of a partial sample; the grade of a finished one.

    The headroom of pruning: an estimate of the true P(correct) of a prefix, at the cost of its rollouts.

    Attributes:
        rollouts: continuations of each partial sample.
        extract: reads the answer from a text, or returns None.
        grader: the rule by which an answer is right.
    """

    name = "rollout_oracle"
    uses_engine = True

    def __init__(
        self, rollouts: int = 16, *, extract: Callable[[Problem, str], str | None], grader: Grader = AUTO
    ) -> None:
        """Choose the number of continuations, >= 1, and how their answers are read and graded.

        Raises:
            InputError: no rollouts.
        """
        if rollouts < 1:
            raise InputError(f"scorer rollout_oracle needs rollouts >= 1, got {rollouts}")
        self.rollouts, self.extract, self.grader = rollouts, extract, grader
        self.key = {"rollouts": rollouts}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Return the estimates of P(correct), in [0, 1], shape [len(samples)]; all rollouts are drawn concurrently.

        Raises:
            UnsupportedError: the problem has no gold answer, or the engine cannot continue a partial sample.
            EngineError: a rollout failed.
        """
        _check_gold(self.name, problem)
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
        answer = self.extract(problem, sample.text) if sample.answer is None else sample.answer
        return bool(self.grader.on(problem).grade(answer, problem.golds))


def _check_gold(scorer: str, problem: Problem) -> None:
    if problem.gold is None:
        raise UnsupportedError(f"scorer {scorer} needs a gold answer and problem {problem.id!r} has none")
