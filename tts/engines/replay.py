"""The replay engine: delivers recorded samples in a given order, as if they were drawn now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tts.errors import InputError
from tts.types import Problem, Sample


class ReplayEngine:
    """A :class:`~tts.engines.base.Recording` over samples in memory."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        """Take the samples of each problem id, in recorded order."""
        self._samples = samples

    def recorded(self, problem: Problem) -> Sequence[Sample]:
        """Return the recorded samples of this problem.

        Raises:
            InputError: the recording has no such problem.
        """
        return self._of(problem.id)

    def permuted(self, orders: Mapping[str, Iterable[Any]]) -> ReplayEngine:
        """Return the same samples in other orders: a sequence of sample numbers for each problem id.

        Raises:
            InputError: the recording has no such problem or sample.
        """
        return ReplayEngine({key: self._picked(key, [int(i) for i in order]) for key, order in orders.items()})

    def _picked(self, key: str, order: Sequence[int]) -> list[Sample]:
        samples = self._of(key)
        for i in order:
            if not 0 <= i < len(samples):
                raise InputError(f"the recording has samples 0 to {len(samples) - 1} of problem {key!r}, not {i}")
        return [samples[i] for i in order]

    def _of(self, key: str) -> Sequence[Sample]:
        try:
            return self._samples[key]
        except KeyError:
            raise InputError(
                f"the recording has no problem {key!r} among its {len(self._samples)}: replay the pool's own"
            ) from None
