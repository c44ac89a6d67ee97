"""Tables of the FineCE experiment: strategies beside self-consistency at 16, paired by question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.finece_beams import Played
from evals.metrics.stats import bootstrap_interval, bootstrap_ratio_interval, bootstrap_weights
from evals.replay.outcome import Outcome

Floats = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of a table: the correctness and the tokens of a strategy, [questions, orders] or [questions, 1]."""

    name: str
    correct: NDArray[Any]
    tokens: Floats
    ended: float
    setting: str = ""


def row_of_replay(name: str, outcome: Outcome, setting: str = "") -> Row:
    """Return the line of a replay, its means over orders."""
    assert outcome.tokens is not None
    means = (outcome.correct / outcome.permutations)[:, None], (outcome.tokens / outcome.permutations)[:, None]
    return Row(name, *means, outcome.samples, setting)


def row_of(name: str, played: Played) -> Row:
    """Return the line of played beams."""
    return Row(name, played.correct, played.tokens, float(played.ended.mean()))


def print_header(say: Say) -> None:
    """Print the names of the columns."""
    say(f"{'strategy':36}{'accuracy':>9}{'difference':>22}{'ended':>8}{'tokens':>8}{'of all 16':>22}  setting")


def print_row(row: Row, whole: Row, say: Say) -> None:
    """Print a row with its accuracy and tokens relative to self-consistency at 16, paired by question."""
    correct, reference = row.correct.mean(1), whole.correct.mean(1)
    weights = bootstrap_weights(len(correct), 2000, 0)
    difference = correct - reference
    low, high = (100 * float(end) for end in bootstrap_interval(difference, weights))
    ratio = row.tokens.mean() / whole.tokens.mean()
    few, many = (float(end) for end in bootstrap_ratio_interval(row.tokens.mean(1), whole.tokens.mean(1), weights))
    shown = "" if row is whole else f"{100 * difference.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
    share = "" if row is whole else f"{ratio:.2f} [{few:.2f}, {many:.2f}]"
    say(
        f"{row.name:36}{correct.mean():9.4f}{shown:>22}{row.ended:8.2f}{row.tokens.mean():8.0f}{share:>22}  "
        f"{row.setting}"
    )


def print_difference(name: str, one: Row, other: Row, say: Say) -> None:
    """Print the difference of two accuracies, paired by question."""
    difference = one.correct.mean(1) - other.correct.mean(1)
    low, high = (
        100 * float(end) for end in bootstrap_interval(difference, bootstrap_weights(len(difference), 2000, 0))
    )
    say(f"  {name}: {100 * difference.mean():+.1f} [{low:+.1f}, {high:+.1f}] points")
