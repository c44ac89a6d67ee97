"""``tts show``: print one question of a pool with its samples and the decision of each strategy."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app, console
from tts.cli.options import (
    AnswersOption,
    BudgetOption,
    CalibrateOption,
    ForceOption,
    PoolArgument,
    RunOption,
    ScoreOption,
    SeedOption,
    StrategiesOption,
    as_overrides,
    read_config,
)
from tts.cli.tables import WideOption, print_text
from tts.cli.verbosity import notify
from tts.files import Output, check_outputs

STDOUT = Path("-")
"""The name of standard output."""


@app.command(
    examples=(
        "tts show run.sqlite 3",
        "tts show run.sqlite svamp-17 strategies=self_consistency,esc --texts",
    )
)
def show(
    pool: PoolArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="Its id, or its number, counted from 1.")],
    strategies: StrategiesOption = None,
    budget: BudgetOption = None,
    seed: SeedOption = None,
    answers: AnswersOption = None,
    score: ScoreOption = None,
    calibrate: CalibrateOption = None,
    texts: Annotated[bool, typer.Option("--texts", help="Print the texts of all samples in full.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the question as JSON; - is standard output.")] = None,
    wide: WideOption = False,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Print one question: its samples and what strategies decide.

    Prints the question, the gold answer, and the samples in the order drawn: answer, grade, confidence, tokens, end,
    the votes of the leading answer after each draw, its posterior by the confidences, and the first line of the text. A
    line tells which strategies stopped there, and by which rule; below stands the decision of each. The numbers are
    those of `tts report`.
    """
    from evals.config import CompareConfig
    from evals.report.comparison import to_json
    from evals.report.output import json_file
    from evals.report_page.one_question import place_of, show_question
    from tts.cli.reports.question_lines import print_question
    from tts.pool import load_pool, read_pool

    given = as_overrides(
        strategies=strategies, answers=answers, score=score, calibrate=calibrate, budget=budget, seed=seed
    )
    settings, _ = read_config(CompareConfig, given)
    file = None if json == STDOUT else json
    check_outputs([Output(file, "JSON file")], [pool], command="tts show", force=force)
    recorded = (load_pool if score is None else read_pool)(pool, run=run, notify=notify)
    place = place_of(recorded, question)
    found = show_question(recorded, place, settings, given=strategies is not None, strict=bool(given), notify=notify)
    content = found.as_mapping(recorded)
    with ExitStack() as stack:
        if file is not None:
            stack.enter_context(json_file(file, content))
    if json == STDOUT:
        print_text(to_json(content))
    else:
        print_question(console(), found, f"{recorded.path}: question {place + 1} of {recorded.questions}", texts, wide)
    if file is not None:
        typer.echo(f"wrote {file}")
