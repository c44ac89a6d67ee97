"""The replay engine: hands out recorded samples in a given order, as if they were drawn now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tts.errors import InputError
from tts.types import Problem, Sample


class ReplayEngine:
    """A :class:`~tts.engines.base.Recording` over samples kept in memory."""

    def __init__(self, samples: Mapping[str, Sequence[Sample]]) -> None:
        """Take the samples of each problem id, in recorded order."""
        self._samples = samples

    def recorded(self, problem: Problem) -> Sequence[Sample]:
        """The recorded samples of this problem.

        Raises:
            InputError: the recording has no such problem.
        """
        try:
            return self._samples[problem.id]
        except KeyError:
            raise InputError(
                f"the recording has no problem {problem.id!r} among its {len(self._samples)}: replay the pool's own"
            ) from None

    def permuted(self, orders: Mapping[str, Iterable[Any]]) -> ReplayEngine:
        """The same samples in other orders, one sequence of sample numbers a problem id."""
        return ReplayEngine({key: [self._samples[key][int(i)] for i in order] for key, order in orders.items()})
