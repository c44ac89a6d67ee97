"""Two runs side by side, paired by question: the questions that one gets right and the other does not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binomtest

from evals.metrics.percentile import percentile_interval
from evals.metrics.stats import bootstrap_weights
from evals.report.comparison import plain
from evals.report_page.document import RunReport

REPLICATES = 2000
"""Bootstrap replicates behind the interval of a difference."""


def pairs_of(reports: Sequence[RunReport]) -> list[dict[str, Any]]:
    """Return each pair of runs with the same questions, ready for JSON.

    Questions that both runs show are paired by id where their texts are equal; decisions are those in the order drawn.

    Args:
        reports: the runs.

    Returns:
        One mapping a pair that shares a question: the places of the runs, the pairs of places of questions, and for
        each strategy of both the numbers of questions that both, one or none get right, the difference of the
        accuracies with its 95 % interval over questions, and McNemar's exact p-value.
    """
    found = []
    for first, second in combinations(range(len(reports)), 2):
        matches = _matches(reports[first], reports[second])
        if matches:
            rows = _rows(reports[first], reports[second], matches)
            found.append({"first": first, "second": second, "matches": matches, "strategies": rows})
    return plain(found)  # type: ignore[no-any-return]


def _matches(first: RunReport, second: RunReport) -> list[tuple[int, int]]:
    places = {(q["id"], q["question"]): at for at, q in enumerate(second.questions)}
    both = ((at, places.get((q["id"], q["question"]))) for at, q in enumerate(first.questions))
    return [(at, other) for at, other in both if other is not None]


def _rows(first: RunReport, second: RunReport, matches: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    names, others = _names(first), _names(second)
    weights = bootstrap_weights(len(matches), REPLICATES, 0)
    rows = []
    for name in names:
        if name not in others:
            continue
        mine, its = names.index(name), others.index(name)
        right = np.array([first.questions[a]["decisions"][mine]["right"] for a, _ in matches], dtype=bool)
        after = np.array([second.questions[b]["decisions"][its]["right"] for _, b in matches], dtype=bool)
        low, high = percentile_interval((weights @ (after.astype(float) - right))[:, None])
        lost, won = int((right & ~after).sum()), int((~right & after).sum())
        rows.append(
            {
                "name": name,
                "both": int((right & after).sum()),
                "first_only": lost,
                "second_only": won,
                "neither": int((~right & ~after).sum()),
                "difference": (won - lost) / len(matches),
                "difference_ci": (float(low[0]), float(high[0])),
                "p_value": float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
            }
        )
    return rows


def _names(report: RunReport) -> list[str]:
    comparison = report.summary["comparison"]
    return [] if comparison is None else [row["name"] for row in comparison["strategies"]]
