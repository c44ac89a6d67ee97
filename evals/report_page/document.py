"""The document behind the page: plain JSON values, the same numbers as ``tts compare`` and ``tts reliability`` give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evals.comparison.fit import REFERENCE
from evals.comparison.session import ComparisonOutcome, compare_pool
from evals.config import CompareConfig
from evals.metrics.scored import grades
from evals.replay.independent import dependence
from evals.report import units
from evals.report.comparison import as_mapping, plain
from evals.report.comparison_table import conclusion
from evals.report_page.confidence import confidence_mapping
from evals.report_page.questions import cached, question_mapping
from evals.report_page.replayed import scored_and_graded, strategies_of
from evals.report_page.run_facts import facts_of_runs, runs_of
from evals.report_page.token_texts import decoder_of
from evals.report_page.trees import of_question, tree_runs
from evals.report_page.visible_traces import Positions
from tts.errors import InputError
from tts.pool import Pool, Run
from tts.progress.phases import tracked
from tts.wording import counted

MAX_QUESTIONS = 2000
"""The most questions whose samples a document has; of a larger pool a random sample of them."""


@dataclass(frozen=True)
class RunReport:
    """One pool of a report.

    Attributes:
        summary: everything but the questions, ready for JSON.
        questions: those that are shown, in the order of the pool, ready for JSON.
        places: their places in the pool.
    """

    summary: dict[str, Any]
    questions: list[dict[str, Any]]
    places: tuple[int, ...]


@dataclass(frozen=True)
class Replayed:
    """The comparison of a pool, if there is one.

    Attributes:
        outcome: with the decisions of questions; None without a comparison.
        missing: the reason why there is none; empty where there is one.
        skipped: strategies that were left out, with the reason.
    """

    outcome: ComparisonOutcome | None
    missing: str
    skipped: dict[str, str]


def run_report(
    pool: Pool,
    config: CompareConfig,
    *,
    given: bool = False,
    strict: bool = False,
    most: int = MAX_QUESTIONS,
    notify: Callable[[str], None] = lambda _: None,
) -> RunReport:
    """Return the report of a pool: its comparison, its confidences, its questions and what was run.

    What a pool lacks is left out, with the reason in a sentence of ``missing``.

    Args:
        pool: the samples, as :func:`tts.pool.read_pool` returns them where ``config`` names a score.
        config: strategies, budget, score and calibration, as for ``tts compare``.
        given: whether ``config.strategies`` were asked for; if not, those of the run are replayed.
        strict: whether a pool that cannot serve these settings is refused; if not, its page says what is missing.
        most: the most questions to show, >= 1.
        notify: receives a sentence about signals that a strategy does without.

    Raises:
        InputError: with ``strict``, a setting that the pool cannot serve.
    """
    runs, missing = runs_of(pool), list[str]()
    places = shown_places(pool.questions, most, config.seed)
    compared = replayed(pool, config, runs, given=given, strict=strict, decided=places, notify=notify)
    outcome = compared.outcome
    if compared.missing:
        missing.append(compared.missing)
    pool, grader = scored_and_graded(pool, config)
    confidence, lack = confidence_mapping(
        pool, calibrate=config.calibrate, seed=config.seed, replicates=config.replicates
    )
    if lack:
        missing.append(f"Confidences are not measured: {lack}.")
    decode, lack = decoder_of(runs[0]) if len(runs) == 1 else (None, "several runs are joined, or the file has none")
    if lack:
        missing.append(f"Tokens have no texts of their own, so traces are shown as charts: {lack}.")
    rows = [] if outcome is None else list(outcome.rows)
    positions, trees, questions = Positions(), tree_runs(pool), []
    decoder = None if decode is None else cached(decode)
    for at, place in enumerate(tracked(places, "questions", "store", len(places))):
        decided = [row.decisions[at] for row in rows if row.decisions is not None]
        entry = pool.entries[place]
        found = question_mapping(entry, decided, grader=grader, decode=decoder, positions=positions)
        questions.append({**found, **of_question(trees, entry.problem.id, grader)})
    summary = {
        "name": _name(pool),
        "headline": headline(pool, outcome),
        "missing": missing,
        "comparison": None if outcome is None else without_decisions(as_mapping(outcome)),
        "reference": REFERENCE,
        "skipped": compared.skipped,
        "confidence": confidence,
        "positions": positions.mapping,
        "trees": [one.mapping for one in trees],
        "facts": facts_of_runs(pool, runs),
    }
    return RunReport(plain(summary), plain(questions), places)


def replayed(
    pool: Pool,
    config: CompareConfig,
    runs: Sequence[Run],
    *,
    given: bool,
    strict: bool = False,
    decided: Sequence[int] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Return the comparison of a pool, or the reason why there is none.

    Args:
        pool: the samples.
        config: strategies, budget, score and calibration.
        runs: the runs behind the pool.
        given: whether ``config.strategies`` were asked for; if not, those of the runs are replayed.
        strict: whether a pool that cannot serve these settings is refused.
        decided: the places of the questions whose decisions are kept; None keeps all.
        notify: receives a sentence about signals that a strategy does without.

    Raises:
        InputError: with ``strict``, a setting that the pool cannot serve.
    """
    if lack := _not_comparable(pool):
        return Replayed(None, f"Strategies are not compared: {lack}.", {})
    skipped = dict[str, str]()
    if not given:
        entries, skipped = strategies_of(pool, runs, window=config.window)
        config = replace(config, strategies=entries)
    try:
        outcome = compare_pool(pool, replace(config, decisions=True), notify=notify, decided=decided)
    except InputError as error:
        if strict:
            raise
        lack = str(error).removeprefix(f"{pool.path}: ")
        return Replayed(None, f"Strategies are not compared: {lack}.", skipped)
    return Replayed(outcome, "", {**skipped, **outcome.skipped})


def shown_places(questions: int, most: int, seed: int) -> tuple[int, ...]:
    """Return the places of the questions to show: all, or a random sample of ``most``, in ascending order."""
    if questions <= most:
        return tuple(range(questions))
    chosen = np.random.default_rng([seed, questions]).permutation(questions)[:most]
    return tuple(sorted(chosen.tolist()))


def _not_comparable(pool: Pool) -> str:
    """Return the reason why strategies cannot be replayed on a pool; empty where they can."""
    facts = pool.facts
    if lack := dependence(pool):
        return lack
    if facts.graded < facts.samples and any(None in grades(entry) for entry in pool.narrow().entries):
        return "samples have no grade, and questions no gold answer to grade them by"
    return ""


def _name(pool: Pool) -> str:
    runs = "" if not pool.runs else f", run {', '.join(map(str, pool.runs))}"
    return f"{Path(pool.path).name}{runs}"


def headline(pool: Pool, outcome: ComparisonOutcome | None) -> str:
    """Return the result in one sentence, with the interval of the reference's accuracy."""
    if outcome is None:
        return f"{counted(pool.questions, 'question')} with {counted(pool.facts.samples, 'sample')}, not compared"
    reference = next(row for row in outcome.rows if row.name == REFERENCE)
    point = reference.point
    return (
        f"{REFERENCE} with {counted(outcome.settings.budget, 'sample')} answers {units.percent(point.accuracy)} % "
        f"{units.percent_interval(point.accuracy_ci)} of {counted(outcome.questions, 'question')} right; "
        f"{conclusion(outcome.rows, questions=outcome.questions)}"
    )


def without_decisions(comparison: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison without the decisions, which stand with the questions."""
    strategies: Sequence[dict[str, Any]] = comparison["strategies"]
    return {
        **comparison,
        "strategies": [{key: value for key, value in row.items() if key != "decisions"} for row in strategies],
    }


def check_most(most: int) -> None:
    """Refuse a number of questions that shows none.

    Raises:
        InputError: it is below 1.
    """
    if most < 1:
        raise InputError(f"questions must be at least 1, got {most}: it is the most questions that the page shows")
