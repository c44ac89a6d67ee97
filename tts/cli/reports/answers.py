"""``tts answers``: show the answer that is read from each reply."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli.app import app, console
from tts.cli.options import RunOption
from tts.cli.tables import FormatOption, TableFormat, print_text
from tts.cli.verbosity import notify
from tts.errors import InputError, unknown_name


@app.command(
    examples=(
        "tts answers pool.sqlite",
        "tts answers replies.jsonl answers=math limit=20",
    )
)
def answers(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help='A pool, a JSON Lines file of {"text": ...}, a text file with one reply, or - for standard input.',
        ),
    ],
    answers: Annotated[
        str,
        typer.Option(
            help="Kind of answers: auto, number, choice, math, text; auto: the run's, else the one that reads most."
        ),
    ] = "auto",
    guess: Annotated[
        bool | None,
        typer.Option(
            "--guess/--no-guess",
            help="Take the last number, or line, of a reply without a mark; by default as the run of a pool did.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most replies shown; all are counted.")] = 50,
    output: FormatOption = TableFormat.TABLE,
    run: RunOption = None,
) -> None:
    """Show the answer that is read from each reply.

    Reads the replies as live runs do, so that 50 of them can be checked in a minute. Prints the answer, the mark that
    it was read by, the end of the reply, and the answer that a pool holds where it is another one.
    """
    from evals.report.replies import load_replies, read_replies, recorded_reading
    from tts.answers.canonical import KINDS
    from tts.answers.reading import KINDS as READ

    if answers not in KINDS:
        raise unknown_name("kind of answers", answers, KINDS)
    if limit < 1:
        raise InputError(f"limit must be at least 1, got {limit}")
    kind = next((one for one in READ if one == answers), None)
    replies = load_replies(file, run=run, notify=notify)
    recorded = recorded_reading(file, run=run) if kind is None and guess is None else None
    if recorded is not None:
        kind, guess = recorded.kind, recorded.guess
    strict = recorded is not None and kind == "number" and not guess
    read = read_replies(replies, kind, guess=bool(guess), hash_lines=strict)
    table = read.table(limit)
    if output is not TableFormat.TABLE:
        print_text(table.render(output.value))
        return
    screen = console()
    as_run = ", as the run did" if recorded is not None else ""
    screen.print(f"{file}{as_run}: {read.sentence}", soft_wrap=True, markup=False, highlight=False)
    table.print(screen)
    screen.print()
    if len(read.replies) > limit:
        screen.print(f"{len(read.replies) - limit} more: limit={len(read.replies)} shows all", style="dim")
    if not guess and not strict and "none" in read.marks:
        screen.print("a reply without a mark gives no answer: --guess takes its last number or line", style="dim")
