"""``tts report``: show runs in a browser, as one HTML file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app
from tts.cli.options import (
    AnswersOption,
    BudgetOption,
    CalibrateOption,
    ForceOption,
    PermutationsOption,
    PoolsArgument,
    RunOption,
    ScoreOption,
    SeedOption,
    StrategiesOption,
    as_overrides,
    read_config,
)
from tts.cli.verbosity import notify, shown_work
from tts.files import Output, check_outputs

if TYPE_CHECKING:
    from tts.pool import Pool


@app.command(
    examples=(
        "tts report run.sqlite -o report.html",
        "tts report run.sqlite run=1 strategies=self_consistency,esc out=report.html",
    )
)
def report(
    pools: PoolsArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="HTML file to write.")],
    strategies: StrategiesOption = None,
    budget: BudgetOption = None,
    permutations: PermutationsOption = None,
    seed: SeedOption = None,
    answers: AnswersOption = None,
    score: ScoreOption = None,
    calibrate: CalibrateOption = None,
    questions: Annotated[
        int, typer.Option(help="Most questions whose samples the page shows; its numbers are of all questions.")
    ] = 2000,
    json: Annotated[Path | None, typer.Option(help="Write the numbers and texts of the page as JSON.")] = None,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Show runs in a browser, as one HTML file.

    The file works offline and can be mailed. It shows accuracy against samples, tokens and seconds, the causes of
    wrong decisions, the quality of confidences, and each question with its samples in the order drawn, tokens shaded by
    their confidence, the vote as it grew with a mark where each strategy stopped, and the beams of strategies that
    continue draws as a tree. A SQLite pool is shown run by run. The page stays under 6 MB: of a larger pool it shows a
    random sample of the questions.
    """
    from evals.config import CompareConfig
    from evals.report.output import json_file, text_file
    from evals.report_page.document import check_most, run_report
    from evals.report_page.page_file import page
    from evals.report_page.page_parts import check_installed

    given = as_overrides(
        strategies=strategies,
        answers=answers,
        score=score,
        calibrate=calibrate,
        budget=budget,
        permutations=permutations,
        seed=seed,
    )
    settings, _ = read_config(CompareConfig, given)
    check_most(questions)
    check_installed()
    outputs = [Output(out, "page"), Output(json, "JSON file")]
    check_outputs(outputs, pools, command="tts report", force=force)
    with shown_work():
        shown = [
            run_report(pool, settings, given=strategies is not None, strict=bool(given), most=questions, notify=notify)
            for path in pools
            for pool in _pools(path, run, scored=score is not None)
        ]
        made = page(shown)
    with ExitStack() as stack:
        if json is not None:
            stack.enter_context(json_file(json, made.document))
        stack.enter_context(text_file(out, made.html))
    for written in (json, out):
        if written is not None:
            typer.echo(f"wrote {written}")


def _pools(path: Path, run: tuple[int, ...] | None, *, scored: bool) -> list[Pool]:
    """Return the pools of a file: the runs that were asked for as one, else each that holds samples, or else trees."""
    from tts.pool import PoolStore, load_pool, read_pool
    from tts.pool.files import pool_format

    read = read_pool if scored else load_pool
    if run is not None or pool_format(path) != "sqlite":
        return [read(path, run=run, notify=notify)]
    with PoolStore.read(path) as store:
        held = [one for one in store.runs() if one.samples]
    numbers = [one.id for one in held if one.key.draws != "tree"] or [one.id for one in held]
    return [read(path, run=number, notify=notify) for number in numbers] or [read(path, notify=notify)]
