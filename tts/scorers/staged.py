"""Two scorers as one: the first judges partial samples, the second judges finished samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities
from tts.errors import InputError
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.types import End, Problem, Sample, Signals


class Staged:
    """Guides beams by one scorer and weighs their votes by another.

    Attributes:
        paused: judges partial samples.
        ended: judges all other samples.
        key: the keys of both.
    """

    name = "staged"
    judges_prefixes = True

    def __init__(self, paused: Scorer, ended: Scorer, *, key: Mapping[str, object] | None = None) -> None:
        """Choose both scorers.

        Args:
            paused: judges partial samples.
            ended: judges all other samples.
            key: what the confidences depend on beside the model; None combines the keys of both.

        Raises:
            InputError: the first scorer judges whole samples only.
        """
        if not paused.judges_prefixes:
            raise InputError(
                f"scorer staged needs a scorer of prefixes for paused, and {paused.name} judges whole samples only: "
                "give finece, grace or mean_logprob, for instance"
            )
        self.paused, self.ended = paused, ended
        self.key = {"paused": dict(paused.key), "ended": dict(ended.key)} if key is None else key

    @property
    def needs(self) -> Signals:
        """The signals of both scorers."""
        return self.paused.needs | self.ended.needs

    @property
    def uses_engine(self) -> bool:
        """True if either asks the engine."""
        return self.paused.uses_engine or self.ended.uses_engine

    @property
    def own_model(self) -> bool:
        """True if neither scorer asks the model that drew the samples."""
        both = (self.paused, self.ended)
        return all(one.own_model or not one.uses_engine for one in both) and any(one.own_model for one in both)

    @property
    def reads_texts(self) -> bool:
        """True if both scorers read texts without signals."""
        return self.paused.reads_texts and self.ended.reads_texts

    @property
    def compares_samples(self) -> bool:
        """True if either compares samples."""
        return self.paused.compares_samples or self.ended.compares_samples

    @property
    def abstains(self) -> bool:
        """True if either abstains."""
        return self.paused.abstains or self.ended.abstains

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return what either scorer lacks."""
        return self.paused.lacks(capabilities) or self.ended.lacks(capabilities)

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), in [0, 1], shape [len(samples)]; each scorer is called at most once, with its own samples."""
        out = np.empty(len(samples))
        for scorer, partial in ((self.paused, True), (self.ended, False)):
            mine = [i for i, sample in enumerate(samples) if (sample.end is End.BOUNDARY) == partial]
            if mine:
                out[mine] = await scorer.score(problem, [samples[i] for i in mine], engine)
        return out


def open_staged(*, paused: Mapping[str, Any], ended: Mapping[str, Any], nested: Callable[..., Any]) -> Staged:
    """Build the scorer from a configuration.

    Args:
        paused: the scorer of partial samples, as a mapping {name, ...}.
        ended: the scorer of all other samples.
        nested: opens a scorer from its mapping, as :func:`tts.scorers.config.open_scorer` does.

    Raises:
        InputError: a part that cannot be opened, or that gives no probabilities.
    """
    parts = {"paused": nested(paused), "ended": nested(ended)}
    for part, opened in parts.items():
        if not opened.probability:
            raise InputError(f"scorer {opened.name} gives raw scores: give scorer.{part}.calibration")
    key = {part: dict(opened.key) for part, opened in parts.items()}
    return Staged(parts["paused"].scorer, parts["ended"].scorer, key=key)
