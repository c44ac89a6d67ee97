"""``tts run``: play strategies live over a task, all of them on the same samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app, console, interruptible
from tts.cli.options import ConfigArguments, ForceOption, check_live_outputs, read_each, terminal_hooks
from tts.cli.tables import FormatOption, TableFormat, TableOption, WideOption, check_table, print_text, table_file
from tts.errors import DrawsFailedError, InputError
from tts.files import Output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.config import RunConfig
    from evals.live.hooks import Hooks
    from evals.live.outcome import RunOutcome
    from evals.report.tables import Table
    from evals.tracking.tracked import TrackedResult


@app.command(
    schema="evals.config:RunConfig",
    examples=(
        "tts run questions=20",
        "tts run questions.jsonl model=tiny strategies=self_consistency,esc budget=8",
        "tts run a.jsonl b.jsonl 'model=[tiny,grace]'",
    ),
)
def run(
    configs: ConfigArguments = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers and every decision as JSON.")] = None,
    texts: Annotated[bool, typer.Option("--texts", help="Add questions and samples to the JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot accuracy and paired differences: .png, .svg or .pdf.")] = None,
    table: TableOption = None,
    track: Annotated[
        str | None, typer.Option(help="Experiment tracker that receives the run too: wandb, mlflow or trackio.")
    ] = None,
    output: FormatOption = TableFormat.TABLE,
    wide: WideOption = False,
    force: ForceOption = False,
) -> None:
    """Play strategies live on a task, all on the same samples.

    Lists of tasks and models, such as task=[gsm8k,svamp] model=[a,b], are one table with the macro-average over tasks.
    Each strategy stops within budget=N samples per question. Every sample is stored in the pool out=FILE and drawn
    only once, because the strategies share it. After an interruption, repeat the command to continue.
    """
    from evals.comparison.fit import REFERENCE
    from evals.config import RunConfig
    from evals.live.parts import plays
    from evals.report import figures
    from evals.report.draws import failure_sentence
    from evals.report.grid import check_plot
    from evals.tracking.tracked import tracking

    if texts and json is None and output is not TableFormat.JSON:
        raise InputError("--texts adds to the JSON of a run: give --json FILE or --format json too")
    found, files = read_each(RunConfig, configs)
    check_table(table)
    if plot is not None:
        figures.check(str(plot))
        check_plot(found)
        if not plays(found[0], REFERENCE):
            raise InputError("a plot compares with self_consistency: add it to the strategies, or leave --plot out")
    first = "strategy,accuracy," if len(found) == 1 else "task,"
    outputs = [Output(json, "JSON file"), Output(plot, "picture"), Output(table, "table", first)]
    inputs = [*files, *(path for c in found for path in (c.fit, c.task.path, c.task.shots_path))]
    check_live_outputs(found[0].out, outputs, inputs, command="tts run", force=force)
    with interruptible(), tracking(track, found, terminal_hooks()) as tracked:
        report = _played(found, tracked.hooks)
        _write(report, json=json, table=table, plot=plot, texts=texts)
        _print(report, output, texts=texts, wide=wide)
        for written in (json, table, plot):
            if written is not None:
                typer.echo(f"wrote {written}", err=output is not TableFormat.TABLE)
        for name, outcome in report.outcomes.items():
            if (draws := outcome.draws).all_failed:
                raise DrawsFailedError(f"{name}every draw failed: {failure_sentence(draws)}")
        tracked.log(report.results)


@dataclass(frozen=True)
class _Report:
    """A run of one task and model, or of several: its outcomes by name, its table, and its other forms."""

    outcomes: Mapping[str, RunOutcome]
    results: Sequence[TrackedResult]
    table: Table
    mapping: Callable[[bool], dict[str, Any]]
    plot: Callable[[], Figure]
    print: Callable[[bool], None]


def _write(report: _Report, *, json: Path | None, table: Path | None, plot: Path | None, texts: bool) -> None:
    from evals.report import figures
    from evals.report.output import json_file

    with ExitStack() as stack:
        if json is not None:
            stack.enter_context(json_file(json, report.mapping(texts)))
        if table is not None:
            stack.enter_context(table_file(report.table, table, command="tts run"))
        if plot is not None:
            figures.save(report.plot(), plot, command="tts run")


def _print(report: _Report, output: TableFormat, *, texts: bool, wide: bool) -> None:
    if output is TableFormat.TABLE:
        report.print(wide)
    elif output is TableFormat.JSON:
        from evals.report.comparison import to_json

        print_text(to_json(report.mapping(texts)))
    else:
        print_text(report.table.render(output.value))


def _played(configs: Sequence[RunConfig], hooks: Hooks) -> _Report:
    from evals.live.grid import run_grid
    from evals.live.run_session import run_strategies
    from evals.report.grid import grid_mapping, grid_plot, grid_rows, grid_table, metric_of, print_grid
    from evals.report.run import print_run, run_plot, run_rows
    from evals.report.run_mapping import as_mapping
    from evals.report.run_table import run_table
    from evals.tracking.tracked import TrackedResult, grid_results

    if len(configs) > 1:
        runs = run_grid(configs, hooks=hooks)
        lines = grid_rows(runs)
        return _Report(
            {f"{run.task}, {run.model}: ": run.outcome for run in runs},
            grid_results(runs),
            grid_table(lines, metric=metric_of(runs)),
            lambda texts: grid_mapping(runs, lines, texts=texts),
            lambda: grid_plot(runs, lines),
            lambda wide: print_grid(console(), runs, lines, wide=wide),
        )
    [config] = configs
    outcome = run_strategies(config, hooks=hooks)
    rows = run_rows(outcome.played, margin=config.margin, seed=config.engine.seed)
    return _Report(
        {"": outcome},
        [TrackedResult("", outcome, rows)],
        run_table(rows, metric=outcome.task.metric),
        lambda texts: as_mapping(config, outcome, rows, texts=texts),
        lambda: run_plot(config, outcome, rows),
        lambda wide: print_run(console(), config, outcome, rows, wide=wide),
    )
