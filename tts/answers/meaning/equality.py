"""Equality of the answers of a question: the seam between a vote and whatever decides that two answers are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tts.answers.meaning.groups import Pair
from tts.types import Problem, Usage

Equal = Callable[[str, str], bool]
Spend = Callable[[Usage], None]
_NOTHING = Usage()


class Equality(Protocol):
    """Compares canonical texts of the answers of a question, two at a time."""

    @property
    def kind(self) -> str:
        """The kind of answers that it compares; see :func:`~tts.answers.canonical.canonical`."""
        ...

    @property
    def report(self) -> str | None:
        """A sentence about the comparisons so far; None if there is nothing to say."""
        ...

    async def compare(self, problem: Problem, pairs: Sequence[Pair], spend: Spend) -> tuple[list[bool], Usage]:
        """Return whether each pair is equal, and the tokens that those which had been compared before cost then.

        Never blocks the event loop.

        Args:
            problem: the question.
            pairs: two answers each.
            spend: receives the tokens that are spent now, also where a comparison fails or is cancelled.

        Raises:
            EngineError: a model that is asked fails.
        """
        ...

    def about(self, problem: Problem) -> Equal:
        """Return the same check as a function of two texts; it blocks unless the pair has been compared before."""
        ...


@dataclass(frozen=True, slots=True)
class Pairwise:
    """The equality that a function decides without the question, in a thread.

    Attributes:
        kind: the kind of answers.
        check: a pairwise check that any thread may call and that remembers its results, such as
            ``MathVerifier.equal``.
    """

    kind: str
    check: Equal

    @property
    def report(self) -> str | None:
        """Nothing to say."""
        return None

    async def compare(self, problem: Problem, pairs: Sequence[Pair], spend: Spend) -> tuple[list[bool], Usage]:
        """Return whether each pair is equal; no tokens."""
        return await asyncio.to_thread(lambda: [self.check(*pair) for pair in pairs]), _NOTHING

    def about(self, problem: Problem) -> Equal:
        """Return the function."""
        return self.check
