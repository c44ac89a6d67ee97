"""Beams on an engine: every scorer of prefixes guides them, a good one helps, and look-ahead changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from strategies.beam import PrunedBeams
from strategies.pruning import (
    NoPruning,
    Pruner,
    Resample,
    Threshold,
    TopK,
)
from strategies.weighting import Uniform
from tests.strategies.beams.cases import (
    ONE,
)
from tests.strategies.cases import sizes
from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import UnsupportedError
from tts.runtime.driver import Options, run_all
from tts.scorers.asking import PTrue, Verbalised
from tts.scorers.base import BaseScorer, Calibrated
from tts.scorers.consistency.self_consistency import SelfConsistency
from tts.scorers.controls import ConstantScorer, OracleScorer, RandomScorer
from tts.scorers.watched import WatchedScorer
from tts.types import (
    END,
    STEP,
    STEP_BELOW,
    TOKENS,
    Decision,
    End,
    Sample,
)


def live(
    strategy: PrunedBeams, *, scorer: Any, lookahead: int = 0, skill: float = 0.9, count: int = 3
) -> list[Decision]:
    engine = FakeEngine(seed=4, skill=skill)
    options = Options(lookahead=lookahead, backoff_s=0.0)
    work = run_all(strategy, engine.problems(count), engine, extract=extract, scorer=scorer, options=options)
    return [r.decision for r in asyncio.run(work)]


@pytest.mark.parametrize("until", [STEP, TOKENS(3), STEP_BELOW(0.9), END])
@pytest.mark.parametrize("scorer", [WatchedScorer(), ConstantScorer(), RandomScorer()])
@pytest.mark.parametrize("pruner", [TopK(2), Threshold(0.4), Resample(0.2)])
def test_live_beams_finish_with_any_scorer_and_look_ahead_changes_nothing(until: Any, scorer: Any, pruner: Any) -> None:
    strategy = PrunedBeams(width=4, budget=6, pruner=pruner, until=until, weighting=Uniform())
    if until.kind == "step_below" and not isinstance(scorer, WatchedScorer):
        scorer = Watching(scorer)
    decisions = live(strategy, scorer=scorer)
    for decision in decisions:
        whole = [s for s in decision.samples if s.end is not End.BOUNDARY]
        assert len(whole) == 6
        assert decision.answer in {s.answer for s in whole}
        assert decision.reason == "budget"
    assert decisions == live(strategy, scorer=scorer, lookahead=3)


class Watching(BaseScorer):
    """Another scorer that has the watched token recorded."""

    needs = WatchedScorer().needs

    def __init__(self, scorer: Any) -> None:
        self.score = scorer.score


@pytest.mark.slow
@sizes(quick=30, full=100)
def test_a_good_scorer_helps_beams_and_a_meaningless_one_does_not(examples: int) -> None:
    engine = FakeEngine()
    golds = [p.gold for p in engine.problems(examples)]

    def right(scorer: Any, pruner: Pruner) -> int:
        strategy = PrunedBeams(width=4, pruner=pruner, weighting=Uniform())
        decisions = live(strategy, scorer=scorer, skill=0.6, count=examples)
        return sum(d.answer == g for d, g in zip(decisions, golds, strict=True))

    guided = {name: right(WatchedScorer(), p) for name, p in (("top", TopK(2)), ("particles", Resample(0.1)))}
    controls = {
        "random": right(RandomScorer(), TopK(2)),
        "constant": right(ConstantScorer(), TopK(2)),
        "no pruning": right(WatchedScorer(), NoPruning()),
    }
    # fixed seed: of 100, guided 77 and 84, controls from 10 to 20; the standard deviation of each is at most 5
    assert min(guided.values()) > max(controls.values()) + 0.3 * examples


def test_the_random_control_is_decided_by_its_seed_and_spread_over_the_unit_interval() -> None:
    samples = [Sample(f"text {k}", index=k % 7) for k in range(2000)]

    def scores(scorer: Any) -> Any:
        return asyncio.run(scorer.score(ONE, samples, None))

    found = scores(RandomScorer())
    assert np.array_equal(found, scores(RandomScorer(seed=0)))
    assert not np.array_equal(found, scores(RandomScorer(seed=1)))
    assert 0.0 <= found.min() < found.max() < 1.0
    # Kolmogorov-Smirnov, false alarm below 1e-6 at 2.7 / sqrt(n)
    assert np.abs(np.sort(found) - np.arange(2000) / 2000).max() < 2.7 / 2000**0.5


@pytest.mark.parametrize("scorer", [OracleScorer(), PTrue(), Verbalised(), SelfConsistency()])
def test_a_scorer_of_whole_samples_is_refused_in_one_sentence(scorer: Any) -> None:
    for judge in (scorer, Calibrated(scorer, lambda x: x)):
        with pytest.raises(UnsupportedError) as caught:
            live(PrunedBeams(), scorer=judge)
        assert str(caught.value) == (
            f"strategy pruned_beams with scorer {scorer.name} needs confidences of partial samples, and the scorer "
            "judges whole samples only: give a scorer of prefixes, such as grace or mean_logprob"
        )
