"""``tts answers``: show the answer that is read from each reply."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli.app import app, console
from tts.cli.options import RunOption
from tts.cli.tables import FormatOption, TableFormat, print_text
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
        str, typer.Option(help="Kind of answers: auto, number, choice, math, text; auto takes the one that reads most.")
    ] = "auto",
    guess: Annotated[
        bool, typer.Option("--guess", help="Take the last number, or line, of a reply without a mark.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Most replies shown; all are counted.")] = 50,
    output: FormatOption = TableFormat.TABLE,
    run: RunOption = None,
) -> None:
    """Show the answer that is read from each reply.

    Reads the replies as live runs do, so that 50 of them can be checked in a minute. Prints the answer, the mark that
    it was read by, the end of the reply, and the answer that a pool holds where it is another one.
    """
    from evals.report.replies import load_replies, read_replies
    from tts.answers.canonical import KINDS
    from tts.answers.reading import KINDS as READ

    if answers not in KINDS:
        raise unknown_name("kind of answers", answers, KINDS)
    if limit < 1:
        raise InputError(f"limit must be at least 1, got {limit}")
    kind = next((one for one in READ if one == answers), None)
    read = read_replies(load_replies(file, run=run), kind, guess=guess)
    table = read.table(limit)
    if output is not TableFormat.TABLE:
        print_text(table.render(output.value))
        return
    screen = console()
    screen.print(f"{file}: {read.sentence}", soft_wrap=True, markup=False, highlight=False)
    table.print(screen)
    screen.print()
    if len(read.replies) > limit:
        screen.print(f"{len(read.replies) - limit} more: limit={len(read.replies)} shows all", style="dim")
    if not guess and "none" in read.marks:
        screen.print("a reply without a mark gives no answer: --guess takes its last number or line", style="dim")
