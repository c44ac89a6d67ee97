"""``tts run``: play strategies live over a task, all of them on the same samples."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app, console, interruptible
from tts.cli.options import ConfigArguments, ForceOption, check_live_outputs, read_config, terminal_hooks
from tts.cli.tables import FormatOption, TableFormat, TableOption, WideOption, check_table, print_text, table_file
from tts.errors import DrawsFailedError, InputError
from tts.files import Output


@app.command(
    schema="evals.config:RunConfig",
    examples=(
        "tts run questions=20",
        "tts run questions.jsonl model=tiny strategies=self_consistency,esc budget=8",
    ),
)
def run(
    configs: ConfigArguments = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers and every decision as JSON.")] = None,
    texts: Annotated[bool, typer.Option("--texts", help="Add questions and samples to the JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot accuracy and paired differences: .png, .svg or .pdf.")] = None,
    table: TableOption = None,
    output: FormatOption = TableFormat.TABLE,
    wide: WideOption = False,
    force: ForceOption = False,
) -> None:
    """Play strategies live on a task, all on the same samples.

    Each strategy stops within budget=N samples per question. Every sample is stored in the pool out=FILE and drawn
    only once, because the strategies share it. After an interruption, repeat the command to continue.
    """
    from evals.comparison.fit import REFERENCE
    from evals.config import RunConfig
    from evals.live.draws import joined
    from evals.live.parts import plays
    from evals.live.run_session import run_strategies
    from evals.report import figures
    from evals.report.comparison import to_json
    from evals.report.draws import failure_sentence
    from evals.report.output import json_file
    from evals.report.run import print_run, run_plot, run_rows, run_table
    from evals.report.run_mapping import as_mapping

    if texts and json is None and output is not TableFormat.JSON:
        raise InputError("--texts adds to the JSON of a run: give --json FILE or --format json too")
    config, files = read_config(RunConfig, configs)
    check_table(table)
    if plot is not None:
        figures.check(str(plot))
        if not plays(config, REFERENCE):
            raise InputError("a plot compares with self_consistency: add it to the strategies, or leave --plot out")
    outputs = [Output(json, "JSON file"), Output(plot, "picture"), Output(table, "table", "strategy,accuracy,")]
    inputs = [*files, config.fit, config.task.path, config.task.shots_path]
    check_live_outputs(config.out, outputs, inputs, command="tts run", force=force)
    with interruptible():
        outcome = run_strategies(config, hooks=terminal_hooks())
    rows = run_rows(outcome.played, margin=config.margin, seed=config.engine.seed)
    main = run_table(rows)
    with ExitStack() as stack:
        if json is not None:
            stack.enter_context(json_file(json, as_mapping(config, outcome, rows, texts=texts)))
        if table is not None:
            stack.enter_context(table_file(main, table, command="tts run"))
        if plot is not None:
            figures.save(run_plot(config, outcome, rows), plot, command="tts run")
    if output is TableFormat.TABLE:
        print_run(console(), config, outcome, rows, wide=wide)
    elif output is TableFormat.JSON:
        print_text(to_json(as_mapping(config, outcome, rows, texts=texts)))
    else:
        print_text(main.render(output.value))
    for written in (json, table, plot):
        if written is not None:
            typer.echo(f"wrote {written}", err=output is not TableFormat.TABLE)
    if (draws := joined(part.draws for part in outcome.parts)).all_failed:
        raise DrawsFailedError(f"every draw failed: {failure_sentence(draws)}")
