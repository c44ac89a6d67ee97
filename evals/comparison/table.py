"""The table of a comparison: every strategy beside self-consistency at the full budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evals.comparison.decided import QuestionDecision, decisions_of
from evals.comparison.difference import Difference, against
from evals.comparison.fit import REFERENCE, choose
from evals.comparison.paired import Comparison, Point
from evals.comparison.regret import Regret, regret, with_causes
from evals.comparison.settings import Settings
from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Candidate
from strategies.catalog import CATALOG, Method


class Compared(Protocol):
    """A strategy beside self-consistency on the same questions: replayed, or played live."""

    @property
    def name(self) -> str:
        """The strategy."""
        ...

    @property
    def source(self) -> str:
        """The paper it comes from."""
        ...

    @property
    def point(self) -> Point:
        """Its accuracy and cost."""
        ...

    @property
    def difference(self) -> Difference:
        """Its difference to self-consistency at the full budget."""
        ...

    @property
    def efficiency(self) -> tuple[tuple[int, Point], ...]:
        """The same strategy at smaller budgets, (budget, point), the full budget last."""
        ...


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One strategy in the table.

    Attributes:
        name: the strategy.
        source: the paper it comes from.
        params: its parameters; a list of two where the two folds chose differently.
        point: accuracy and cost.
        abstained: the share of decisions without an answer, because no sample had one.
        difference: against self-consistency at the full budget.
        efficiency: the same strategy at smaller budgets, (budget, point).
        regret: its wrong decisions by cause.
        decisions: one a question, in recorded order of the samples; None where they are not asked for.
    """

    name: str
    source: str
    params: dict[str, Any]
    point: Point
    abstained: float
    difference: Difference
    efficiency: tuple[tuple[int, Point], ...]
    regret: Regret
    decisions: tuple[QuestionDecision, ...] | None = None


def compare(arrays: PoolArrays, methods: Sequence[Method], settings: Settings) -> list[ComparisonRow]:
    """Replay every method and compare it with self-consistency at the full budget.

    Args:
        arrays: the pool.
        methods: rows of the catalogue; the reference is added in front where it is missing.
        settings: budget, replay and bootstrap.

    Returns:
        One row a method, in the given order.

    Raises:
        InputError: as :meth:`evals.comparison.paired.Comparison.of`.
    """
    fitted = settings.calibrate is not None or any(m.objective or m.learn for m in methods)
    return table(Comparison.of(arrays, settings, methods, fitted=fitted), methods)


def table(comparison: Comparison, methods: Sequence[Method]) -> list[ComparisonRow]:
    """Return the rows of :func:`compare` from a comparison that was made for these methods."""
    arrays, settings = comparison.arrays, comparison.settings
    if all(m.name != REFERENCE for m in methods):
        methods = [CATALOG[REFERENCE], *methods]
    params = [
        choose(arrays, methods, comparison.orders, scores, fold, budget=settings.budget, margin=settings.margin)
        for scores, fold in zip(comparison.scores, comparison.folds, strict=True)
    ]
    sizes = settings.sizes
    candidates = [
        [
            with_causes(Candidate(m.build(size, p), m.scores), size)
            if size == settings.budget
            else Candidate(m.build(size, p), m.scores)
            for m, p in zip(methods, chosen, strict=True)
            for size in sizes
        ]
        for chosen in params
    ]
    outcomes = comparison.play(candidates)
    full = slice(len(sizes) - 1, None, len(sizes))
    reference = [m.name for m in methods].index(REFERENCE)
    points = comparison.points(outcomes, outcomes[full][reference])
    differences = against(comparison, outcomes[full], reference)
    decided = decisions_of(comparison, [of_fold[full] for of_fold in candidates]) if settings.decisions else None
    rows = []
    for i, method in enumerate(methods):
        at_sizes = points[i * len(sizes) : (i + 1) * len(sizes)]
        rows.append(
            ComparisonRow(
                name=method.name,
                source=method.source,
                params=merged_params(method, [chosen[i] for chosen in params]),
                point=at_sizes[-1],
                abstained=outcomes[full][i].abstained / outcomes[full][i].decisions,
                difference=differences[i],
                efficiency=tuple(zip(sizes, at_sizes, strict=True)),
                regret=regret(outcomes[full][i]),
                decisions=None if decided is None else tuple(decided[i]),
            )
        )
    return rows


def merged_params(method: Method, chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the parameters that the folds use: one value where they agree, else a list of both.

    Args:
        method: its own parameters fill those that no fold chose.
        chosen: one mapping a fold.
    """
    keys = dict.fromkeys([*method.params, *(key for params in chosen for key in params)])
    merged = {}
    for key in keys:
        values = [params.get(key, method.params.get(key)) for params in chosen]
        merged[key] = values[0] if all(v == values[0] for v in values) else list(values)
    return merged
