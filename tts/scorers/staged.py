"""Two scorers as one: samples that paused are judged by the first, samples that have ended by the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError
from tts.scorers.base import MeteredEngine, Scorer
from tts.types import End, Problem, Sample, Signals


class Staged:
    """What guides beams need not be what weighs their votes; ``needs`` is what either needs.

    Attributes:
        paused: judges partial samples.
        ended: judges all others.
    """

    name = "staged"
    judges_prefixes = True

    def __init__(self, paused: Scorer, ended: Scorer) -> None:
        """Take both.

        Raises:
            InputError: the first one judges whole samples only.
        """
        if not paused.judges_prefixes:
            raise InputError(
                f"partial samples need a scorer of prefixes and {type(paused).__name__} judges whole ones only: give "
                "finece, grace or mean_logprob, for instance"
            )
        self.paused, self.ended = paused, ended

    @property
    def needs(self) -> Signals:
        """What to collect while drawing."""
        return self.paused.needs | self.ended.needs

    @property
    def key(self) -> Mapping[str, object]:
        """What its confidences depend on, beside the model."""
        return {"paused": dict(self.paused.key), "ended": dict(self.ended.key)}

    @property
    def uses_engine(self) -> bool:
        """Whether either asks the engine."""
        return self.paused.uses_engine or self.ended.uses_engine

    @property
    def compares_samples(self) -> bool:
        """Whether either compares samples."""
        return self.paused.compares_samples or self.ended.compares_samples

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), in [0, 1], shape [len(samples)]; each scorer is asked once, about its own."""
        out = np.empty(len(samples))
        for scorer, partial in ((self.paused, True), (self.ended, False)):
            mine = [i for i, sample in enumerate(samples) if (sample.end is End.BOUNDARY) == partial]
            if mine:
                out[mine] = await scorer.score(problem, [samples[i] for i in mine], engine)
        return out
