"""The numbers of a run, computed step by step: samples counted, confidences measured, strategies replayed.

They are those of ``tts report``; each step is sent on when it is ready.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evals.comparison.decided import QuestionDecision
from evals.comparison.fit import REFERENCE
from evals.comparison.session import ComparisonOutcome
from evals.config import CompareConfig
from evals.metrics.scored import grades
from evals.report.comparison import as_mapping, plain
from evals.report_page.confidence import confidence_mapping
from evals.report_page.document import MAX_QUESTIONS, headline, replayed, shown_places, without_decisions
from evals.report_page.questions import decision_mapping
from evals.report_page.replayed import scored_and_graded
from evals.report_page.run_facts import facts_of_runs, runs_of
from evals.report_page.visible_traces import Positions
from evals.view.decisions_file import keep_decisions, keep_scores
from evals.view.figures import CAUSES, Counted, Decided
from evals.view.jobs import Job, Step, config_of
from tts.answers import Grader
from tts.pool import Entry, Pool, load_pool, read_pool
from tts.pool.sqlite.connect import open_reader
from tts.wording import counted as number_of

DRAWS = 20_000_000
"""Samples times random orders, above which fewer orders are replayed than asked for by default."""


def compute(job: Job, send: Callable[[Step], None]) -> None:
    """Compute the numbers of a run, and send each part when it is ready.

    Raises:
        InputError: the pool cannot be read, or cannot serve a setting that was asked for.
    """
    send(Step("reading the pool", {}))
    with TemporaryDirectory() as folder:
        pool = _read(job, Path(folder))
        config, runs = _settings(job, pool), runs_of(pool)
        send(Step("counting samples", {}))
        scored, grader = scored_and_graded(pool, config)
        tally = _Tally()
        facts = facts_of_runs(scored, runs, visit=tally.visit)
        if config.score is not None:
            keep_scores(job.decisions, ((e.problem.id, [s.confidence for s in e.samples]) for e in scored.entries))
        kept = config.score is not None
        send(Step("measuring confidences", plain({"facts": facts}), counted=tally.counted, kept=kept))
        confidence, lack = confidence_mapping(
            scored, calibrate=config.calibrate, seed=config.seed, replicates=config.replicates
        )
        lack = f"Confidences are not measured: {lack}." if lack else ""
        send(Step(_replaying(pool, config), plain({"confidence": confidence}), lack))
        compared = replayed(pool, config, runs, given=job.asks("strategies"), strict=bool(job.settings))
        decided = None
        ready: dict[str, Any] = {"skipped": compared.skipped, "reference": REFERENCE}
        ready["headline"] = headline(pool, compared.outcome)
        if compared.outcome is not None:
            decided = _decided(compared.outcome, job.decisions)
            ready["comparison"] = without_decisions(as_mapping(_bare(compared.outcome)))
        send(Step("reading traces", plain(ready), compared.missing, decided=decided, kept=decided is not None))
        send(Step("", {"positions": plain(_positions(pool, config, grader))}))


def _read(job: Job, folder: Path) -> Pool:
    """Return the pool; of a file that is being written, a copy of this moment."""
    read = read_pool if job.asks("score") else load_pool
    if not job.under_way or not job.path.lower().endswith((".sqlite", ".db")):
        return read(job.path, run=job.run)
    copy = folder / "copy.sqlite"
    with closing(open_reader(job.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return replace(read(copy, run=job.run), path=job.path)


def _settings(job: Job, pool: Pool) -> CompareConfig:
    """Return the configuration, with fewer random orders for a large pool where their number was not asked for."""
    config = config_of(job.settings)
    if job.asks("permutations"):
        return config
    fitting = max(10, DRAWS // max(1, pool.facts.samples))
    return replace(config, permutations=min(config.permutations, fitting))


def _replaying(pool: Pool, config: CompareConfig) -> str:
    return f"replaying strategies in {number_of(config.permutations, 'random order')} of {pool.questions:,} questions"


def _bare(outcome: ComparisonOutcome) -> ComparisonOutcome:
    return replace(outcome, rows=[replace(row, decisions=None) for row in outcome.rows])


class _Tally:
    """The figures of samples, gathered question by question."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, int, float, bool]] = []

    def visit(self, entry: Entry) -> None:
        """Add a question."""
        tokens = (0 if sample.usage is None else sample.usage.generated for sample in entry.samples)
        known = [sample.confidence for sample in entry.samples if sample.confidence is not None]
        mean = sum(known) / len(known) if known else 1.0
        unread = any(sample.answer is None for sample in entry.samples)
        self._rows.append((entry.problem.id, max(tokens, default=0), mean, unread))

    @property
    def counted(self) -> Counted:
        """The figures of all questions."""
        ids, longest, confidence, unread = zip(*self._rows, strict=True)
        return Counted(ids, np.array(longest), np.array(confidence), np.array(unread))


def _decided(outcome: ComparisonOutcome, path: str) -> Decided:
    """Return the decisions as arrays, and write each question's decisions to a file."""
    rows = [row.decisions or () for row in outcome.rows]
    questions = zip(*rows, strict=True)
    keep_decisions(path, ((of[0].id, plain([decision_mapping(one) for one in of])) for of in questions))

    def each(value: Callable[[QuestionDecision], Any]) -> Any:
        return np.array([[value(decision) for decision in mine] for mine in rows])

    answers = zip(*([decision.answer for decision in mine] for mine in rows), strict=True)
    return Decided(
        tuple(row.name for row in outcome.rows),
        REFERENCE,
        each(lambda one: one.correct),
        each(lambda one: CAUSES.index(one.cause)).astype(np.int8),
        each(_sure).astype(np.float32),
        np.array([len(set(given)) > 1 for given in answers]),
    )


def _sure(decision: QuestionDecision) -> float:
    known = (value for value in (decision.p_correct, decision.vote_share) if value is not None)
    return next(known, float("nan"))


def _positions(pool: Pool, config: CompareConfig, grader: Grader) -> list[dict[str, Any]]:
    """Return means of traces by position, of at most as many questions as a report shows."""
    positions = Positions()
    traced = pool.narrow("trace")
    for place in shown_places(pool.questions, MAX_QUESTIONS, config.seed):
        entry = traced.entries[place]
        for sample, grade in zip(entry.samples, grades(entry, grader), strict=True):
            if grade is not None:
                positions.add(sample, grade)
    return positions.mapping
