"""The strategy protocol: a generator that asks for draws and returns a decision (sans-IO).

A strategy never touches an engine, a clock or an event loop, so the same object runs live, replays a recorded pool and
is tested without a model.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

from tts.types import Decision, Draw, Problem, Sample

Steps = Generator[Draw, list[Sample], Decision]


@runtime_checkable
class Strategy(Protocol):
    """Anything with a budget and a ``run`` that yields :class:`~tts.types.Draw` and returns a ``Decision``.

    Attributes:
        name: what tables and logs call it.
        budget: the most whole samples it will ever ask for on one problem; the driver never looks ahead beyond it.
        branches: whether it draws from prefixes, which a recorded pool cannot replay.

    A strategy that reads signals of the pass itself, without a scorer, names them in an attribute ``needs``
    (:class:`~tts.types.Signals`), which may be missing.
    """

    @property
    def name(self) -> str:
        """What tables and logs call it."""
        ...

    @property
    def budget(self) -> int:
        """The most whole samples it asks for on one problem."""
        ...

    @property
    def branches(self) -> bool:
        """Whether it draws from prefixes."""
        ...

    @property
    def needs_confidence(self) -> bool:
        """Whether its samples must carry a confidence."""
        ...

    def run(self, problem: Problem) -> Steps:
        """The generator: send it the scored samples of each draw, in order of submission."""
        ...
