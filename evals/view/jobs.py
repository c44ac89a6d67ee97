"""The job of the process that computes numbers, and the steps that it returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.config import CompareConfig
    from evals.view.figures import Counted, Decided


@dataclass(frozen=True)
class Job:
    """The numbers of a run to compute.

    Attributes:
        path: the pool.
        run: the run's number; None of a file without runs.
        settings: of ``tts compare``, as KEY=VALUE; others may be chosen by the size of the pool.
        decisions: the file that receives the decisions on each question.
        under_way: whether another process writes to the pool.
    """

    path: str
    run: int | None
    settings: tuple[str, ...]
    decisions: str
    under_way: bool = False

    def asks(self, key: str) -> bool:
        """Return whether a setting was asked for."""
        return any(setting.startswith(f"{key}=") for setting in self.settings)


@dataclass(frozen=True)
class Step:
    """A part of the numbers that is ready.

    Attributes:
        doing: the next step, in words; empty after the last one.
        summary: the part of the run's summary, ready for JSON.
        missing: a sentence on what the pool lacks; empty where it lacks nothing.
        counted: figures of samples, if this step has them.
        decided: decisions, if this step has them.
        kept: whether the file of the decisions has more than before.
    """

    doing: str
    summary: dict[str, Any]
    missing: str = ""
    counted: Counted | None = None
    decided: Decided | None = None
    kept: bool = False


@cache
def config_of(settings: tuple[str, ...]) -> CompareConfig:
    """Return the configuration of settings; loading its schema takes as long as the rest of a start.

    Raises:
        InputError: a bad setting.
    """
    from evals.config import CompareConfig
    from tts.config import load_config

    return load_config(CompareConfig, [], settings)
