"""The strategy protocol: a generator that asks for draws and returns a decision (sans-IO).

A strategy never touches an engine, a clock or an event loop, so the same object runs live, replays a recorded pool and
is tested without a model. A driver with a time limit throws :class:`TimeUp` into it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol, runtime_checkable

from tts.requirements import Requirements
from tts.types import Decision, Draw, Problem, Sample

Steps = Generator[Draw, list[Sample], Decision]
TIME_LIMIT = "time_limit"
"""The reason of a decision that was taken because the time was up."""


class TimeUp(Exception):  # noqa: N818 - an event that a strategy handles, not an error
    """The time of a question is up: the strategy decides on the samples that it has, and asks for none.

    Attributes:
        samples: those of the last draw that are ready, in order of submission; perhaps none.
    """

    def __init__(self, samples: Sequence[Sample] = ()) -> None:
        """Take the samples that are ready."""
        super().__init__("the time of the question is up")
        self.samples = tuple(samples)


@runtime_checkable
class Strategy(Protocol):
    """Anything with a name, a budget, requirements and a generator ``run``; :class:`BaseStrategy` requires nothing."""

    @property
    def name(self) -> str:
        """The name in tables and logs."""
        ...

    @property
    def budget(self) -> int:
        """The most whole samples it asks for on one problem; the driver never looks ahead beyond it."""
        ...

    @property
    def requires(self) -> Requirements:
        """The requirements on a source of samples."""
        ...

    def run(self, problem: Problem) -> Steps:
        """Yield draws and return the decision; each ``yield`` gets the scored samples, in order of submission.

        Where the driver has a time limit, a ``yield`` may raise :class:`TimeUp`: the strategy returns its decision with
        the reason ``TIME_LIMIT``. One that does not handle it fails with an error when its time is up.
        """
        ...


class BaseStrategy:
    """A base for strategies that read nothing but answers: they add ``name``, ``budget`` and ``run``."""

    requires: Requirements = Requirements()
