"""The strategy protocol: a generator that asks for draws and returns a decision (sans-IO).

A strategy never touches an engine, a clock or an event loop, so the same object runs live, replays a recorded pool and
is tested without a model.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

from tts.requirements import Requirements
from tts.types import Decision, Draw, Problem, Sample

Steps = Generator[Draw, list[Sample], Decision]


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
        """Yield draws and return the decision; each ``yield`` gets the scored samples, in order of submission."""
        ...


class BaseStrategy:
    """A base for strategies that read nothing but answers: they add ``name``, ``budget`` and ``run``."""

    requires: Requirements = Requirements()
