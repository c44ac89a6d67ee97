"""The table of a live run: one row a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.comparison.difference import Difference
from evals.report import units
from evals.report.comparison_table import STYLES
from evals.report.tables import Column, Table
from evals.report.units import options


@dataclass(frozen=True, slots=True)
class RunRow:
    """One strategy in the table; all numbers are means over problems.

    Attributes:
        name: the strategy.
        source: the paper it comes from.
        accuracy: share of right decisions; None where no right answers are known.
        accuracy_ci: its 95 % interval over problems.
        samples: a question.
        tokens: generated tokens a question, or None where they were not counted.
        p_correct: mean estimate that an answer is right, or None where an answer has no estimate.
        vote_share: mean share of the votes that an answer has, or None where an answer has none.
        reasons: how many decisions each reason stopped.
        abstained: decisions without an answer.
        failed: draws that failed for good.
        failed_share: their share of all draws, in [0, 1].
        cached: samples that came from the cache and were not drawn for this strategy.
        difference: against self-consistency, paired by question; None where it was not played.
        certified: decisions that are certainly the model's most probable answer; None where masses are not known.
        reward: the mean of the task's graded metric, such as F1; None where it has none.
        reward_ci: its 95 % interval over questions.
    """

    name: str
    source: str
    accuracy: float | None
    accuracy_ci: tuple[float, float] | None
    samples: float
    tokens: float | None
    p_correct: float | None
    vote_share: float | None
    reasons: Mapping[str, int]
    abstained: int
    failed: int
    failed_share: float
    cached: int
    difference: Difference | None = None
    certified: int | None = None
    reward: float | None = None
    reward_ci: tuple[float, float] | None = None


def run_table(rows: Sequence[RunRow], *, metric: str = "") -> Table:
    """Return the main table, one row a strategy, in the order played.

    Args:
        rows: one a strategy.
        metric: the name of the graded metric of ``reward``; empty where there is none.
    """
    shown = [key for key in ("p_correct", "vote_share") if any(getattr(row, key) is not None for row in rows)]
    estimates = [
        Column("p_correct", "p_correct", units.probability, spare=3),
        Column("vote_share", "vote\nshare", units.probability, spare=2),
    ]
    accuracy = [
        Column("accuracy", "accuracy\n%", units.percent, long="accuracy, %"),
        Column("accuracy_ci", "95 %\ninterval", units.percent_interval, interval=True, spare=4),
    ]
    rewards = [
        Column("reward", f"{metric}\n%", units.percent, long=f"{metric}, %"),
        Column(
            "reward_ci",
            f"95 %\n{metric}",
            units.percent_interval,
            long=f"95 % interval of {metric}",
            interval=True,
            spare=4,
        ),
    ]
    paired = [
        Column("saved", "saved,\n%", units.percent, long="tokens saved, %"),
        Column("accuracy_diff", "diff,\npoints", units.points),
        Column("accuracy_diff_ci", "95 % interval\nof diff", units.points_interval, interval=True, spare=5),
        Column("verdict", "verdict", left=True),
    ]
    failing = any(row.failed for row in rows)
    compared = any(row.difference is not None for row in rows) and len(rows) > 1
    columns = (
        Column("strategy", "strategy", left=True),
        *(accuracy if any(row.accuracy is not None for row in rows) else ()),
        *(rewards if any(row.reward is not None for row in rows) else ()),
        *([Column("failed_share", "failed\n%", units.percent, long="failed draws, %")] if failing else []),
        Column("samples", "samples", units.samples),
        Column("tokens", "tokens", units.tokens),
        *(paired if compared else ()),
        *(column for column in estimates if column.key in shown),
        Column("reasons", "stopped by", _reasons, left=True, fold=True, spare=1),
    )
    styles = tuple(STYLES.get(row.difference.verdict, "") if row.difference else "" for row in rows)
    return Table(columns, tuple({"strategy": row.name, **options(row), **_paired(row)} for row in rows), styles=styles)


def _paired(row: RunRow) -> dict[str, Any]:
    if row.difference is None or row.difference.verdict == "reference":
        return {"verdict": None if row.difference is None else "reference"}
    ratio = row.difference.samples_ratio if row.difference.tokens_ratio is None else row.difference.tokens_ratio
    return {
        "saved": 1 - ratio,
        "accuracy_diff": row.difference.accuracy_diff,
        "accuracy_diff_ci": row.difference.accuracy_diff_ci,
        "verdict": row.difference.verdict,
    }


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in reasons.items())
