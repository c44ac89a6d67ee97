"""Reference: scores and log-probabilities of a calibration's texts, by which later ones are found to be unlike them.

One text a question, at most :data:`MOST` of them, chosen at random: later texts, one a question, are then exchangeable
with them as long as nothing has changed, which is what a test of a change needs. Several draws of a question, or evenly
taken quantiles, would not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts.errors import InputError
from tts.types import Sample

MOST = 1000
"""The most values of a kind that are kept; more hardly sharpen a rank."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The scores and log-probabilities of texts that a calibration was fitted on.

    Attributes:
        scores: sorted, of at most :data:`MOST` texts.
        logprobs: mean log-probabilities a token, sorted, as :func:`mean_logprob` takes them; empty where the texts have
            none.
    """

    scores: tuple[float, ...]
    logprobs: tuple[float, ...] = ()

    @classmethod
    def of(cls, scores: Sequence[float], logprobs: Sequence[float], *, seed: int = 0) -> Reference:
        """Return the reference of texts, one a question.

        Args:
            scores: one a text.
            logprobs: one a text that has log-probabilities.
            seed: decides which are kept where there are more than :data:`MOST`.
        """
        return cls(*(_kept(values, seed) for values in (scores, logprobs)))

    def least_logprob(self, share: float) -> float | None:
        """Return the log-probability below which a text like these falls with at most this probability, or None.

        It is the value of rank ``share * (n + 1)`` among the n texts, and the least value of few texts.
        """
        rank = max(1, int(share * (len(self.logprobs) + 1)))
        return self.logprobs[rank - 1] if rank <= len(self.logprobs) else None

    def to_dict(self) -> dict[str, Any]:
        """The reference as JSON-able data, exact."""
        return {"scores": list(self.scores), "logprobs": list(self.logprobs)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reference:
        """The reference that ``to_dict`` wrote.

        Raises:
            InputError: its values are no finite numbers, or too many.
        """
        found = []
        for key in ("scores", "logprobs"):
            values = data.get(key)
            real = isinstance(values, list) and all(type(v) in (int, float) and math.isfinite(v) for v in values)
            if not isinstance(values, list) or not real or len(values) > MOST:
                raise InputError(f"{key} of a reference must be at most {MOST} finite numbers: fit it again")
            found.append(tuple(sorted(float(v) for v in values)))
        return cls(*found)


def mean_logprob(samples: Iterable[Sample]) -> float | None:
    """Return the mean over samples of their mean log-probability a token; None where none of them has any."""
    means = []
    for sample in samples:
        known = [value for value in sample.trace.logprobs if not math.isnan(value)]
        if known:
            means.append(math.fsum(known) / len(known))
    return math.fsum(means) / len(means) if means else None


def _kept(values: Sequence[float], seed: int) -> tuple[float, ...]:
    chosen = np.asarray(values, dtype=np.float64)
    if len(chosen) > MOST:
        chosen = np.random.default_rng(seed).choice(chosen, MOST, replace=False)
    return tuple(sorted(chosen.tolist()))
