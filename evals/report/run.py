"""Reports of live runs: a table for people, and everything as a mapping for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from evals.config import RunConfig, SampleConfig
from evals.live.pool_run import PoolRun
from evals.live.run_session import RunOutcome, SampleOutcome
from evals.live.runner import Played
from evals.metrics.stats import accuracy_interval, bootstrap_weights, wilson_interval
from evals.report import units
from evals.report.parameters import describe_all, options
from evals.report.tables import Column, Table
from evals.tasks import Task
from tts.types import End, Sample

REPLICATES = 10_000
HARDLY = 0.1
"""A model with a smaller share of right samples does not solve the task, whatever the strategy."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One strategy in the table; all numbers are means over problems.

    Attributes:
        name: the strategy.
        accuracy: share of right decisions, with its 95 % interval over problems.
        accuracy_ci: that interval.
        samples: a question.
        tokens: generated tokens a question, or None where they were not counted.
        p_correct: mean estimate that an answer is right, or None where an answer has no estimate.
        vote_share: mean share of the votes that an answer has, or None where an answer has none.
        reasons: how many decisions each reason stopped.
        abstained: decisions without an answer.
        failed: draws that failed for good.
        cached: samples that came from the cache and were not drawn for this strategy.
    """

    name: str
    accuracy: float
    accuracy_ci: tuple[float, float]
    samples: float
    tokens: float | None
    p_correct: float | None
    vote_share: float | None
    reasons: Mapping[str, int]
    abstained: int
    failed: int
    cached: int


def run_rows(played: Sequence[Played]) -> list[RunRow]:
    """Return one row a strategy; a question has one decision, so that Wilson's interval holds for the accuracy."""
    return [
        RunRow(
            name=p.planned.method.name,
            accuracy=sum(p.right) / len(p.right),
            accuracy_ci=wilson_interval(sum(p.right), len(p.right)),
            samples=float(np.mean([len(r.decision.samples) for r in p.results])),
            tokens=_mean([None if r.decision.usage is None else r.decision.usage.generated for r in p.results]),
            p_correct=_mean([r.decision.p_correct for r in p.results if r.decision.answer is not None]),
            vote_share=_mean([r.decision.vote_share for r in p.results if r.decision.answer is not None]),
            reasons=dict(Counter(r.decision.reason for r in p.results).most_common()),
            abstained=sum(r.decision.answer is None for r in p.results),
            failed=sum(r.decision.failed for r in p.results),
            cached=sum(r.cached for r in p.results),
        )
        for p in played
    ]


def print_run(
    console: Console, config: RunConfig, outcome: RunOutcome, rows: Sequence[RunRow], *, wide: bool = False
) -> None:
    """Print the table, the fitted parameters, the strategies left out, and where the samples are."""
    task, plan = outcome.task, outcome.plan
    console.print(
        f"{task.name}: {len(task.problems)} questions; model {outcome.model}, budget {config.budget}, "
        f"seed {config.engine.seed}" + (f", scorer {plan.scorer.name}" if plan.scorer is not None else ""),
        soft_wrap=True,
    )
    run_table(rows).print(console, wide=wide)
    console.print()
    for planned in plan.strategies:
        if planned.params:
            chosen = describe_all(planned.params)
            console.print(f"fitted on other questions: {planned.method.name}: {chosen}", style="dim")
    for reason in dict.fromkeys(plan.skipped.values()):
        names = [name for name, why in plan.skipped.items() if why == reason]
        console.print(f"left out ({reason}): {', '.join(names)}", style="dim")
    for row in rows:
        if row.failed:
            console.print(f"{row.name}: {row.failed} draws failed and used up budget", style="yellow")
    graded = {  # a partial sample has no answer yet, and a sample that several strategies used counts once
        (result.problem.id, sample.index, sample.given): (sample, task.grade(result.problem, sample))
        for played in outcome.played
        for result in played.results
        for sample in result.decision.samples
        if sample.end is not End.BOUNDARY
    }
    _print_end(console, list(graded.values()), outcome.pool)


def print_samples(console: Console, config: SampleConfig, task: Task, outcome: SampleOutcome) -> None:
    """Print the share of right samples with its 95 % interval over questions, and where the samples are."""
    graded = [[(s, task.grade(r.problem, s)) for s in r.decision.samples] for r in outcome.results]
    rates = [sum(right for _, right in row) / config.samples for row in graded]
    low, high = accuracy_interval(rates, bootstrap_weights(len(rates), REPLICATES, config.engine.seed))
    samples = [pair for row in graded for pair in row]
    unread = sum(sample.answer is None for sample, _ in samples)
    console.print(
        f"{len(graded)} questions, {config.samples} samples each: "
        f"{sum(right for _, right in samples)} of {len(samples)} "
        f"right ({units.percent(sum(rates) / len(rates))} % {units.percent_interval((float(low), float(high)))}), "
        f"{unread} without an answer",
        soft_wrap=True,
    )
    _print_end(console, samples, outcome.pool)


def _print_end(console: Console, samples: Sequence[tuple[Sample, bool]], pool: PoolRun) -> None:
    if (sentence := verdict(samples)) is not None:
        console.print(sentence, style="yellow", soft_wrap=True)
    console.print(str(pool), soft_wrap=True)


def run_table(rows: Sequence[RunRow]) -> Table:
    """Return the main table, one row a strategy, in the order played.

    Args:
        rows: one a strategy, as :func:`run_rows` returns them.
    """
    shown = [key for key in ("p_correct", "vote_share") if any(getattr(row, key) is not None for row in rows)]
    estimates = [
        Column("p_correct", "p_correct", units.probability),
        Column("vote_share", "vote\nshare", units.probability, spare=2),
    ]
    columns = (
        Column("strategy", "strategy", left=True),
        Column("accuracy", "accuracy\n%", units.percent, long="accuracy, %"),
        Column("accuracy_ci", "95 %\ninterval", units.percent_interval, interval=True, spare=1),
        Column("samples", "samples", units.samples),
        Column("tokens", "tokens", units.tokens),
        *(column for column in estimates if column.key in shown),
        Column("reasons", "stopped by", _reasons, left=True, fold=True, spare=3),
    )
    return Table(columns, tuple({"strategy": row.name, **options(row)} for row in rows))


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in reasons.items())


def verdict(samples: Sequence[tuple[Sample, bool]]) -> str | None:
    """A plain sentence where fewer than one sample in ten is right, else None: no strategy can help there.

    Args:
        samples: every sample with its grade.
    """
    right = sum(right for _, right in samples)
    if right >= HARDLY * len(samples):
        return None
    samples = [pair for pair in samples if not pair[1]]
    kinds = Counter("failed" if s.end is End.FAILED else "unread" if s.answer is None else "wrong" for s, _ in samples)
    cut = sum(s.end is End.LENGTH for s, _ in samples)
    parts = [
        f"{kinds['unread']} had no answer that could be read" if kinds["unread"] else "",
        f"{cut} reached the token limit" if cut else "",
        f"{kinds['failed']} failed" if kinds["failed"] else "",
        f"{kinds['wrong']} were wrong" if kinds["wrong"] else "",
    ]
    return (
        f"{right} of {right + len(samples)} right; {', '.join(part for part in parts if part)}: "
        f"this model {'hardly ever solves' if right else 'does not solve'} this task as it is asked"
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
