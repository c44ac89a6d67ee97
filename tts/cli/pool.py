"""``tts pool``: inspect, convert and simulate pools of recorded samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import App, app
from tts.cli.options import ForceOption, PoolArgument, RunOption
from tts.cli.verbosity import notify
from tts.files import Output, check_outputs

pool_app = App(
    help="Inspect, convert or simulate a pool of recorded samples.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(pool_app, name="pool")


@pool_app.command(examples=("tts pool info pool.jsonl.gz", "tts pool info runs.sqlite run=2"))
def info(pool: PoolArgument, run: RunOption = None) -> None:
    """Show the contents of a pool."""
    from tts.pool import describe, load_pool

    for key, value in describe(load_pool(pool, run=run, notify=notify)).items():
        if key in ("parsed", "accuracy") and isinstance(value, float):
            value = f"{100 * value:.1f} %"
        elif isinstance(value, float):
            value = f"{value:.4f}"
        elif isinstance(value, list | tuple):
            value = ", ".join(str(v) for v in value)
        elif isinstance(value, dict):
            value = ", ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
        print(f"{key.replace('_', ' '):20} {'-' if value is None else value}")


@pool_app.command(
    "import", examples=("tts pool import pool.jsonl.gz pool.sqlite", "tts pool import pool.parquet pool.db --force")
)
def import_(
    source: Annotated[Path, typer.Argument(metavar="POOL", help="Pool to read: .jsonl, .jsonl.gz or .parquet.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="SQLite pool to write: .sqlite or .db.")],
    force: ForceOption = False,
) -> None:
    """Import a pool into SQLite.

    The target appears whole or not at all.
    """
    from tts.pool import import_pool
    from tts.pool.files import pool_format

    pool_format(target, "sqlite")
    check_outputs([Output(target, "pool")], [source], command="tts pool import", force=force)
    pool = import_pool(source, target, force=force)
    print(f"wrote {target}: {pool.questions} questions")


@pool_app.command(
    examples=("tts pool export runs.sqlite pool.parquet", "tts pool export runs.sqlite pool.jsonl.gz run=2")
)
def export(
    source: PoolArgument,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="File to write: .parquet, .jsonl or .jsonl.gz.")],
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Export a pool to Parquet or JSON Lines.

    The target appears whole or not at all.
    """
    from tts.pool import export_pool
    from tts.pool.files import pool_format

    pool_format(target, "parquet", "jsonl")
    check_outputs([Output(target, "pool")], [source], command="tts pool export", force=force)
    pool = export_pool(source, target, force=force, run=run, notify=notify)
    print(f"wrote {target}: {pool.questions} questions")


@pool_app.command(examples=("tts pool upgrade runs.sqlite", "tts pool upgrade old/*.sqlite"))
def upgrade(
    pools: Annotated[list[Path], typer.Argument(metavar="POOL...", help="Pools of an older version.")],
) -> None:
    """Rewrite pools of older versions in the current one, each whole or not at all."""
    from tts.pool.upgrade import upgrade_pool

    for pool in pools:
        print(f"{pool}: upgraded" if upgrade_pool(pool) else f"{pool}: nothing to upgrade")


@pool_app.command(
    examples=("tts pool simulate pool.jsonl.gz", "tts pool simulate small.jsonl questions=20 samples=8 seed=1")
)
def simulate(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="File to write: .jsonl or .jsonl.gz.")],
    questions: Annotated[int, typer.Option(help="Number of questions.")] = 300,
    samples: Annotated[int, typer.Option(help="Samples per question.")] = 16,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same pool.")] = 0,
    force: ForceOption = False,
) -> None:
    """Simulate a pool without a model, to try commands on.

    Its numbers are made up: they hold for no model.
    """
    from evals.replay.synthetic import synthetic_pool
    from tts.pool import write_jsonl
    from tts.pool.files import pool_format

    pool_format(target, "jsonl")
    check_outputs([Output(target, "pool")], [], command="tts pool simulate", force=force)
    write_jsonl(synthetic_pool(questions=questions, samples=samples, seed=seed), target)
    print(f"wrote {target}: {questions} questions, {samples} samples each (simulated)")
