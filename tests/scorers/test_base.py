"""The scorer protocol: every scorer fulfils it, a short one by the base class, a calibrated one by its inner scorer."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tts.engines.fake.engine import WATCHED, FakeEngine
from tts.scorers.asking import PTrue
from tts.scorers.base import BaseScorer, Calibrated, Scorer
from tts.scorers.consistency.self_consistency import SelfConsistency
from tts.scorers.controls import ConstantScorer, OracleScorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.watched import WatchedScorer
from tts.types import End, Problem, Sample, Signals, Trace

ONE = Problem("q", "what is it ?", "7")
SAMPLES = [Sample("a b", "7"), Sample("c", "8"), Sample("d", None), Sample("e", None, end=End.BOUNDARY)]


def scored(scorer: Scorer, problem: Problem = ONE, samples: list[Sample] = SAMPLES) -> Any:
    return asyncio.run(scorer.score(problem, samples, MeteredEngine(FakeEngine())))


@pytest.mark.parametrize(
    "scorer", [ConstantScorer(), OracleScorer(), Calibrated(ConstantScorer(), abs), WatchedScorer()]
)
def test_each_is_a_scorer_and_scores_no_samples(scorer: Any) -> None:
    assert isinstance(scorer, Scorer)
    values = scored(scorer, samples=[])
    assert (values.shape, values.dtype) == ((0,), np.float64)


def test_calibrated_maps_the_scores_of_another_and_needs_what_it_needs() -> None:
    scorer = Calibrated(WatchedScorer(), lambda raw: raw**2)
    assert scorer.needs == Signals(watch=(WATCHED,))
    samples = [Sample(trace=Trace(watched={WATCHED: (0.9, p)})) for p in (0.5, 0.1)]
    assert scored(scorer, samples=samples).tolist() == pytest.approx([0.25, 0.01])


def test_a_scorer_of_a_user_needs_a_name_and_a_score_only() -> None:
    class Shortest(BaseScorer):
        name = "shortest"

        async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
            return np.array([1 / (1 + len(s.text)) for s in samples])

    scorer = Shortest()
    assert isinstance(scorer, Scorer)
    assert (scorer.needs, scorer.judges_prefixes, scorer.uses_engine, dict(scorer.key)) == (Signals(), True, False, {})


def test_a_calibrated_scorer_has_the_attributes_of_its_inner_scorer() -> None:
    for inner in (PTrue(), SelfConsistency(), OracleScorer(), ConstantScorer(0.3)):
        outer = Calibrated(inner, abs)
        for name in ("name", "key", "needs", "judges_prefixes", "uses_engine", "compares_samples", "abstains"):
            assert getattr(outer, name) == getattr(inner, name)
