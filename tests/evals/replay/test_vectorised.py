"""Replays: the same decisions as the generators through the driver, on real and simulated pools."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.replay.traces import recorded_source
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import METHODS
from tests.evals.cases import REPLAYED, permutations, pool_of, real
from tests.support.examples import FULL, slowly
from tts.engines.replay import ReplayEngine
from tts.requirements import missing
from tts.runtime.driver import run_all


def through_the_driver(pool, arrays, strategy, orders):
    """Decisions of the generator path: {(question, permutation): (answer, draws, reason)}."""
    samples = {
        e.problem.id: [
            replace(s, answer=None if k < 0 else arrays.classes[q][k])
            for s, k in zip(e.samples, arrays.labels[q], strict=False)
        ]
        for q, e in enumerate(pool.entries)
    }
    problems, engine, found = [e.problem for e in pool.entries], ReplayEngine(samples), {}
    for p in range(orders.shape[1]):
        source = engine.permuted({e.problem.id: orders[q, p] for q, e in enumerate(pool.entries)})
        for q, result in enumerate(asyncio.run(run_all(strategy, problems, source))):
            found[q, p] = (result.decision.answer, len(result.decision.samples))
    return found


@pytest.mark.parametrize(
    "name",
    [
        "synthetic",
        *slowly("svamp_codex_pot30", "math-l5_claude_conf32", "gsm8k_csqa_claude_conf12"),
    ],
)
def test_both_paths_decide_alike_for_the_whole_catalogue(name):
    pool = synthetic_pool(questions=40 if FULL else 15, samples=12) if name == "synthetic" else real(name)
    pool = replace(pool, entries=pool.entries[:60])
    arrays = PoolArrays.of(pool)
    orders = permutations(arrays.sizes, count=3, draws=12, seed=5)
    source = recorded_source(pool)
    methods = [m for m in METHODS if m.scores == "recorded" and missing(m.requires, source) is None]
    candidates = [Candidate(m.build(12, m.example)) for m in methods]
    outcomes = decide(arrays, candidates, orders, scores={"recorded": arrays.confidence})
    for candidate, outcome in zip(candidates, outcomes, strict=True):
        for (q, p), (answer, used) in through_the_driver(pool, arrays, candidate.strategy, orders).items():
            assert outcome.used[q, p] == used, (candidate.strategy.name, q, p)
            assert outcome.abstained[q, p] == (answer is None)
            right = answer is not None and bool(arrays.class_correct[q, arrays.classes[q].index(answer)])
            assert outcome.correct[q, p] == right, (candidate.strategy.name, q, p)


def test_tokens_of_unused_draws_are_not_counted():
    pool = synthetic_pool(questions=5, samples=6)
    arrays = PoolArrays.of(pool)
    orders = permutations(arrays.sizes, count=4, draws=6, seed=0)
    first, full = decide(
        arrays,
        [Candidate(METHODS[0].build(6)), Candidate(METHODS[1].build(6))],
        orders,
        scores={"recorded": arrays.confidence},
    )
    one = np.take_along_axis(arrays.tokens, orders[:, :, 0].astype(int), axis=1)
    assert (first.tokens == one).all()
    assert full.tokens == pytest.approx(np.repeat(arrays.tokens.sum(axis=1)[:, None], 4, axis=1))


def test_questions_without_a_single_parsed_sample_abstain_and_are_wrong():
    arrays = PoolArrays.of(pool_of([None] * 4, ["1"] * 4))
    orders = permutations(arrays.sizes, count=2, draws=4, seed=0)
    read = ((m, m.requires.signals) for m in REPLAYED if not m.requires.confidence)
    methods = [m for m, signals in read if not signals.top and not signals.processed]
    scores = {"recorded": None, "oracle": arrays.sample_correct.astype(float), "random": np.full(orders.shape, 0.5)}
    for outcome in decide(arrays, [Candidate(m.build(4), m.scores) for m in methods], orders, scores=scores):
        assert outcome.abstained.tolist() == [[True, True], [False, False]]
        assert outcome.correct.tolist() == [[False, False], [True, True]]
