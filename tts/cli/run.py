"""``tts run``: play strategies live over a task, all of them on the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app, console, interruptible
from tts.cli.options import ConfigArguments, check_live_outputs, read_config, terminal_hooks


@app.command()
def run(
    configs: ConfigArguments = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers and every decision as JSON.")] = None,
) -> None:
    """Play strategies live on a task, all on the same samples.

    Each strategy stops within budget=N samples per question. Every sample is stored in the pool out=FILE and drawn
    only once, because the strategies share it. After an interruption, repeat the command to continue.
    """
    from evals.config import RunConfig
    from evals.live.run_session import run_strategies
    from evals.report.output import write_json
    from evals.report.run import as_mapping, print_run, run_rows

    config, files = read_config(RunConfig, configs)
    check_live_outputs(config.out, json, [*files, config.fit, config.task.path, config.task.shots_path])
    with interruptible():
        outcome = run_strategies(config, hooks=terminal_hooks())
    rows = run_rows(outcome.played)
    if json is not None:
        write_json(json, as_mapping(config, outcome, rows))
    screen = console()
    print_run(screen, config, outcome, rows)
    if json is not None:
        screen.print(f"wrote {json}", soft_wrap=True)
