"""``tts decide`` and ``tts rerank``: one answer a question from recorded samples, or the samples, best first."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app
from tts.cli.options import (
    AnswersOption,
    BudgetOption,
    ForceOption,
    PoolArgument,
    RunOption,
    ScoreOption,
    as_overrides,
    read_config,
)
from tts.cli.verbosity import notify, shown_work
from tts.files import Output, check_outputs


@app.command(
    schema="evals.config:DecideConfig",
    examples=(
        "tts decide pool.sqlite strategy=cges budget=8 out=answers.jsonl",
        "tts decide pool.jsonl.gz strategy='{name: esc, window: 4}'",
    ),
)
def decide(
    pool: PoolArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|KEY=VALUE", help="YAML files, and keys such as window=16."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="A name, see `tts strategies`, or a mapping [default: self_consistency].")
    ] = None,
    budget: BudgetOption = None,
    score: ScoreOption = None,
    calibration: Annotated[
        str | None, typer.Option(help="Map from the score to probabilities, a file of `tts calibrate`.")
    ] = None,
    answers: AnswersOption = None,
    equal: Annotated[
        str | None, typer.Option(help="Equality of answers, as for `tts compare` [default: auto].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write, JSON Lines [default: standard output].")] = None,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Decide on the answer to each question from recorded samples.

    Hands each question's samples to a strategy in recorded order and writes a JSON object a question: the answer,
    p_correct and vote_share (null where unknown), certified, masses and unseen_mass (of a strategy that reads
    probabilities of texts), the samples and tokens used, the reason for stopping, and the sample that speaks for the
    answer. Needs no gold answers.
    """
    from evals.config import DecideConfig
    from evals.decisions.lines import DECISION_HEAD, DecisionCounts, decision_line, write_lines
    from evals.decisions.session import open_decider
    from tts.pool import load_pool, read_pool

    given = as_overrides(
        strategy=strategy, budget=budget, score=score, calibration=calibration, equal=equal, answers=answers
    )
    settings, files = read_config(DecideConfig, [*given, *(overrides or ())])
    check_outputs(
        [Output(out, "JSON Lines file", DECISION_HEAD)],
        [pool, settings.calibration, *files],
        command="tts decide",
        force=force,
    )
    read = load_pool if settings.score is None else read_pool
    counts = DecisionCounts()
    with _shown_work(out):
        decider = open_decider(read(pool, run=run, notify=notify), settings, notify=notify)
        write_lines(map(decision_line, counts.counted(decider)), out)
    if out is None:
        notify(counts.sentence)
    else:
        print(f"wrote {out}: {counts.sentence}")
    if decider.report:
        notify(decider.report)


@app.command(
    examples=(
        "tts rerank pool.sqlite scorer=mean_logprob out=ranked.jsonl",
        "tts rerank pool.jsonl.gz scorer=confidence",
    )
)
def rerank(
    pool: PoolArgument,
    scorer: Annotated[
        str, typer.Option(help="Label of recorded scores, confidence, or a score of recorded signals (mean_logprob).")
    ],
    window: Annotated[int | None, typer.Option(help="Tokens in a group, for DeepConf scores [default: 32].")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write, JSON Lines [default: standard output].")] = None,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Sort each question's samples by a score, best first.

    Writes a JSON object a question with the rank, score, index, answer and text of each sample. Equal scores stay in
    recorded order; samples without a score come last, with a null. Reads scores and computes them from recorded
    signals; `tts score` adds those of other scorers. Needs no gold answers.
    """
    from evals.decisions.lines import RANKING_HEAD, ranking_line, write_lines
    from evals.decisions.rerank import rankings
    from tts.pool import read_pool
    from tts.scorers.trace_scores import WINDOW

    check_outputs([Output(out, "JSON Lines file", RANKING_HEAD)], [pool], command="tts rerank", force=force)
    with _shown_work(out):
        recorded = read_pool(pool, run=run, notify=notify)
        ranked = rankings(recorded, scorer, window=WINDOW if window is None else window, notify=notify)
        write_lines((ranking_line(one, scorer) for one in ranked), out)
    if out is not None:
        print(f"wrote {out}: {recorded.questions} questions by {scorer}")


def _shown_work(out: Path | None) -> AbstractContextManager[None]:
    """Show the work of a block, unless its lines go to the terminal, where they show how far it is."""
    return nullcontext() if out is None and sys.stdout.isatty() else shown_work()
