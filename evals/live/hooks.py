"""The seam between a live run and its caller: progress, notices, and what runs the coroutines.

A terminal, a notebook and a test each bring their own; the defaults show nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tts.engines.config import EngineConfig, open_engine
from tts.engines.kinds import LiveEngine
from tts.progress.phases import PhaseListener, SilentPhases
from tts.prompts import Prompt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QuestionCost:
    """The samples and tokens of a question that is done.

    Attributes:
        samples: samples that the decision rests on.
        recalled: those of them that the pool held before, drawn in an earlier session or for another strategy.
        tokens: tokens generated for the question, those of recalled samples included.
        failed: draws that gave no sample.
        truncated: samples that reached the limit of tokens.
    """

    samples: int = 0
    recalled: int = 0
    tokens: int = 0
    failed: int = 0
    truncated: int = 0

    @property
    def is_recalled(self) -> bool:
        """True if the pool held every sample."""
        return 0 < self.samples <= self.recalled


class ProgressListener(Protocol):
    """Receives the progress of a live run."""

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        """A strategy starts.

        Args:
            label: its name.
            questions: the number of questions.
            budget: the most samples of a question; None where tokens do not follow from samples.
        """
        ...

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        """One more question is done.

        Args:
            right: the share of it that is right, in [0, 1]; None where that is not known.
            cost: its samples and tokens, where they are known.
        """
        ...

    def refresh(self) -> None:
        """Some time has passed."""
        ...

    def finish(self) -> None:
        """The strategy is done with all questions."""
        ...


class Silent:
    """A listener that shows nothing."""

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        """Ignore the start."""

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        """Ignore the question."""

    def refresh(self) -> None:
        """Ignore the time."""

    def finish(self) -> None:
        """Ignore the end."""


class Execute(Protocol):
    """Runs a coroutine to its end and returns its result, as ``asyncio.run`` does."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """Return the coroutine's result."""
        ...


def _no_progress(_: Callable[[], int]) -> AbstractContextManager[ProgressListener]:
    return nullcontext(Silent())


@contextmanager
def open_and_close(config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> Iterator[LiveEngine]:
    """Open an engine for a block and close it afterwards.

    Raises:
        InputError: no such model or device, or a prompt that this model cannot be given.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    with closing(open_engine(config, prompt, notify)) as engine:
        yield engine


@dataclass(frozen=True)
class Hooks:
    """The caller's side of a live run.

    Attributes:
        progress: opens a display; it receives a function that returns the tokens drawn so far.
        phases: opens a display of the phases of a training.
        notify: receives one sentence about anything that takes time or changes something.
        execute: runs a coroutine to its end.
        open_engine: opens the engine of a configuration and a prompt for a block.
    """

    progress: Callable[[Callable[[], int]], AbstractContextManager[ProgressListener]] = _no_progress
    phases: Callable[[], AbstractContextManager[PhaseListener]] = lambda: nullcontext(SilentPhases())
    notify: Callable[[str], None] = field(default=lambda _: None)
    execute: Execute = asyncio.run
    open_engine: Callable[[EngineConfig, Prompt, Callable[[str], None]], AbstractContextManager[LiveEngine]] = (
        open_and_close
    )


SILENT = Hooks()
