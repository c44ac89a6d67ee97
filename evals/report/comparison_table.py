"""Tables of comparisons, and the one sentence that they come to.

The framework's own strategies come first, then the others, then the controls, each group from the cheapest to the
dearest. The cost is in money with prices, else in tokens where the pool counts them, else in samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from evals.comparison.curves import Curve
from evals.comparison.difference import FEW_QUESTIONS
from evals.comparison.frontier import Frontier
from evals.comparison.settings import SIZES, Settings
from evals.comparison.table import Compared, ComparisonRow
from evals.metrics.estimators import MAX_POOL
from evals.report import units
from evals.report.tables import Column, Table
from evals.report.units import describe_all
from strategies.catalog import CATALOG, Method

Row = TypeVar("Row", bound=Compared)
OWN = "this framework"
"""The source of the framework's own strategies."""
STYLES = {"better": "green", "not worse": "green", "worse": "red", "reference": "bold"}


def is_control(name: str) -> bool:
    """Return True for a strategy that reads the scores of a control, such as the oracle: no one can use it."""
    return name in CATALOG and CATALOG[name].scores != "recorded"


def cost(row: Compared) -> float:
    """Return the mean cost of a question: in money with prices, else in tokens where they are counted, else samples."""
    found = (row.point.cost, row.point.tokens, row.point.samples)
    return next(value for value in found if value is not None)


def ordered(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the framework's own strategies, the others and the controls, each from the cheapest to the dearest."""
    groups: list[list[Row]] = [[], [], []]
    for row in sorted(rows, key=cost):
        groups[2 if is_control(row.name) else 0 if row.source == OWN else 1].append(row)
    return [group for group in groups if group]


def frontier_names(rows: Sequence[Compared]) -> set[str]:
    """Return the strategies, controls aside, to which no other is both as accurate and as cheap, and better in one."""
    usable = [(row.name, row.point.accuracy, cost(row)) for row in rows if not is_control(row.name)]
    return {
        name
        for name, accuracy, spent in usable
        if not any(a >= accuracy and c <= spent and (a > accuracy or c < spent) for _, a, c in usable)
    }


def comparison_table(rows: Sequence[ComparisonRow]) -> Table:
    """Return the main table, one row a strategy.

    Args:
        rows: one a strategy, of one comparison.
    """
    spent, timed = _unit(rows), all(row.point.seconds is not None for row in rows)
    columns = (
        Column("strategy", "strategy", left=True),
        Column("frontier", "*", lambda on: "*" if on else "", left=True, long="frontier"),
        Column("accuracy", "accuracy\n%", units.percent, long="accuracy, %"),
        Column("accuracy_ci", "95 %\ninterval", units.percent_interval, interval=True, spare=2),
        Column("samples", "samples", units.samples, spare=5 if spent == "cost" else 0),
        *([Column("tokens", "tokens", units.tokens, spare=3)] if spent != "samples" else []),
        *([Column("cost", "cost of\n1,000", units.money, long="cost of 1,000 questions")] if spent == "cost" else []),
        *([Column("seconds", "seconds", units.seconds, spare=1)] if timed else []),
        Column("saved", "saved,\n%", units.percent, long=f"{spent} saved, %"),
        Column("accuracy_diff", "diff,\npoints", units.points),
        Column("accuracy_diff_ci", "95 % interval\nof diff", units.points_interval, interval=True, spare=4),
        Column("p_value", "p", units.p_value, spare=1),
        Column("verdict", "verdict", left=True),
    )
    groups, front, reference = ordered(rows), frontier_names(rows), _reference(rows)
    flat = [row for group in groups for row in group]
    ends = [sum(map(len, groups[: i + 1])) - 1 for i in range(len(groups) - 1)]
    return Table(
        columns=columns,
        rows=tuple(_values(row, reference, row.name in front) for row in flat),
        styles=tuple(STYLES.get(row.difference.verdict, "") for row in flat),
        breaks=tuple(ends),
    )


def _unit(rows: Sequence[Compared]) -> str:
    """Return the unit of the cost."""
    if all(row.point.cost is not None for row in rows):
        return "cost"
    return "tokens" if all(row.point.tokens is not None for row in rows) else "samples"


def _reference(rows: Sequence[Row]) -> Row:
    return next(row for row in rows if row.difference.verdict == "reference")


def _values(row: ComparisonRow, reference: ComparisonRow, front: bool) -> dict[str, Any]:
    difference, point = row.difference, row.point
    values = {
        "frontier": front,
        "strategy": row.name,
        "accuracy": point.accuracy,
        "accuracy_ci": point.accuracy_ci,
        "samples": point.samples,
        "tokens": point.tokens,
        "cost": None if point.cost is None else 1000 * point.cost,
        "seconds": point.seconds,
        "verdict": difference.verdict,
    }
    if row is reference:
        return values
    return values | {
        "saved": 1 - cost(row) / cost(reference),
        "accuracy_diff": difference.accuracy_diff,
        "accuracy_diff_ci": difference.accuracy_diff_ci,
        "p_value": None if difference.verdict == "too few" else difference.p_value,
    }


def cheapest_not_worse(rows: Sequence[Row]) -> Row | None:
    """Return the cheapest strategy that is better or not worse than the reference and cheaper, None without one."""
    reference = _reference(rows)
    fine = [
        row
        for row in rows
        if not is_control(row.name)
        and cost(row) < cost(reference)
        and row.difference.verdict in ("better", "not worse")
    ]
    return min(fine, key=cost, default=None)


def conclusion(rows: Sequence[Compared], *, questions: int) -> str:
    """Return the result of a comparison in one sentence.

    Args:
        rows: one a strategy.
        questions: the number of questions compared on.
    """
    reference = _reference(rows)
    if questions < FEW_QUESTIONS:
        few = "1 question is" if questions == 1 else f"{questions} questions are"
        return f"{few} too few to tell strategies apart: a verdict needs at least {FEW_QUESTIONS}"
    best = cheapest_not_worse(rows)
    others = sum(not is_control(row.name) for row in rows) - 1
    if best is None:
        return _unproven(rows, reference, questions)
    which = f"cheapest of {others} that is " if others > 1 else ""
    return (
        f"{which}not worse than {reference.name}: {best.name}, {units.samples(best.point.samples)} samples, "
        f"{_spent(best, reference, _unit(rows))}"
    )


def _unproven(rows: Sequence[Compared], reference: Compared, questions: int) -> str:
    """Return the sentence of a comparison in which no cheaper strategy is shown to be not worse."""
    level = [
        row
        for row in rows
        if not is_control(row.name) and cost(row) < cost(reference) and row.difference.accuracy_diff >= 0
    ]
    if not level:
        return f"no strategy is shown to be cheaper and not worse than {reference.name} on these {questions} questions"
    best = min(level, key=cost)
    found = best.difference
    return (
        f"no strategy is shown to be cheaper and not worse than {reference.name} by {questions} questions; at least as "
        f"accurate on them: {best.name}, {_spent(best, reference, _unit(rows))}, difference "
        f"{units.points(found.accuracy_diff)} {units.points_interval(found.accuracy_diff_ci)} points"
    )


def _spent(row: Compared, reference: Compared, unit: str) -> str:
    """Return the change of the cost against the reference's, with its interval where it is not in money."""
    of = row.difference
    ratio_ci = {"tokens": of.tokens_ratio_ci, "samples": of.samples_ratio_ci}.get(unit)
    interval = "" if ratio_ci is None else f" [{', '.join(_change(end) for end in ratio_ci)}]"
    return f"{_change(cost(row) / cost(reference))} % {unit}{interval}"


def _change(ratio: float) -> str:
    return f"{round(100 * (ratio - 1)):+d}"


def legend(rows: Sequence[ComparisonRow], settings: Settings) -> str:
    """Return the meaning of the columns of the main table."""
    margin = f"{100 * settings.margin:g}"
    return (
        f"*: on the frontier, no strategy is both cheaper and as accurate. saved: {_unit(rows)}. diff: accuracy minus "
        "that of "
        f"self_consistency at budget {settings.budget} on the same samples. verdict, by the 95 % interval of diff: "
        f"better = above 0; not worse = above -{margin}; worse = below 0; open = none of these; too few = too few "
        "questions to tell. p < .05 where that interval leaves out 0."
    )


def regret_table(rows: Sequence[ComparisonRow]) -> Table:
    """Return the wrong decisions of each strategy by cause, in points."""
    names = ("unsolved", "not_selected", "stopped_early", "gained")
    columns = tuple(Column(name, name.replace("_", " "), _points) for name in ("wrong", *names))
    flat = [row for group in ordered(rows) for row in group]
    return Table(
        (Column("strategy", "strategy", left=True), *columns),
        tuple(
            {
                "strategy": row.name,
                "wrong": 1.0 - row.point.accuracy,
                **{name: getattr(row.regret, name) for name in names},
            }
            for row in flat
        ),
        title="regret, in points of accuracy",
    )


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


REGRET_LEGEND = (
    "wrong = unsolved (no sample within the budget is right) + not selected (a sample is right, and the decision is "
    "wrong without stopping too) + stopped early (right without stopping). gained: right, and wrong without stopping. "
    "-: unknown; unsolved then counts the samples used."
)


def curves_table(curves: Mapping[str, Curve], *, samples: int) -> Table:
    """Return the exact curves at round k; a narrow terminal shows powers of two only.

    Args:
        curves: the curves by name.
        samples: of the question with the most.
    """
    last = max(curves["maj"])
    ks = [k for k in SIZES if k < last] + [last]
    odd = [k for k in ks[:-1] if k & (k - 1)]
    columns = tuple(Column(str(k), str(k), units.percent, spare=odd.index(k) + 1 if k in odd else 0) for k in ks)
    labels = (("maj", "maj@k"), ("pass", "pass@k"), ("best_of", "best-of-k"))
    return Table(
        (Column("k", "k", left=True), *columns),
        tuple({"k": label, **{str(k): curves[name][k] for k in ks}} for name, label in labels if name in curves),
        title="exact curves, accuracy in %" + (f", by a random {MAX_POOL} samples" if samples > MAX_POOL else ""),
    )


def frontiers_table(frontiers: Sequence[Frontier]) -> Table:
    """Return the tuned setting of each rule: the cheapest one not inferior to self-consistency, cross-fitted."""
    rows = []
    for frontier in sorted(frontiers, key=lambda f: f.cheapest.point.samples):
        tuned, difference = frontier.cheapest, frontier.cheapest.difference
        swept = {key for setting in frontier.sweep for key in setting.params}
        rows.append(
            {
                "strategy": frontier.name,
                "accuracy": tuned.point.accuracy,
                "samples": tuned.point.samples,
                "saved": 1 - difference.samples_ratio,
                "accuracy_diff": difference.accuracy_diff,
                "accuracy_diff_ci": difference.accuracy_diff_ci,
                "verdict": difference.verdict,
                "setting": describe_all({k: v for k, v in tuned.params.items() if k in swept}),
            }
        )
    return Table(
        (
            Column("strategy", "strategy", left=True),
            Column("accuracy", "accuracy\n%", units.percent, spare=2, long="accuracy, %"),
            Column("samples", "samples", units.samples),
            Column("saved", "saved,\n%", units.percent, spare=3, long="samples saved, %"),
            Column("accuracy_diff", "diff,\npoints", units.points),
            Column("accuracy_diff_ci", "95 % interval\nof diff", units.points_interval, interval=True, spare=1),
            Column("verdict", "verdict", left=True),
            Column("setting", "setting", left=True, fold=True),
        ),
        tuple(rows),
        title="tuned: the cheapest setting not inferior on one half, scored on the other",
    )


def catalogue_table(methods: Sequence[Method]) -> Table:
    """Return every strategy with its source, a summary and its defaults."""
    return Table(
        (
            Column("strategy", "strategy", left=True),
            Column("source", "source", left=True, fold=True),
            Column("summary", "what it does", left=True, fold=True),
            Column("defaults", "defaults", left=True, fold=True, spare=1),
        ),
        tuple(
            {"strategy": m.name, "source": m.source, "summary": m.summary, "defaults": describe_all(m.params)}
            for m in methods
        ),
    )
