"""Reports of comparisons: a mapping for JSON and tables for people. The same inputs and seed give the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from evals.comparison.curves import Curve
from evals.comparison.difference import Difference
from evals.comparison.frontier import Frontier, TunedSetting
from evals.comparison.settings import Settings
from evals.comparison.table import ComparisonRow
from evals.report.tables import print_table
from strategies.catalog import Method

SHOWN = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def as_mapping(
    pool: Mapping[str, Any],
    settings: Settings,
    rows: Sequence[ComparisonRow],
    curves: Mapping[str, Curve],
    frontiers: Sequence[Frontier] | None,
    skipped: Mapping[str, str],
) -> dict[str, Any]:
    """Return all results of a comparison, ready for :func:`to_json`.

    Args:
        pool: {path, sha256, questions, samples_min, samples_max} and the merging of answers.
        settings: the settings of the comparison.
        rows: one a strategy.
        curves: exact estimators of the whole pool.
        frontiers: sweeps, or None without them.
        skipped: strategies left out, with the reason.
    """
    out: dict[str, Any] = {
        "pool": dict(pool),
        "budget": settings.budget,
        "permutations": settings.permutations,
        "seed": settings.seed,
        "calibrate": settings.calibrate,
        "margin": settings.margin,
        "bootstrap_replicates": settings.replicates,
        "strategies": [_row(row) for row in rows],
        "skipped": dict(skipped),
        "curves": {name: {str(k): v for k, v in curve.items()} for name, curve in curves.items()},
    }
    if frontiers is not None:
        out["frontier"] = [_frontier(f) for f in frontiers]
    return out


def to_json(mapping: Mapping[str, Any]) -> str:
    """Return indented JSON with floats to ten digits, so that the same result has the same bytes."""
    return json.dumps(_plain(mapping), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain({"name": _name(value), **_options(value)})
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.10g}") if abs(value) < float("inf") else str(value)
    return value


def _name(component: Any) -> str:
    """Return the name of a weighting or a rule in configurations."""
    return str(component.name)


def _options(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _row(row: ComparisonRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "source": row.source,
        "params": row.params,
        **_options(row.point),
        "abstained": row.abstained,
        "regret": _options(row.regret),
        "vs_self_consistency": _options(row.difference),
        "efficiency": [{"budget": b, **_options(p)} for b, p in row.efficiency],
    }


def _tuned(tuned: TunedSetting) -> dict[str, Any]:
    difference = _options(tuned.difference)
    del difference["p_value_holm"]  # one tuned setting alone is no family of tests
    return {"target": tuned.target, "params": tuned.params, **_options(tuned.point), "vs_self_consistency": difference}


def _frontier(frontier: Frontier) -> dict[str, Any]:
    return {
        "name": frontier.name,
        "source": frontier.source,
        "sweep": [{"params": s.params, **_options(s.point)} for s in frontier.sweep],
        "tuned_within": [{"max_samples": cap, **_tuned(t)} for cap, t in frontier.within],
        "tuned_cheapest": _tuned(frontier.cheapest),
    }


def describe(value: Any) -> str:
    """Return a parameter as text: short numbers, components as ``name(option=value)``, two folds as ``a | b``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{_name(value)}({_params(_options(value))})"
    if isinstance(value, Mapping):
        return f"{value.get('name')}({_params({k: v for k, v in value.items() if k != 'name'})})"
    if isinstance(value, list):
        return " | ".join(describe(v) for v in value)
    if isinstance(value, tuple):
        return " or ".join(describe(v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _params(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={describe(v)}" for k, v in params.items())


def print_rows(console: Console, rows: Sequence[ComparisonRow], settings: Settings) -> None:
    """Print the table, one line a strategy; a narrow terminal shows no intervals."""
    styles = {"better": "green", "not worse": "green", "worse": "red", "reference": "bold"}
    lines = [(_cells(row), styles.get(row.difference.verdict)) for row in rows]
    columns = list(lines[0][0])
    if all(row.point.tokens is None for row in rows):
        columns.remove("tokens")
    spare = ("tokens", "p", "95 % interval\tdiff", "95 % interval")
    print_table(console, columns, lines, left=("strategy", "verdict"), spare=spare)
    console.print()
    console.print(
        f"diff: accuracy minus that of self_consistency at budget {settings.budget}, in points, paired. "
        f"verdict: better = its interval is above 0; not worse = above -{100 * settings.margin:g} points; "
        "worse = below 0; open = the data do not tell. "
        "p: of no difference, from the bootstrap of that interval; "
        "* = below .05 after Holm over all strategies.",
        style="dim",
    )
    fitted = {row.name: _params(row.params) for row in rows if row.params}
    if fitted:
        console.print(
            "parameters (a | b: fitted on one half of the questions, scored on the other, both ways):", style="dim"
        )
        for name, text in fitted.items():
            console.print(f"  {name}: {text}", style="dim")


def _cells(row: ComparisonRow) -> dict[str, str]:
    difference = row.difference
    reference = difference.verdict == "reference"
    return {
        "strategy": row.name,
        "accuracy": f"{row.point.accuracy:.4f}",
        "95 % interval": _interval(row.point.accuracy_ci),
        "samples": f"{row.point.samples:.2f}",
        "tokens": "-" if row.point.tokens is None else f"{row.point.tokens:.0f}",
        "diff": "" if reference else _points(difference.accuracy_diff),
        "95 % interval\tdiff": "" if reference else _points_interval(difference),
        "p": "" if reference else f"{difference.p_value:.3f}{'*' if difference.p_value_holm < 0.05 else ' '}",
        "saved": "" if reference else f"{100 * (1 - difference.samples_ratio):.1f} %",
        "verdict": difference.verdict,
    }


def print_regret(console: Console, rows: Sequence[ComparisonRow]) -> None:
    """Print the wrong decisions of each strategy by cause, in points."""
    columns = ("strategy", "wrong", "unsolved", "not selected", "stopped early", "gained")
    lines: list[tuple[Mapping[str, str], str | None]] = []
    for row in rows:
        parts = (1.0 - row.point.accuracy, *_options(row.regret).values())
        cells = (row.name, *("-" if part is None else f"{100 * part:.2f}" for part in parts))
        lines.append((dict(zip(columns, cells, strict=True)), None))
    print_table(console, columns, lines, left=("strategy",), title="regret, in points of accuracy")
    console.print()
    console.print(
        "wrong = unsolved (no sample within the budget is right) + not selected (a sample is right, and the decision "
        "is wrong without stopping too) + stopped early (right without stopping). gained: right, and wrong without "
        "stopping. -: unknown; unsolved then counts the samples used.",
        style="dim",
    )


def print_curves(console: Console, curves: Mapping[str, Curve]) -> None:
    """Print the exact curves at round k; a narrow terminal shows powers of two only."""
    last = max(curves["maj"])
    ks = [k for k in SHOWN if k < last] + [last]
    lines: list[tuple[Mapping[str, str], str | None]] = [
        ({"k": label, **{str(k): f"{curves[name][k]:.4f}" for k in ks}}, None)
        for name, label in (("maj", "maj@k"), ("pass", "pass@k"), ("best_of", "best-of-k"))
        if name in curves
    ]
    spare = [str(k) for k in ks[:-1] if k & (k - 1)]
    print_table(console, ["k", *map(str, ks)], lines, left=("k",), spare=spare, title="exact curves")


def print_frontiers(console: Console, frontiers: Sequence[Frontier]) -> None:
    """Print the tuned setting of each rule: the cheapest one not inferior to self-consistency, cross-fitted."""
    columns = ("strategy", "accuracy", "samples", "diff, points", "95 % interval", "saved", "verdict", "setting")
    lines: list[tuple[Mapping[str, str], str | None]] = []
    for frontier in sorted(frontiers, key=lambda f: f.cheapest.point.samples):
        tuned, difference = frontier.cheapest, frontier.cheapest.difference
        swept = {key for setting in frontier.sweep for key in setting.params}
        cells = (
            frontier.name,
            f"{tuned.point.accuracy:.4f}",
            f"{tuned.point.samples:.2f}",
            _points(difference.accuracy_diff),
            _points_interval(difference),
            f"{100 * (1 - difference.samples_ratio):.1f} %",
            difference.verdict,
            _params({k: v for k, v in tuned.params.items() if k in swept}),
        )
        lines.append((dict(zip(columns, cells, strict=True)), None))
    if not lines:
        console.print("tuned: none of these strategies has a parameter to sweep", style="dim")
        return
    print_table(
        console,
        columns,
        lines,
        left=("strategy", "verdict", "setting"),
        folding=("setting",),
        spare=("95 % interval", "accuracy"),
        title="tuned: the cheapest setting not inferior on one half, scored on the other",
    )


def print_catalogue(console: Console, methods: Sequence[Method]) -> None:
    """Print every strategy with its source, a summary and its defaults."""
    columns = ("strategy", "source", "what it does", "defaults")
    lines = [(dict(zip(columns, (m.name, m.source, m.summary, _params(m.params)), strict=True)), None) for m in methods]
    print_table(console, columns, lines, left=columns, folding=columns[1:])


def _points(fraction: float) -> str:
    return f"{round(100 * fraction, 2) + 0.0:+.2f}"  # never -0.00


def _points_interval(difference: Difference) -> str:
    low, high = difference.accuracy_diff_ci
    return f"[{_points(low)}, {_points(high)}]"


def _interval(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
