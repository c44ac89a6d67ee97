"""``tts pool``: inspect, convert and simulate pools of recorded samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import App, app, console
from tts.cli.options import ForceOption, PoolArgument, RunOption
from tts.cli.tables import WideOption, print_text
from tts.cli.verbosity import notify, shown_work
from tts.errors import InputError
from tts.files import Output, check_outputs
from tts.wording import counted

pool_app = App(
    help="Inspect, convert or simulate a pool of recorded samples.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(pool_app, name="pool")


@pool_app.command(examples=("tts pool info pool.jsonl.gz", "tts pool info runs.sqlite run=1,2"))
def info(
    pool: PoolArgument,
    run: RunOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: the runs, and the summary.")] = False,
    wide: WideOption = False,
) -> None:
    """Show the runs of a pool, and the summary of the latest one.

    A run is what one model drew with the same prompt and sampling parameters. The table names the settings by which
    runs differ, and marks draws that a strategy may have truncated and trees of continued prefixes. Grades that
    contradict the gold answer of their question are counted.
    """
    from evals.pool_info.contents import pool_info

    found = pool_info(pool, run=run, notify=notify)
    if json:
        from evals.report.comparison import to_json  # loads scipy, which takes as long as the rest

        print_text(to_json(found.mapping))
        return
    screen = console()
    if found.runs:
        found.table.print(screen, wide=wide)
        screen.print()
    for key, value in (found.summary or {}).items():
        screen.print(f"{key.replace('_', ' '):20} {_shown(key, value)}", soft_wrap=True)
    for sentence in (*found.sentences, *found.unlisted):
        screen.print(sentence, style="yellow", soft_wrap=True)


def _shown(key: str, value: object) -> str:
    if key in ("parsed", "accuracy") and isinstance(value, float):
        return f"{100 * value:.1f} %"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


@pool_app.command(
    "import",
    examples=(
        "tts pool import samples_gsm8k_2026-11-29T10-00-00.jsonl pool.sqlite",
        "tts pool import requests.jsonl outputs.jsonl questions.jsonl pool.sqlite",
        "tts pool import rows.parquet pool.sqlite --question prompt --text samples --gold gt_answer",
        "tts pool import logs/*.eval pool.sqlite --dry-run",
    ),
)
def import_(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Files with samples, or hf://datasets/OWNER/NAME.")
    ] = None,
    last: Annotated[
        str,
        typer.Argument(metavar="POOL", help="Pool to write: .sqlite, .db or .pool; not needed for --dry-run."),
    ] = "",
    question: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the question.")] = None,
    text: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the reply, or of a list of them.")] = None,
    gold: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the right answer.")] = None,
    answer: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Field of answers that are extracted already.")
    ] = None,
    correct: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the grade: true or false.")] = None,
    logprobs: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Field of the log-probabilities of the tokens.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the number of tokens.")] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="FIELD", help="Field of the question's id.")] = None,
    confidence: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the confidence.")] = None,
    model: Annotated[str | None, typer.Option(metavar="FIELD", help="Field of the model's name.")] = None,
    answers: Annotated[
        str, typer.Option(help="Kind of answers: auto, number, choice, math, text; auto: that of the right answers.")
    ] = "auto",
    extract: Annotated[
        str, typer.Option(help="flexible takes the last number or line of a reply without a mark; strict does not.")
    ] = "flexible",
    split: Annotated[str, typer.Option(help="Split of a data set on the hub.")] = "test",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the first three questions as they would be read; write nothing.")
    ] = False,
    add: Annotated[bool, typer.Option("--add", help="Add the samples to a pool that exists, as runs of it.")] = False,
    force: ForceOption = False,
) -> None:
    """Import samples of other tools, or of files of any fields, into a pool.

    Reads logs of lm-evaluation-harness (--log_samples) and Inspect (.eval, .json), outputs of vLLM and of OpenAI's
    batches, results of simple-evals and OpenCompass, pools, and rows of JSON Lines, JSON, Parquet and CSV with one
    sample or one question each. The format is recognised and printed; a field may be a path, such as doc.question.

    Several files are joined: the same question has one id. Answers are read from the texts and graded by the right
    answers. The pool appears whole or not at all.
    """
    from evals.pools.importing import gather, write
    from evals.pools.preview import SHOWN, previews, sentence_of, sentences
    from evals.pools.recognise import is_pool_file
    from evals.pools.records import Fields
    from tts.pool import import_pool
    from tts.pool.files import holds_runs, pool_format

    given = [*(files or ()), *([last] if last else ())]
    target = None if not given or (dry_run and not holds_runs(given[-1])) else given[-1]
    sources = given[:-1] if target is not None else given
    if not sources:
        raise InputError("give the files with samples, then the pool to write: tts pool import FILE... POOL")
    if target is not None:
        pool_format(target, "sqlite")
    if target is not None and not dry_run and not add:
        check_outputs([Output(Path(target), "pool")], sources, command="tts pool import", force=force)
    named = {
        **{"question": question, "text": text, "gold": gold, "answer": answer, "correct": correct},
        **{"logprobs": logprobs, "tokens": tokens, "id": id_, "confidence": confidence, "model": model},
    }
    fields = Fields({part: name for part, name in named.items() if name is not None})
    whole = not (dry_run or add or fields) and answers == "auto" and len(sources) == 1
    if whole and target is not None and is_pool_file(sources[0]):
        with shown_work():
            pool = import_pool(sources[0], target, force=force)
        print(f"{sources[0]}: pool")
        held = sum(len(entry.samples) for entry in pool.entries)
        print(f"wrote {target}: {counted(pool.questions, 'question')}, {counted(held, 'sample')}")
        return
    with shown_work():
        samples = gather(sources, fields=fields, answers=answers, rule=extract, split=split)
    for source in samples.sources:
        print(sentence_of(source))
    if dry_run or target is None:
        for heading, table in previews(samples):
            print(f"\n{heading}")
            table.print(console())
        print()
        for sentence in sentences(samples):
            print(sentence)
        more = len(samples.joined) - SHOWN
        print(f"{more} more questions; nothing was written" if more > 0 else "nothing was written")
        return
    with shown_work():
        written = write(samples, target, add=add, force=force)
    for sentence in sentences(samples):
        print(sentence)
    right = f", {100 * written.right / written.graded:.1f} % right" if written.graded else ""
    runs = f" as run {', '.join(map(str, written.runs.values()))}" if add or len(written.runs) > 1 else ""
    print(
        f"wrote {target}: {counted(written.questions, 'question')}, {counted(written.samples, 'sample')}{right}{runs}"
    )


@pool_app.command(
    examples=(
        "tts pool export runs.sqlite pool.parquet",
        "tts pool export runs.sqlite pool.jsonl.gz run=2",
        "tts pool export runs.sqlite log.json --to inspect",
    )
)
def export(
    source: PoolArgument,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="File to write: .parquet, .jsonl, .jsonl.gz, .json.")
    ],
    to: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="jsonl, parquet, lm-eval or inspect; without it, that of the suffix."),
    ] = None,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Export a pool to Parquet, JSON Lines or the log of another tool.

    The target appears whole or not at all.
    """
    from evals.pools.exporting import export as write
    from tts.pool.files import pool_format

    if to is None:
        pool_format(target, "parquet", "jsonl")
    check_outputs([Output(target, "pool")], [source], command="tts pool export", force=force)
    with shown_work():
        pool = write(source, target, to=to, force=force, run=run, notify=notify)
    print(f"wrote {target}: {counted(pool.questions, 'question')}")


@pool_app.command(examples=("tts pool push runs.sqlite hf://datasets/OWNER/NAME", "tts pool push runs.sqlite folder"))
def push(
    source: PoolArgument,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="hf://datasets/OWNER/NAME, or a folder.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new data set public.")] = False,
    run: RunOption = None,
) -> None:
    """Push a pool with a card to a data set on the hub."""
    from evals.pools.hub import push as send

    with shown_work():
        pool = send(source, target, run=run, private=not public, notify=notify)
    print(f"pushed {source} to {target}: {counted(pool.questions, 'question')}")


@pool_app.command(examples=("tts pool pull hf://datasets/OWNER/NAME runs.sqlite", "tts pool pull folder runs.sqlite"))
def pull(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="hf://datasets/OWNER/NAME, or a folder.")],
    target: Annotated[Path, typer.Argument(metavar="POOL", help="Pool to write: .sqlite, .db, or a folder .pool.")],
    force: ForceOption = False,
) -> None:
    """Pull a pool from a data set on the hub that `tts pool push` wrote."""
    from evals.pools.hub import pull as fetch
    from tts.pool.files import pool_format

    pool_format(target, "sqlite")
    check_outputs([Output(target, "pool")], [], command="tts pool pull", force=force)
    with shown_work():
        pool = fetch(source, target, force=force)
    print(f"wrote {target}: {counted(pool.questions, 'question')}")


@pool_app.command(
    examples=(
        "tts pool merge task-0.sqlite task-1.sqlite out=all.pool",
        "tts pool merge large.sqlite out=large.pool",
    )
)
def merge(
    pools: Annotated[
        list[Path], typer.Argument(metavar="POOL...", help="Pools of the same model, prompt and parameters.")
    ],
    out: Annotated[Path, typer.Option(metavar="POOL", help="Pool to write: .sqlite, .db, or a folder .pool.")],
    force: ForceOption = False,
) -> None:
    """Join pools that parts of one command drew, such as the tasks of a Slurm array.

    Samples that several pools hold are kept once; two different samples of one key are refused. A single pool is
    copied, so a SQLite pool becomes a folder.
    """
    from tts.pool.files import pool_format
    from tts.pool.sqlite.merge import merge_pools

    pool_format(out, "sqlite")
    check_outputs([Output(out, "pool")], pools, command="tts pool merge", force=force)
    with shown_work():
        merged = merge_pools(pools, out, force=force, notify=notify)
    print(f"wrote {out}: {merged}")


@pool_app.command(examples=("tts pool upgrade runs.sqlite", "tts pool upgrade old/*.sqlite"))
def upgrade(
    pools: Annotated[list[Path], typer.Argument(metavar="POOL...", help="Pools of an older version.")],
) -> None:
    """Rewrite pools of older versions in the current one, each whole or not at all."""
    from tts.pool.upgrade import upgrade_pool

    for pool in pools:
        with shown_work():
            upgraded = upgrade_pool(pool)
        print(f"{pool}: upgraded" if upgraded else f"{pool}: nothing to upgrade")


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
    print(f"wrote {target}: {counted(questions, 'question')}, {counted(samples, 'sample')} each (simulated)")
