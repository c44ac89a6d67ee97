"""Two scorers as one: samples that paused are judged by the first, samples that have ended by the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError
from tts.scorers.base import MeteredEngine, Scorer, judges_prefixes
from tts.types import End, Problem, Sample, Signals


class Staged:
    """What guides beams need not be what weighs their votes; ``needs`` is what either needs.

    Attributes:
        paused: judges partial samples.
        ended: judges all others.
    """

    judges_prefixes = True

    def __init__(self, paused: Scorer, ended: Scorer) -> None:
        """Take both.

        Raises:
            InputError: the first one judges whole samples only.
        """
        if not judges_prefixes(paused):
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
        return {name: dict(getattr(getattr(self, name), "key", {})) for name in ("paused", "ended")}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), in [0, 1], shape [len(samples)]; each scorer is asked once, about its own."""
        out = np.empty(len(samples))
        for scorer, partial in ((self.paused, True), (self.ended, False)):
            mine = [i for i, sample in enumerate(samples) if (sample.end is End.BOUNDARY) == partial]
            if mine:
                out[mine] = await scorer.score(problem, [samples[i] for i in mine], engine)
        return out
