"""The command line: the composition root, the one module of ``tts`` that may use strategies and evals.

Bad input prints one sentence on standard error and exits with status 2. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from io import TextIOWrapper
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
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the target if it exists.")]
RunOption = Annotated[int | None, typer.Option(help="Which run, where a SQLite pool holds several.")]


def main() -> None:
    """Run the command line; the entry point of the ``tts`` script.

    Status 0: done. 1: whoever read the output closed it. 2: bad input, one sentence. 130: Ctrl-C.
    """
    if sys.stdout is None:  # closed by whoever started this
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal cannot show is no reason to stop
    try:
        status = app(prog_name="tts", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # the output: what is left of it goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        print(_sentence(error), file=sys.stderr)
        raise SystemExit(2) from None
    if status:
        raise SystemExit(status)


def _sentence(error: Exception) -> str:
    """What to tell a person about bad input; anything else is a bug and raised again with its traceback."""
    if isinstance(error, TTSError):
        return f"tts: {error}"
    if isinstance(error, MemoryError):
        return "tts: not enough memory: ask for fewer permutations or replicates, or a smaller pool"
    if isinstance(error, OSError):
        return f"tts: {error.filename or 'standard output'}: {error.strerror or error}"
    if not hasattr(error, "format_message"):
        raise error
    # A usage error: click's own class or typer's copy of it, as the version of typer has it.
    message = str(error.format_message())
    if message.startswith("Usage:"):  # the whole help, where no command was given
        return message
    message = " ".join(message.split()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    return f"tts: {message}; see `{ctx.command_path if ctx else 'tts'} --help`"


def console() -> Console:
    """Where tables go: the terminal's width, or 120 columns where there is none; names are no markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(width=width, markup=False, emoji=False, highlight=False)


@app.command()
def compare(
    pool: PoolArgument,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Configuration overrides, such as seed=1.")
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
        str | None, typer.Option(help="Map scores to probabilities, cross-fitted: platt, isotonic, beta, temperature.")
    ] = None,
    tune: Annotated[bool, typer.Option("--tune", help="Sweep every rule's threshold: whole frontiers.")] = False,
    margin: Annotated[float | None, typer.Option(help="Non-inferiority margin, a fraction [default: 0.005].")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write accuracy against samples as .png or .svg.")] = None,
    run: RunOption = None,
) -> None:
    """Replay every strategy on the same samples of a pool, under the same permutations, and compare.

    Prints accuracy with its 95 % interval, mean samples, the paired difference to self-consistency at the full budget
    and the share of samples saved; then maj@k, pass@k and best-of-k.
    """
    from dataclasses import replace

    from evals import plot as plotting
    from evals.config import CompareConfig
    from tts.config import load_config
    from tts.pool import load_pool

    files = config or []
    names = None if strategies is None else [name.strip() for name in strategies.split(",") if name.strip()]
    given: dict[str, Any] = {"budget": budget, "strategies": names, "permutations": permutations, "seed": seed}
    given |= {"answers": answers, "calibrate": calibrate, "tune": tune or None, "margin": margin}
    settings = load_config(CompareConfig, files, overrides or [])
    settings = replace(settings, **{key: value for key, value in given.items() if value is not None})
    if plot is not None:
        plotting.check(str(plot))
    _check_outputs([path for path in (json, plot) if path is not None], [pool, *files])
    _compare(load_pool(pool, run=run), settings, json, plot)


def _check_outputs(outputs: list[Path], inputs: list[Path]) -> None:
    """Refuse outputs that cannot be written, or that would replace an input or one another, before any work is done."""
    for i, path in enumerate(outputs):
        real = Path(os.path.realpath(path))
        if not real.parent.is_dir():
            raise InputError(f"cannot write {path}: the folder {real.parent} does not exist")
        if real.exists() and not real.is_file():
            raise InputError(f"cannot write {path}: it exists and is not a regular file")
        for other in inputs:
            if real.exists() and other.exists() and real.samefile(other):
                raise InputError(f"cannot write {path}: it is an input of this comparison; give another name")
        if str(real) in map(os.path.realpath, outputs[:i]):
            raise InputError(f"cannot write {path} twice: give the JSON and the plot different names")


def _compare(pool: Pool, config: CompareConfig, json: Path | None, plot: Path | None) -> None:
    from evals import plot as plotting
    from evals import report
    from evals.arrays import PoolArrays
    from evals.compare import Contest, Settings, table
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
    if config.tune:
        contest = Contest.of(arrays, settings, chosen, fitted=True)
        rows, swept = table(contest, chosen), frontiers(contest, chosen)
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
        "merged": arrays.tiers,
        "grade_conflicts": arrays.conflicts,
    }
    # Files first, all or none: they do not depend on anybody reading the table to its end.
    with ExitStack() as stack:
        if json is not None:
            text = report.to_json(report.as_mapping(described, settings, rows, lines, swept, skipped))
            # A file name that is no UTF-8 becomes an escape that JSON knows.
            stack.enter_context(atomic_path(json)).write_text(text, encoding="utf-8", errors="backslashreplace")
        if plot is not None:
            title = f"{Path(pool.path).name}: {arrays.questions} questions, budget {settings.budget}"
            plotting.plot(str(plot), title, rows, swept)
    screen = console()
    sizes = "-".join(str(size) for size in dict.fromkeys((pool.samples_min, pool.samples_max)))
    screen.print(
        f"{pool.path}: {arrays.questions} questions, {sizes} samples each; budget {settings.budget}, "
        f"{settings.permutations} permutations, seed {settings.seed}"
        + (f", {settings.calibrate} calibration" if settings.calibrate else ""),
        soft_wrap=True,
    )
    report.print_rows(screen, rows, settings)
    for reason in dict.fromkeys(skipped.values()):
        names = [name for name, why in skipped.items() if why == reason]
        screen.print(f"left out ({reason}): {', '.join(names)}", style="dim")
    if arrays.conflicts:
        screen.print(f"{arrays.conflicts} answers carried different grades; the majority counts", style="yellow")
    if swept is not None:
        report.print_frontiers(screen, swept)
    report.print_curves(screen, lines)
    for written in (json, plot):
        if written is not None:
            screen.print(f"wrote {written}", soft_wrap=True)


@app.command()
def strategies() -> None:
    """List the catalogue: every strategy by name, with its source and what it does."""
    from evals.report import print_catalogue
    from strategies.catalog import METHODS

    print_catalogue(console(), METHODS)


@pool_app.command()
def info(pool: PoolArgument, run: RunOption = None) -> None:
    """Say what a pool holds."""
    from tts.pool import describe, load_pool

    for key, value in describe(load_pool(pool, run=run)).items():
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
    force: ForceOption = False,
) -> None:
    """Import a pool into SQLite; the target appears whole or not at all."""
    from tts.pool import import_pool

    pool = import_pool(source, target, force=force)
    print(f"wrote {target}: {pool.questions} questions")


@pool_app.command()
def export(
    source: PoolArgument,
    target: Annotated[Path, typer.Argument(help="The file to write: .parquet, .jsonl or .jsonl.gz.")],
    force: ForceOption = False,
    run: RunOption = None,
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
    force: ForceOption = False,
) -> None:
    """Simulate a pool without any model, for trying things out; its numbers say nothing about one."""
    from evals.synthetic import synthetic_pool
    from tts.pool import write_jsonl

    if target.exists() and not force:
        raise InputError(f"{target} exists already: give another name, or --force to replace it")
    write_jsonl(synthetic_pool(questions=questions, samples=samples, seed=seed), target)
    print(f"wrote {target}: {questions} questions, {samples} samples each (simulated)")


if __name__ == "__main__":
    main()
