"""Comparisons as a mapping for JSON. The same inputs and seed give the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evals.comparison.decided import QuestionDecision
from evals.comparison.frontier import Frontier, TunedSetting
from evals.comparison.session import ComparisonOutcome
from evals.comparison.table import ComparisonRow
from evals.report.units import component_name, options
from tts.types import mass_line
from tts.wording import escaped


def as_mapping(outcome: ComparisonOutcome) -> dict[str, Any]:
    """Return all results of a comparison, ready for :func:`to_json`."""
    settings = outcome.settings
    out: dict[str, Any] = {
        "command": "tts compare",
        "pool": dict(outcome.pool),
        "budget": settings.budget,
        "permutations": settings.permutations,
        "seed": settings.seed,
        "calibrate": settings.calibrate,
        "margin": settings.margin,
        "bootstrap_replicates": settings.replicates,
        "price": options(settings.price),
        **({"speed": dataclasses.asdict(settings.speed)} if settings.speed is not None else {}),
        "strategies": [_row(row) for row in outcome.rows],
        "skipped": dict(outcome.skipped),
        "curves": {name: {str(k): v for k, v in curve.items()} for name, curve in outcome.curves.items()},
    }
    if outcome.frontiers is not None:
        out["frontier"] = [_frontier(f) for f in outcome.frontiers]
    return out


def to_json(mapping: Mapping[str, Any]) -> str:
    """Return indented JSON with floats to ten digits, so that the same result has the same bytes."""
    return escaped(json.dumps(plain(mapping), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def plain(value: Any) -> Any:
    """Return a value of a report as JSON values: components as mappings, floats to ten digits."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({"name": component_name(value), **options(value)})
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.10g}") if abs(value) < float("inf") else str(value)
    return value


def _row(row: ComparisonRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "source": row.source,
        "params": row.params,
        **{key: value for key, value in options(row.point).items() if not key.startswith("accuracy_diff")},
        "abstained": row.abstained,
        "regret": options(row.regret),
        "vs_self_consistency": options(row.difference),
        "efficiency": [{"budget": b, **options(p)} for b, p in row.efficiency],
        **({} if row.decisions is None else {"decisions": [_decision(one) for one in row.decisions]}),
    }


def _decision(decision: QuestionDecision) -> dict[str, Any]:
    """Return a decision, with masses where they are known."""
    masses = ("certified", "masses", "unseen_mass")
    own = {key: value for key, value in asdict(decision).items() if key not in masses}
    return {**own, **mass_line(decision)}


def _tuned(tuned: TunedSetting) -> dict[str, Any]:
    difference = options(tuned.difference)
    del difference["p_value_holm"]  # one tuned setting alone is no family of tests
    return {"target": tuned.target, "params": tuned.params, **options(tuned.point), "vs_self_consistency": difference}


def _frontier(frontier: Frontier) -> dict[str, Any]:
    return {
        "name": frontier.name,
        "source": frontier.source,
        "sweep": [{"params": s.params, **options(s.point)} for s in frontier.sweep],
        "tuned_within": [{"max_samples": cap, **_tuned(t)} for cap, t in frontier.within],
        "tuned_cheapest": _tuned(frontier.cheapest),
    }
