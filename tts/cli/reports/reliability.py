"""``tts reliability``: measure how well the confidences of a pool predict correct answers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app, console
from tts.cli.options import CalibrateOption, ForceOption, PoolArgument, RunOption
from tts.cli.tables import FormatOption, TableFormat, TableOption, check_table, print_text, table_file
from tts.cli.verbosity import notify, shown_work
from tts.errors import InputError
from tts.files import Output, check_outputs
from tts.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from evals.metrics.quality import Quality
    from evals.metrics.scored import ScoredSamples
    from evals.report.tables import Table


@app.command(
    examples=(
        "tts reliability pool.sqlite",
        "tts reliability pool.sqlite score=mean_logprob calibrate=platt plot=reliability.png",
    )
)
def reliability(
    pool: PoolArgument,
    score: Annotated[
        str | None,
        typer.Option(help="Score to measure: of a scorer, confidence, mean_logprob [default: recorded]."),
    ] = None,
    calibrate: CalibrateOption = None,
    replicates: Annotated[int, typer.Option(help="Bootstrap replicates (resamples of the questions).")] = 2000,
    seed: Annotated[int, typer.Option(help="Random seed of the bootstrap and of the halves.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write all numbers as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Plot reliability and risk-coverage: .png, .svg or .pdf.")] = None,
    table: TableOption = None,
    output: FormatOption = TableFormat.TABLE,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Measure calibration and ranking of a pool's confidences.

    Prints calibration errors, Brier score, log-likelihood, AUROC (also within questions), AUPRC, AURC and selective
    accuracy, each with its 95 % interval over questions. Scores outside [0, 1] have ranking metrics only, unless
    --calibrate maps them. The map for a question (and the weights of --score stacked) is fitted on the other half of
    the questions.
    """
    from evals.metrics.quality import as_mapping, measure
    from evals.metrics.scored import ScoredSamples
    from evals.report import figures
    from evals.report import reliability as plots
    from evals.report.comparison import to_json
    from evals.report.output import json_file
    from evals.report.reliability import reliability_table
    from tts.pool import load_pool, read_pool

    if plot is not None:
        figures.check(str(plot))
    check_table(table)
    if seed < 0:
        raise InputError(f"--seed must be at least 0, got {seed}")
    if replicates < 1:
        raise InputError(f"--replicates must be at least 1, got {replicates}; 2000 is usual")
    outputs = [Output(json, "JSON file"), Output(plot, "picture"), Output(table, "table", "metric,value,")]
    check_outputs(outputs, [pool], command="tts reliability", force=force)
    read = load_pool if score is None else read_pool
    with shown_work():
        recorded = read(pool, run=run, notify=notify)
        if score is not None:
            from evals.replay.rescore import rescored

            recorded = rescored(recorded, score, seed=seed)
        samples = ScoredSamples.of_pool(recorded)
        if calibrate is not None:
            samples = samples.calibrated(calibrate, seed)
        quality = measure(samples, replicates=replicates, seed=seed)
    main = reliability_table(quality)
    shown = ("confidence" if score is None else score) + (f", {calibrate} calibration" if calibrate else "")
    # Files first, all or none: they are written even if the reader of the table stops early.
    described = {"path": recorded.path, "sha256": recorded.sha256, "questions": recorded.questions}
    settings = {"score": score, "calibrate": calibrate, "seed": seed, "bootstrap_replicates": replicates}
    content = {"command": "tts reliability", "pool": described, **settings, **as_mapping(samples, quality)}
    with ExitStack() as stack:
        if json is not None:
            stack.enter_context(json_file(json, content))
        if table is not None:
            stack.enter_context(table_file(main, table, command="tts reliability"))
        if plot is not None:
            title = f"{Path(recorded.path).name}: {_size(samples)}"
            drawn = plots.plot(title, samples, quality, score=shown)
            figures.save(drawn, plot, command="tts reliability")
    if output is TableFormat.TABLE:
        _print(console(), samples, quality, main, f"{recorded.path}: {shown}", f"{replicates} replicates, seed {seed}")
    else:
        print_text(to_json(content) if output is TableFormat.JSON else main.render(output.value))
    for written in (json, plot, table):
        if written is not None:
            typer.echo(f"wrote {written}", err=output is not TableFormat.TABLE)


def _size(samples: ScoredSamples) -> str:
    return f"{len(samples.confidence)} samples of {counted(samples.questions, 'question')}"


def _print(
    screen: Console, samples: ScoredSamples, quality: Quality, main: Table, measured: str, resampled: str
) -> None:
    from evals.report import units

    screen.print(
        f"{measured}; {_size(samples)}, accuracy {units.percent(quality.accuracy)} %"
        + ("" if quality.accuracy_ci is None else f" {units.percent_interval(quality.accuracy_ci)}")
        + f"; {resampled}",
        soft_wrap=True,
    )
    for reason, count in samples.left_out.items():
        screen.print(f"left out: {count} samples with {reason}", style="dim", soft_wrap=True)
    if samples.unparsed:
        screen.print(
            f"counted as wrong: {samples.unparsed} samples without a readable answer", style="dim", soft_wrap=True
        )
    main.print(screen)
    screen.print()
    for reason in dict.fromkeys(m.reason for m in quality.measured if m.reason):
        labels = ", ".join(m.metric.label.lstrip("-+ ") for m in quality.measured if m.reason == reason)
        screen.print(f"{labels}: {reason}", style="dim")
