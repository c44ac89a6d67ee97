"""Live runs against self-consistency: the differences are those of the decisions, question by question."""

from __future__ import annotations

import pytest

from evals.live.paired import played_differences
from evals.live.plan import PlannedStrategy
from evals.live.runner import Played
from strategies.catalog import CATALOG
from tts.runtime.driver import Result
from tts.types import Decision, Problem, Sample, Usage


def played(name: str, right: list[bool], samples: int, tokens: int | None) -> Played:
    method = CATALOG[name]
    usage = None if tokens is None else Usage(delivered=tokens)
    decision = Decision("1", (Sample(answer="1"),) * samples, "budget", usage=usage)
    results = [Result(Problem(f"q{i}", "?", "1"), decision) for i in range(len(right))]
    return Played(PlannedStrategy(method, {}, method.build(4)), results, right)


def test_differences_pair_the_decisions_by_question() -> None:
    base = played("self_consistency", [True] * 30 + [False] * 30, 4, 100)
    better = played("esc", [True] * 45 + [False] * 15, 2, 50)
    of_esc, of_itself = played_differences([better, base], margin=0.005, seed=0)
    assert of_esc is not None and of_itself is not None
    assert (of_esc.accuracy_diff, of_esc.differing, of_esc.verdict) == (0.25, 15, "better")
    assert of_esc.accuracy_diff_ci == pytest.approx((0.15, 0.3667), abs=0.02)
    assert (of_esc.samples_ratio, of_esc.tokens_ratio) == (0.5, 0.5)
    assert (of_itself.verdict, of_itself.accuracy_diff) == ("reference", 0.0)


def test_without_tokens_or_self_consistency_nothing_is_compared() -> None:
    base, esc = played("self_consistency", [True] * 40, 4, None), played("esc", [True] * 40, 2, None)
    assert [d and d.tokens_ratio for d in played_differences([base, esc], margin=0.005, seed=0)] == [None, None]
    assert played_differences([esc], margin=0.005, seed=0) == [None]
