"""The command line: the composition root, the one module of ``tts`` that may use strategies and evals.

Bad input prints one sentence on standard error and exits with status 2. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.errors import InputError, TTSError

if TYPE_CHECKING:
    from rich.console import Console

    from evals.config import CompareConfig
    from tts.pool import Pool

app = typer.Typer(
    name="tts",
    help="Test-time scaling: more correct answers from fewer samples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
pool_app = typer.Typer(
    help="Recorded samples: look at, convert or simulate a pool.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(pool_app, name="pool")

PoolArgument = Annotated[
    Path, typer.Argument(metavar="POOL", help="A pool: .jsonl, .jsonl.gz, .sqlite, .db or .parquet.")
]


class Calibration(StrEnum):
    """Maps from raw scores to probabilities."""

    PLATT = "platt"
    ISOTONIC = "isotonic"
    BETA = "beta"
    TEMPERATURE = "temperature"


def main() -> None:
    """Run the command line; the entry point of the ``tts`` script."""
    try:
        app()
    except TTSError as error:
        print(f"tts: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def console() -> Console:
    """Where tables go: the terminal's width, or 120 columns where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=120)


@app.command()
def compare(
    pool: PoolArgument,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Configuration overrides.")
    ] = None,
    config: Annotated[list[Path] | None, typer.Option(help="YAML configuration; may be given several times.")] = None,
    budget: Annotated[int | None, typer.Option(help="The most samples a question [default: all].")] = None,
    strategies: Annotated[
        str | None, typer.Option(help="Names, comma-separated; see `tts strategies` [default: all].")
    ] = None,
    permutations: Annotated[int | None, typer.Option(help="Random orders a question [default: 200].")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides orders, halves and bootstrap [default: 0].")] = None,
    answers: Annotated[
        str | None, typer.Option(help="Kind of answer: auto, number, choice, text, math [default: auto].")
    ] = None,
    calibrate: Annotated[
        Calibration | None, typer.Option(help="Map raw scores to probabilities, cross-fitted.")
    ] = None,
    tune: Annotated[bool, typer.Option("--tune", help="Sweep every rule's threshold: whole frontiers.")] = False,
    margin: Annotated[float | None, typer.Option(help="Non-inferiority margin, a fraction [default: 0.005].")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write accuracy against samples as .png or .svg.")] = None,
) -> None:
    """Replay every strategy on the same samples of a pool, under the same permutations, and compare.

    Prints accuracy with its 95 % interval, mean samples, the paired difference to self-consistency at the full budget
    and the share of samples saved; then maj@k, pass@k and best-of-k.
    """
    from evals.config import CompareConfig
    from tts.config import load_config
    from tts.pool import load_pool

    settings = load_config(CompareConfig, config or [], overrides or [])
    given: dict[str, Any] = {
        "budget": budget,
        "strategies": [name.strip() for name in strategies.split(",") if name.strip()] if strategies else None,
        "permutations": permutations,
        "seed": seed,
        "answers": answers,
        "calibrate": calibrate.value if calibrate else None,
        "tune": tune or None,
        "margin": margin,
    }
    for key, value in given.items():
        if value is not None:
            setattr(settings, key, value)
    if plot is not None:
        from evals import plot as plotting

        plotting.check(str(plot))
    for target in (json, plot):
        if target is not None and not target.resolve().parent.is_dir():
            raise InputError(f"cannot write {target}: the folder {target.resolve().parent} does not exist")
    _compare(load_pool(pool), settings, json, plot)


def _compare(pool: Pool, config: CompareConfig, json: Path | None, plot: Path | None) -> None:
    from contextlib import ExitStack

    from evals import plot as plotting
    from evals import report
    from evals.arrays import PoolArrays
    from evals.compare import Contest, Settings
    from evals.compare import compare as play
    from evals.config import methods
    from evals.curves import curves
    from evals.frontier import frontiers
    from tts.answers import MathVerifier
    from tts.pool import atomic_path

    chosen, skipped = methods(config.strategies, has_confidence=pool.has_confidence)
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
        arrays = PoolArrays.of(pool, answers=config.answers, equal=equal)
    rows = play(arrays, chosen, settings)
    lines = curves(arrays, settings.budget)
    swept = frontiers(Contest.of(arrays, settings, fitted=True), chosen) if config.tune else None
    screen = console()
    screen.print(
        f"{pool.path}: {arrays.questions} questions, {_span(pool.samples_min, pool.samples_max)} samples each; budget "
        f"{settings.budget}, {settings.permutations} permutations, seed {settings.seed}"
        + (f", {settings.calibrate} calibration" if settings.calibrate else ""),
        highlight=False,
        soft_wrap=True,
    )
    report.print_rows(screen, rows, settings)
    for reason in dict.fromkeys(skipped.values()):
        names = [name for name, why in skipped.items() if why == reason]
        screen.print(f"left out ({reason}): {', '.join(names)}", style="dim", highlight=False)
    if arrays.conflicts:
        screen.print(
            f"{arrays.conflicts} answers carried different grades; the majority counts", style="yellow", highlight=False
        )
    if swept is not None:
        report.print_frontiers(screen, swept)
    report.print_curves(screen, lines)
    if json is not None:
        described = {
            "path": pool.path,
            "sha256": pool.sha256,
            "questions": arrays.questions,
            "samples_min": pool.samples_min,
            "samples_max": pool.samples_max,
            "answers": config.answers,
            "merged": arrays.tiers,
            "grade_conflicts": arrays.conflicts,
        }
        mapping = report.as_mapping(described, settings, rows, lines, swept, skipped)
        with atomic_path(json) as target:
            target.write_text(report.to_json(mapping), encoding="utf-8")
        screen.print(f"wrote {json}", highlight=False, soft_wrap=True)
    if plot is not None:
        title = f"{Path(pool.path).name}: {arrays.questions} questions, budget {settings.budget}"
        plotting.plot(str(plot), title, rows, swept)
        screen.print(f"wrote {plot}", highlight=False, soft_wrap=True)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


@app.command()
def strategies() -> None:
    """List the catalogue: every strategy by name, with its source and what it does."""
    from rich import box
    from rich.table import Table

    from evals.report import describe
    from strategies.catalog import METHODS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    table.add_column("source")
    table.add_column("what it does")
    table.add_column("defaults")
    for row in METHODS:
        params = ", ".join(f"{key}={describe(value)}" for key, value in row.params.items())
        table.add_row(row.name, row.source, row.summary, params)
    console().print(table)


@pool_app.command()
def info(pool: PoolArgument) -> None:
    """Say what a pool holds."""
    from tts.pool import describe, load_pool

    for key, value in describe(load_pool(pool)).items():
        if isinstance(value, float):
            value = f"{value:.4f}"
        elif isinstance(value, list | tuple):
            value = ", ".join(str(v) for v in value)
        elif isinstance(value, dict):
            value = ", ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
        print(f"{key.replace('_', ' '):20} {'-' if value is None else value}")


@pool_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A pool: .jsonl, .jsonl.gz or .parquet.")],
    target: Annotated[Path, typer.Argument(help="The SQLite pool to write: .sqlite or .db.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the target if it exists.")] = False,
) -> None:
    """Import a pool into SQLite; the target appears whole or not at all."""
    from tts.pool import import_pool

    pool = import_pool(source, target, force=force)
    print(f"wrote {target}: {pool.questions} questions")


@pool_app.command()
def export(
    source: PoolArgument,
    target: Annotated[Path, typer.Argument(help="The file to write: .parquet, .jsonl or .jsonl.gz.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the target if it exists.")] = False,
    run: Annotated[int | None, typer.Option(help="Which run, where a SQLite pool holds several.")] = None,
) -> None:
    """Export a pool to Parquet or JSON Lines; the target appears whole or not at all."""
    from tts.pool import export_pool

    pool = export_pool(source, target, force=force, run=run)
    print(f"wrote {target}: {pool.questions} questions")


@pool_app.command()
def simulate(
    target: Annotated[Path, typer.Argument(help="The file to write: .jsonl or .jsonl.gz.")],
    questions: Annotated[int, typer.Option(help="How many questions.")] = 300,
    samples: Annotated[int, typer.Option(help="Draws a question.")] = 16,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pool.")] = 0,
) -> None:
    """Simulate a pool without any model, for trying things out; its numbers say nothing about one."""
    from evals.synthetic import synthetic_pool
    from tts.pool import write_jsonl

    write_jsonl(synthetic_pool(questions=questions, samples=samples, seed=seed), target)
    print(f"wrote {target}: {questions} questions, {samples} samples each (simulated)")


if __name__ == "__main__":
    main()
