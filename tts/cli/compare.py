"""``tts compare`` and ``tts strategies``: replay strategies on a pool, and list them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app, console
from tts.cli.options import PoolArgument, RunOption
from tts.files import check_outputs

if TYPE_CHECKING:
    from evals.config import CompareConfig
    from tts.pool import Pool


@app.command()
def compare(
    pool: PoolArgument,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Overrides of the configuration, such as seed=1.")
    ] = None,
    config: Annotated[list[Path] | None, typer.Option(help="YAML configuration; repeat to merge several.")] = None,
    budget: Annotated[int | None, typer.Option(help="Most samples per question [default: all].")] = None,
    strategies: Annotated[
        str | None, typer.Option(help="Comma-separated names, see `tts strategies` [default: all].")
    ] = None,
    permutations: Annotated[
        int | None, typer.Option(help="Random orders of the samples of each question [default: 200].")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of orders, halves and bootstrap [default: 0].")] = None,
    answers: Annotated[
        str | None, typer.Option(help="Kind of answers: auto, number, choice, text, math [default: auto].")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(help="Score to use as confidence, such as mean_logprob or frequency [default: recorded]."),
    ] = None,
    calibrate: Annotated[
        str | None, typer.Option(help="Calibration map, cross-fitted: platt, isotonic, beta or temperature.")
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Sweep the threshold of every stopping rule and show the frontiers.")
    ] = False,
    regret: Annotated[bool, typer.Option("--regret", help="Split wrong decisions by their cause.")] = False,
    margin: Annotated[
        float | None, typer.Option(help="Non-inferiority margin of accuracy, a fraction [default: 0.005].")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Plot accuracy against samples: .png or .svg.")] = None,
    run: RunOption = None,
) -> None:
    """Compare strategies on the same recorded samples of a pool.

    Replays every strategy under the same random orders. Prints accuracy with its 95 % interval, mean samples, the
    paired difference to self-consistency at the full budget and the share of samples saved; then maj@k, pass@k and
    best-of-k.
    """
    from dataclasses import replace

    from evals.config import CompareConfig
    from evals.report import plot as plotting
    from tts.config import load_config
    from tts.pool import load_pool

    files = config or []
    names = None if strategies is None else [name.strip() for name in strategies.split(",") if name.strip()]
    given: dict[str, Any] = {"budget": budget, "strategies": names, "permutations": permutations, "seed": seed}
    given |= {"answers": answers, "score": score, "calibrate": calibrate, "tune": tune or None, "margin": margin}
    settings = load_config(CompareConfig, files, overrides or [])
    settings = replace(settings, **{key: value for key, value in given.items() if value is not None})
    if plot is not None:
        plotting.check(str(plot))
    check_outputs([path for path in (json, plot) if path is not None], [pool, *files])
    _compare(load_pool(pool, run=run), settings, json, plot, regret=regret)


def _compare(pool: Pool, config: CompareConfig, json: Path | None, plot: Path | None, *, regret: bool) -> None:
    from evals.comparison.curves import curves
    from evals.comparison.frontier import frontiers
    from evals.comparison.paired import Comparison
    from evals.comparison.settings import Settings
    from evals.comparison.table import compare as play
    from evals.comparison.table import table
    from evals.methods import check_scale, methods
    from evals.replay.arrays import PoolArrays
    from evals.replay.rescore import rescored
    from evals.replay.traces import recorded_source
    from evals.report import comparison as report
    from evals.report import plot as plotting
    from evals.report.output import json_file
    from tts.answers import MathVerifier

    settings = Settings(
        budget=pool.samples_min if config.budget is None else config.budget,
        permutations=config.permutations,
        seed=config.seed,
        calibrate=config.calibrate,
        margin=config.margin,
        replicates=config.replicates,
    )
    with ExitStack() as stack:
        equal = stack.enter_context(MathVerifier()).equal if config.answers == "math" else None
        if config.score is not None:
            natural = config.calibrate is None
            pool = rescored(
                pool,
                config.score,
                probability=natural,
                window=config.window,
                answers=config.answers,
                equal=equal,
                seed=config.seed,
            )
        arrays = PoolArrays.of(pool, answers=config.answers, equal=equal)
    chosen, skipped = methods(config.strategies, recorded_source(pool), window=config.window)
    if config.score is not None:
        check_scale(config.score, config.calibrate, chosen)
    if config.tune:
        comparison = Comparison.of(arrays, settings, chosen, fitted=True)
        rows, swept = table(comparison, chosen), frontiers(comparison, chosen)
    else:
        rows, swept = play(arrays, chosen, settings), None
    lines = curves(arrays, settings.budget)
    described = {
        "path": pool.path,
        "sha256": pool.sha256,
        "questions": arrays.questions,
        "samples_min": pool.samples_min,
        "samples_max": pool.samples_max,
        "answers": config.answers,
        "score": config.score,
        "merged": arrays.tiers,
        "grade_conflicts": arrays.conflicts,
    }
    # Files first, all or none: they are written even if the reader of the table stops early.
    with ExitStack() as stack:
        if json is not None:
            content = report.as_mapping(described, settings, rows, lines, swept, skipped)
            stack.enter_context(json_file(json, content))
        if plot is not None:
            title = f"{Path(pool.path).name}: {arrays.questions} questions, budget {settings.budget}"
            plotting.plot(str(plot), title, rows, swept)
    screen = console()
    sizes = "-".join(str(size) for size in dict.fromkeys((pool.samples_min, pool.samples_max)))
    screen.print(
        f"{pool.path}: {arrays.questions} questions, {sizes} samples each; budget {settings.budget}, "
        f"{settings.permutations} permutations, seed {settings.seed}"
        + (f", score {config.score}" if config.score else "")
        + (f", {settings.calibrate} calibration" if settings.calibrate else ""),
        soft_wrap=True,
    )
    report.print_rows(screen, rows, settings)
    for reason in dict.fromkeys(skipped.values()):
        names = [name for name, why in skipped.items() if why == reason]
        screen.print(f"left out ({reason}): {', '.join(names)}", style="dim")
    if arrays.conflicts:
        screen.print(f"{arrays.conflicts} answers carried different grades; the majority counts", style="yellow")
    if regret:
        report.print_regret(screen, rows)
    if swept is not None:
        report.print_frontiers(screen, swept)
    report.print_curves(screen, lines)
    for written in (json, plot):
        if written is not None:
            screen.print(f"wrote {written}", soft_wrap=True)


@app.command()
def strategies() -> None:
    """List all strategies with their sources and parameters."""
    from evals.report.comparison import print_catalogue
    from strategies.catalog import METHODS

    print_catalogue(console(), METHODS)
