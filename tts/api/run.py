"""A run over a task in one call: every strategy on the same samples, in a pool that an interrupted run continues."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from evals.config import RunConfig
from evals.live.grid import run_grid
from evals.live.hooks import Hooks, ProgressListener, Silent
from evals.live.outcome import RunOutcome
from evals.live.run_session import run_strategies
from evals.report.draws import failure_sentence
from evals.report.grid import grid_rows
from evals.report.run import compared_rows, run_plot, run_rows
from evals.report.run_table import RunRow, run_table
from evals.report.tables import Table
from evals.tracking.tracked import TrackedResult, grid_results, tracking
from tts.agent.models import MODELS
from tts.api.runs import Runs
from tts.api.tabular import Tabular
from tts.config.arguments import configured, named
from tts.engines.loop import LOOP
from tts.errors import DrawsFailedError, InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG = logging.getLogger(__name__)
OneTask: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
Tasks: TypeAlias = OneTask | Sequence[OneTask]
DATA = (".jsonl", ".jsonl.gz", ".json", ".gz")


@dataclass(frozen=True)
class Run(Tabular):
    """The outcome of :func:`tts.run`.

    Attributes:
        config: the configuration of the run.
        outcome: the task, the plan, every decision, and the pool.
        rows: one strategy each, with accuracy, samples and tokens.
    """

    config: RunConfig
    outcome: RunOutcome
    rows: tuple[RunRow, ...]

    @property
    def pool(self) -> Path:
        """The pool file that holds every sample."""
        return self.outcome.path

    @property
    def table(self) -> Table:
        """The table that ``tts run`` prints."""
        return run_table(self.rows, metric=self.outcome.task.metric)

    def plot(self, x: Literal["samples", "tokens"] = "tokens") -> Figure:
        """Return a plot of accuracy, and of the paired difference to self-consistency, against the cost.

        Args:
            x: the horizontal axis.

        Raises:
            InputError: self-consistency was not played.
            UnsupportedError: matplotlib is not installed.
        """
        return run_plot(self.config, self.outcome, self.rows, x=x)

    @cached_property
    def _charts(self) -> str:
        from evals.report_page.notebook import run_frame

        task, rows = self.outcome.task, compared_rows(self.rows, self.config.budget)
        return run_frame(rows, name=task.name, questions=len(task.problems))

    def __repr__(self) -> str:
        """Return the sizes of the run; its table is what ``print`` shows."""
        task, rows = self.outcome.task, len(self.rows)
        return f"Run({task.name!r}, {len(task.problems)} questions, {rows} strategies, {str(self.pool)!r})"


@overload
def run(task: OneTask = ..., *, model: str = ..., **arguments: Any) -> Run: ...


@overload
def run(task: Tasks = ..., *, model: str | Sequence[str] = ..., **arguments: Any) -> Run | Runs: ...


def run(
    task: Tasks = "stories",
    *,
    model: str | Sequence[str] = "tiny",
    strategies: str | Iterable[str | Mapping[str, Any]] = ("self_consistency",),
    scorer: str | Mapping[str, Any] | None = None,
    questions: int | None = None,
    budget: int = 8,
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
    track: str | None = None,
    **settings: Any,
) -> Run | Runs:
    """Play strategies live over a task, all of them on the same samples.

        run = tts.run("gsm8k_test.jsonl", model="Qwen/Qwen2.5-1.5B-Instruct", strategies=["self_consistency", "esc"])

    Every sample is stored in a pool. After an interruption the same call continues where it was.

    Args:
        task: a task's name, a file of questions, or a mapping of the keys of ``task``; or a list of them.
        model: a bundled model, a directory, or a name on the hub or at a server; or a list of them.
        strategies: names of the catalogue or composed strategies; one name stands for itself.
        scorer: a scorer's name, or {name, calibration, ...}; None if no strategy needs confidences.
        questions: the number of questions, >= 1; None takes all of a file.
        budget: the most samples of a question, >= 1.
        out: the pool to write, .sqlite, .db or .pool; None takes a dated file under ``runs/``.
        progress: whether to show the progress: a table on a terminal or in a notebook, else lines on standard error.
        track: the experiment tracker that receives the run too: "wandb", "mlflow" or "trackio".
        settings: other keys of ``tts run`` by name, such as ``fit`` or ``calibrate``, or of its engine, such as
            ``temperature``.

    Returns:
        A :class:`Run`; with a list of tasks or models :class:`Runs`, one table with the macro-average over tasks.

    Raises:
        InputError: an argument that cannot be used; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
        DrawsFailedError: no draw gave a sample; the sentence tells the commonest reasons.
        KeyboardInterrupt: on Ctrl-C; the pool holds every finished sample.
    """
    lists = isinstance(task, list | tuple), not isinstance(model, str)
    tasks: list[OneTask] = [*task] if lists[0] else [task]  # type: ignore[misc, list-item]
    models: list[str] = [*model] if lists[1] else [model]  # type: ignore[list-item]
    if not tasks or not models:
        raise InputError("tts.run needs at least one task and one model, got an empty list")
    given: dict[str, Any] = {
        "strategies": strategies,
        "scorer": scorer,
        "questions": questions,
        "budget": budget,
        "out": out,
    }
    configs = [_configured(one, model=name, **given, **settings) for one in tasks for name in models]
    hooks = Hooks(progress=progress_display(progress), notify=LOG.info, execute=LOOP.run, open_engine=MODELS.opened)
    with tracking(track, configs, hooks, warn=LOG.warning) as tracked:
        if any(lists):
            runs = run_grid(configs, hooks=tracked.hooks)
            for one in runs:
                _check_draws(one.outcome, f"{one.task}, {one.model}: ")
            tracked.log(grid_results(runs))
            return Runs(tuple(runs), tuple(grid_rows(runs)))
        [config] = configs
        outcome = run_strategies(config, hooks=tracked.hooks)
        _check_draws(outcome)
        rows = run_rows(outcome.played, margin=config.margin, seed=config.engine.seed)
        tracked.log([TrackedResult("", outcome, rows)])
        return Run(config, outcome, tuple(rows))


def _check_draws(outcome: RunOutcome, prefix: str = "") -> None:
    if (draws := outcome.draws).all_failed:
        raise DrawsFailedError(f"{prefix}every draw failed: {failure_sentence(draws)}")


@overload
async def arun(task: OneTask = ..., *, model: str = ..., **arguments: Any) -> Run: ...


@overload
async def arun(task: Tasks = ..., *, model: str | Sequence[str] = ..., **arguments: Any) -> Run | Runs: ...


async def arun(task: Tasks = "stories", **arguments: Any) -> Run | Runs:
    """Play strategies over a task as :func:`run` does, without blocking the running event loop.

    Args:
        task: as for :func:`run`.
        arguments: those of :func:`run`.

    Raises:
        InputError: as :func:`run`.
    """
    return await asyncio.to_thread(lambda: run(task, **arguments))


def _configured(
    task: OneTask,
    *,
    model: str,
    strategies: str | Iterable[str | Mapping[str, Any]],
    scorer: str | Mapping[str, Any] | None,
    questions: int | None,
    budget: int,
    out: str | os.PathLike[str] | None,
    **settings: Any,
) -> RunConfig:
    keys = _task_keys(task)
    given = {
        **{f"task.{key}": value for key, value in keys.items()},
        "task.questions": questions,
        "engine.model": model,
        "scorer": named(scorer),
        "strategies": [strategies] if isinstance(strategies, str) else list(strategies),
        "budget": budget,
        "out": None if out is None else str(Path(os.fspath(out))),
    }
    return configured(RunConfig, "tts.run", given, **settings)


def _task_keys(task: OneTask) -> Mapping[str, Any]:
    if isinstance(task, Mapping):
        return task
    name = os.fspath(task)
    if not isinstance(name, str):
        raise InputError(f"a task must be a name, a file or a mapping, got {name!r}")
    if name.endswith(DATA) or os.path.isfile(name):
        return {"name": "jsonl", "path": name}
    return {"name": name}


def progress_display(shown: bool) -> Callable[[Callable[[], int]], AbstractContextManager[ProgressListener]]:
    """Return the display of the progress, or one that shows nothing."""
    return _shown if shown else _hidden


def _shown(drawn: Callable[[], int]) -> AbstractContextManager[ProgressListener]:
    from evals.live.progress import Progress

    return Progress(drawn)


def _hidden(_: Callable[[], int]) -> AbstractContextManager[ProgressListener]:
    return nullcontext(Silent())
