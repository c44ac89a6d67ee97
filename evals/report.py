"""Reports: the comparison as a mapping for JSON and as a table for people. Same inputs and seed give the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from evals.compare import Point, Row, Settings
from evals.curves import Curve
from evals.frontier import Frontier, Tuned

SHOWN = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def as_mapping(
    pool: Mapping[str, Any],
    settings: Settings,
    rows: Sequence[Row],
    curves: Mapping[str, Curve],
    frontiers: Sequence[Frontier] | None,
    skipped: Mapping[str, str],
) -> dict[str, Any]:
    """Everything the comparison found, ready for JSON.

    Args:
        pool: {path, sha256, questions, samples_min, samples_max} and how answers were merged.
        settings: how it was compared.
        rows: one a strategy.
        curves: exact estimators of the whole pool.
        frontiers: sweeps, or None where they were not asked for.
        skipped: strategies left out, and why.
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
    """Indented JSON with floats to ten digits, so that the same result has the same bytes."""
    return json.dumps(_plain(mapping), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return describe(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.10g}") if abs(value) < float("inf") else str(value)
    return value


def _point(point: Point) -> dict[str, Any]:
    return {f.name: getattr(point, f.name) for f in dataclasses.fields(point)}


def _comparison(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "accuracy_diff": values["diff"],
        "accuracy_diff_ci": values["diff_ci"],
        "mcnemar_p": values["mcnemar_p"],
        "mcnemar_p_holm": values["mcnemar_p_holm"],
        "samples_ratio": values["samples_ratio"],
        "samples_ratio_ci": values["ratio_ci"],
        "verdict": values["verdict"],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "source": row.source,
        "params": row.params,
        **_point(row.point),
        "abstained": row.abstained,
        "vs_self_consistency": _comparison(vars(row)),
        "efficiency": [{"budget": b, **_point(p)} for b, p in row.efficiency],
    }


def _tuned(tuned: Tuned) -> dict[str, Any]:
    comparison = _comparison({"mcnemar_p_holm": None, **tuned.comparison})
    del comparison["mcnemar_p_holm"]  # one tuned pick alone is no family of tests
    return {"target": tuned.target, "params": tuned.params, **_point(tuned.point), "vs_self_consistency": comparison}


def _frontier(frontier: Frontier) -> dict[str, Any]:
    return {
        "name": frontier.name,
        "source": frontier.source,
        "sweep": [{"params": s.params, **_point(s.point)} for s in frontier.sweep],
        "tuned_within": [{"max_samples": cap, **_tuned(t)} for cap, t in frontier.within],
        "tuned_cheapest": _tuned(frontier.cheapest),
    }


def describe(value: Any) -> str:
    """A parameter for people: numbers short, components as ``name(option=value)``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        options = ", ".join(f"{f.name}={describe(getattr(value, f.name))}" for f in dataclasses.fields(value))
        return f"{type(value).__name__.lower()}({options})"
    if isinstance(value, list):
        return " | ".join(describe(v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _params(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={describe(v)}" for k, v in params.items())


def print_rows(console: Console, rows: Sequence[Row], settings: Settings) -> None:
    """The table, one line a strategy; a narrow terminal gets it without intervals."""
    wide = console.width >= 116
    cells = [_cells(row) for row in rows]
    drop = set() if any(row.point.tokens is not None for row in rows) else {"tokens"}
    if not wide:
        drop |= {"95 % interval", "diff interval", "p", "tokens"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    shown = [column for column in cells[0] if column not in drop]
    for column in shown:
        left = column in ("strategy", "verdict")
        table.add_column(
            column.replace("diff interval", "95 % interval"), justify="left" if left else "right", no_wrap=True
        )
    for row, line in zip(rows, cells, strict=True):
        style = {"better": "green", "not worse": "green", "worse": "red", "reference": "bold"}.get(row.verdict)
        table.add_row(*(line[column] for column in shown), style=style)
    console.print(table)
    console.print(
        f"diff: accuracy minus that of self_consistency at {settings.budget} samples, in points, paired. "
        f"verdict: better = its interval is above 0; not worse = above -{100 * settings.margin:g} points; "
        "worse = below 0; open = the data do not tell. "
        f"p: exact McNemar on the first of {settings.permutations} permutations, after Holm over all strategies.",
        style="dim",
        highlight=False,
    )
    fitted = {row.name: _params(row.params) for row in rows if row.params}
    if fitted:
        console.print(
            "parameters (a | b: fitted on one half of the questions, scored on the other, both ways):", style="dim"
        )
        for name, text in fitted.items():
            console.print(f"  {name}: {text}", style="dim", highlight=False)


def _cells(row: Row) -> dict[str, str]:
    reference = row.verdict == "reference"
    return {
        "strategy": row.name,
        "accuracy": f"{row.point.accuracy:.4f}",
        "95 % interval": _interval(row.point.accuracy_ci),
        "samples": f"{row.point.samples:.2f}",
        "tokens": "-" if row.point.tokens is None else f"{row.point.tokens:.0f}",
        "diff": "" if reference else f"{100 * row.diff:+.2f}",
        "diff interval": "" if reference else f"[{100 * row.diff_ci[0]:+.2f}, {100 * row.diff_ci[1]:+.2f}]",
        "p": "" if reference else f"{row.mcnemar_p_holm:.3f}",
        "saved": "" if reference else f"{100 * (1 - row.samples_ratio):.1f} %",
        "verdict": row.verdict,
    }


def print_curves(console: Console, curves: Mapping[str, Curve]) -> None:
    """The exact curves at round k."""
    ks = [k for k in SHOWN if k in curves["maj"]]
    last = max(curves["maj"])
    ks += [last] if last not in ks else []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title="exact curves", title_justify="left")
    table.add_column("k", justify="left", no_wrap=True)
    for k in ks:
        table.add_column(str(k), justify="right", no_wrap=True)
    for name, label in (("maj", "maj@k"), ("pass", "pass@k"), ("best_of", "best-of-k")):
        if name in curves:
            table.add_row(label, *(f"{curves[name][k]:.4f}" for k in ks))
    console.print(table)


def print_frontiers(console: Console, frontiers: Sequence[Frontier]) -> None:
    """What tuning makes of each rule: the cheapest setting not inferior to self-consistency, cross-fitted."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        title="tuned: the cheapest setting not inferior on one half, scored on the other",
        title_justify="left",
    )
    for column in ("strategy", "accuracy", "samples", "diff, points", "95 % interval", "saved", "verdict", "setting"):
        right = column not in ("strategy", "setting", "verdict")
        table.add_column(column, justify="right" if right else "left", no_wrap=column != "setting")
    for frontier in sorted(frontiers, key=lambda f: f.cheapest.point.samples):
        tuned, c = frontier.cheapest, frontier.cheapest.comparison
        table.add_row(
            frontier.name,
            f"{tuned.point.accuracy:.4f}",
            f"{tuned.point.samples:.2f}",
            f"{100 * c['diff']:+.2f}",
            f"[{100 * c['diff_ci'][0]:+.2f}, {100 * c['diff_ci'][1]:+.2f}]",
            f"{100 * (1 - c['samples_ratio']):.1f} %",
            c["verdict"],
            _params({k: v for k, v in tuned.params.items() if k in _swept(frontier)}),
        )
    console.print(table)


def _swept(frontier: Frontier) -> set[str]:
    return {key for setting in frontier.sweep for key in setting.params}


def _interval(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
