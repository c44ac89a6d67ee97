"""Reports of runs over several tasks and models: one table, with the macro-average over tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich.console import Console

from evals.comparison.difference import Difference, differences
from evals.comparison.fit import REFERENCE
from evals.config import RunConfig
from evals.live.grid import GridRun
from evals.live.paired import REPLICATES, outcome_of
from evals.metrics.macro import macro_interval, macro_shares, macro_weights
from evals.replay.outcome import Outcome
from evals.report import plot as plotting
from evals.report.comparison_table import conclusion
from evals.report.run import compared_rows, legend, print_end, print_notes, run_rows
from evals.report.run_mapping import as_mapping
from evals.report.run_table import RunRow, run_table
from evals.report.tables import Column, Table
from tts.errors import InputError
from tts.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MACRO = "macro-average"
"""The word in the column of tasks for a mean over tasks in which each counts alike."""

SPARE = {"accuracy_diff_ci": 4, "saved": 5, "samples": 6, "tokens": 7, "accuracy_ci": 8}
"""The order in which a narrow terminal hides further columns; intervals of accuracies go last."""


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row of the table: one strategy on one task by one model, or its macro-average.

    Attributes:
        task: the name of the task, or ``MACRO``.
        model: the name of the model.
        row: the numbers.
    """

    task: str
    model: str
    row: RunRow


def grid_rows(runs: Sequence[GridRun]) -> list[GridRow]:
    """Return the rows of every task and model, then the macro-averages of each model.

    A macro-average is the mean over tasks of the task's means, each with the weight 1 / tasks. Its interval resamples
    the questions of each task apart; see :func:`evals.metrics.macro.macro_weights`. There is one for each strategy that
    was played on every task, where there are several tasks and all of them have gold answers.

    Args:
        runs: one a task and model.
    """
    found = [
        GridRow(run.task, run.model, row)
        for run in runs
        for row in run_rows(run.outcome.played, margin=run.config.margin, seed=run.config.engine.seed)
    ]
    for model in dict.fromkeys(run.model for run in runs):
        rows = macro_rows([run for run in runs if run.model == model])
        found += [GridRow(MACRO, model, row) for row in rows]
    return found


def macro_rows(runs: Sequence[GridRun]) -> list[RunRow]:
    """Return the macro-averages of the strategies of one model; see :func:`grid_rows`.

    Args:
        runs: one a task, all of the same model.
    """
    if len(runs) < 2 or not all(run.outcome.task.graded for run in runs):
        return []
    by_task = [{played.planned.method.name: played for played in run.outcome.played} for run in runs]
    names = [name for name in by_task[0] if all(name in played for played in by_task)]
    sizes, config = [len(run.outcome.task.problems) for run in runs], runs[0].config
    weights, shares = macro_weights(sizes, REPLICATES, config.engine.seed), macro_shares(sizes)
    against: Sequence[Difference | None] = [None] * len(names)
    if REFERENCE in names:
        outcomes = [Outcome.joined([outcome_of(played[name]) for played in by_task]) for name in names]
        against = differences(outcomes, names.index(REFERENCE), weights=weights, margin=config.margin, shares=shares)
    means = [run_rows(run.outcome.played, margin=config.margin, seed=config.engine.seed) for run in runs]
    found = []
    for name, difference in zip(names, against, strict=True):
        played = [one[name] for one in by_task]
        rows = [next(row for row in some if row.name == name) for some in means]
        accuracy, accuracy_ci = macro_interval([np.array(p.right, dtype=float) for p in played], weights)
        rewards = [p.rewards for p in played if p.rewards is not None]
        reward, reward_ci = macro_interval(rewards, weights) if len(rewards) == len(played) else (None, None)
        found.append(
            replace(
                rows[0],
                accuracy=accuracy,
                accuracy_ci=accuracy_ci,
                samples=float(np.mean([row.samples for row in rows])),
                tokens=_mean(rows, lambda row: row.tokens),
                p_correct=_mean(rows, lambda row: row.p_correct),
                vote_share=_mean(rows, lambda row: row.vote_share),
                reasons={},
                abstained=sum(row.abstained for row in rows),
                failed=sum(row.failed for row in rows),
                failed_share=float(np.mean([row.failed_share for row in rows])),
                cached=sum(row.cached for row in rows),
                difference=difference,
                reward=reward,
                reward_ci=reward_ci,
            )
        )
    return found


def _mean(rows: Sequence[RunRow], value: Callable[[RunRow], float | None]) -> float | None:
    known = [one for one in map(value, rows) if one is not None]
    return float(np.mean(known)) if len(known) == len(rows) else None


def grid_table(rows: Sequence[GridRow], *, metric: str = "") -> Table:
    """Return the table of several tasks and models, the macro-averages at its end.

    Args:
        rows: as :func:`grid_rows` returns them.
        metric: the name of the graded metric; empty where there is none.
    """
    plain = run_table([one.row for one in rows], metric=metric)
    columns = [Column("task", "task", left=True)]
    if len({one.model for one in rows}) > 1:
        columns.append(Column("model", "model", left=True))
    cells = [{"task": g.task, "model": g.model, **cell} for g, cell in zip(rows, plain.rows, strict=True)]
    pairs = [(one.task, one.model) for one in rows]
    breaks = tuple(number for number in range(len(pairs) - 1) if pairs[number] != pairs[number + 1])
    columns += [replace(column, spare=SPARE.get(column.key, column.spare)) for column in plain.columns]
    return replace(plain, columns=tuple(columns), rows=tuple(cells), breaks=breaks)


def metric_of(runs: Sequence[GridRun]) -> str:
    """Return the name of the graded metric of the tasks, "score" where they have several."""
    names = {run.outcome.task.metric for run in runs if run.outcome.task.metric}
    return next(iter(names), "") if len(names) < 2 else "score"


def print_grid(console: Console, runs: Sequence[GridRun], rows: Sequence[GridRow], *, wide: bool = False) -> None:
    """Print the table, what every task and model has to say, and where the samples are."""
    config = runs[0].config
    tasks = {run.task: len(run.outcome.task.problems) for run in runs}
    models = list(dict.fromkeys(run.model for run in runs))
    sizes = ", ".join(f"{task} ({counted(count, 'question')})" for task, count in tasks.items())
    word = "model" if len(models) == 1 else "models"
    line = f"{sizes}; {word} {', '.join(models)}; budget {config.budget}, seed {config.engine.seed}"
    console.print(line, soft_wrap=True)
    grid_table(rows, metric=metric_of(runs)).print(console, wide=wide)
    console.print()
    if any(one.row.difference is not None for one in rows):
        console.print(legend(config), style="dim")
    if any(one.task == MACRO for one in rows):
        console.print(
            f"{MACRO}: mean over tasks, each with the same weight; its intervals resample the questions of each task",
            style="dim",
        )
    elif len(tasks) > 1:
        lacking = [run.task for run in runs if not run.outcome.task.graded]
        why = f"{lacking[0]} has no gold answers" if lacking else "no strategy was played on every task"
        console.print(f"no {MACRO}: {why}", style="dim")
    for run in runs:
        prefix = f"{run.task}, {run.model}: " if len(models) > 1 else f"{run.task}: "
        print_notes(console, run.outcome, prefix)
        for pool, draws in run.outcome.runs:
            print_end(console, draws, pool, config.engine.max_tokens, prefix)
    for model in models:
        compared = compared_rows(_rows_to_conclude(rows, model), config.budget)
        if len(compared) > 1:
            prefix = f"{MACRO}, {model}: " if len(models) > 1 else f"{MACRO}: "
            text = conclusion(compared, questions=sum(tasks.values()))
            console.print(prefix + text, style="bold", soft_wrap=True)


def _rows_to_conclude(rows: Sequence[GridRow], model: str) -> list[RunRow]:
    return [one.row for one in rows if one.model == model and one.task == MACRO]


def check_plot(configs: Sequence[RunConfig]) -> None:
    """Refuse a plot of several models before anything is drawn.

    Raises:
        InputError: naming the number of models.
    """
    models = {config.engine.model for config in configs}
    if len(models) > 1:
        raise InputError(f"a plot compares the strategies of one model, and {len(models)} are named: leave --plot out")


def grid_plot(
    runs: Sequence[GridRun], rows: Sequence[GridRow], *, x: Literal["samples", "tokens"] = "tokens"
) -> Figure:
    """Return the plot of the macro-averages of one model; see :func:`evals.report.plot.plot`.

    Args:
        runs: one a task.
        rows: as :func:`grid_rows` returns them.
        x: the horizontal axis.

    Raises:
        InputError: several models, no macro-average, or self-consistency was not played.
        UnsupportedError: matplotlib is not installed.
    """
    config = runs[0].config
    check_plot([run.config for run in runs])
    macro = _rows_to_conclude(rows, runs[0].model)
    if not macro:
        raise InputError(f"a plot of several tasks shows their {MACRO}, and there is none: leave the plot out")
    compared = compared_rows(macro, config.budget)
    if not compared:
        raise InputError("a plot compares with self_consistency: add it to the strategies")
    title = f"{MACRO} of {', '.join(run.task for run in runs)}: budget {config.budget}"
    return plotting.plot(title, compared, None, x=x, margin=config.margin)


def grid_mapping(runs: Sequence[GridRun], rows: Sequence[GridRow], *, texts: bool = False) -> dict[str, Any]:
    """Return everything, every decision included, ready for :func:`evals.report.output.write_json`.

    Args:
        runs: one a task and model.
        rows: as :func:`grid_rows` returns them.
        texts: add the questions and samples.
    """

    def own(run: GridRun) -> list[RunRow]:
        return [one.row for one in rows if (one.task, one.model) == (run.task, run.model)]

    def plain(row: RunRow) -> Mapping[str, Any]:
        hidden = ("reasons",)
        return {key: value for key, value in asdict(row).items() if value is not None and key not in hidden}

    return {
        "command": "tts run",
        "pool": str(runs[0].outcome.path),
        "macro_average": [
            {"model": one.model, "tasks": list(dict.fromkeys(run.task for run in runs)), **plain(one.row)}
            for one in rows
            if one.task == MACRO
        ],
        "grid": [
            {
                "name": {"task": run.task, "model": run.model},
                **as_mapping(run.config, run.outcome, own(run), texts=texts),
            }
            for run in runs
        ],
    }
