"""RPC prunes as the published code does, and falls back to perplexity consistency."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import gamma

from strategies.catalog import CATALOG
from strategies.mass import rpc
from strategies.mass.rpc import RPC, fit_mixture, pruned_paths
from tests.strategies.mass.cases import play, text
from tts.errors import InputError
from tts.strategy import TimeUp
from tts.types import Problem

PATHS = [0.001, 0.002, 0.003, 0.004, 0.01, 0.02, 0.15, 0.18, 0.19, 0.2]


def pdf(x: Any, k: float, lam: float) -> Any:
    return (k / lam) * (x / lam) ** (k - 1) * np.exp(-((x / lam) ** k))


def published(probas: list[float]) -> list[bool]:
    """Return which paths the published ``compute_rpc.py`` keeps, in its own words."""

    def neg_log_likelihood(params: Any, data: Any) -> Any:
        w1, k1, lam1, k2, lam2 = params
        return -np.sum(np.log(w1 * pdf(data, k1, lam1) + (1 - w1) * pdf(data, k2, lam2)))

    result = minimize(
        neg_log_likelihood,
        [0.5, 1.0, 1.0, 1.5, 2.0],
        args=(np.array(probas),),
        bounds=[(0.2, 0.8), (0.01, None), (0.01, None), (0.01, None), (0.01, None)],
    )
    w1, k1, lam1, k2, lam2 = result.x
    if lam1 * gamma(1 + 1 / k1) < lam2 * gamma(1 + 1 / k2):
        k1, lam1, k2, lam2, w1 = k2, lam2, k1, lam1, 1 - w1
    kept = []
    for proba in probas:
        p1 = w1 * pdf(proba, k1, lam1) / (w1 * pdf(proba, k1, lam1) + (1 - w1) * pdf(proba, k2, lam2))
        kept.append(not (p1 < 1 - p1 and proba < np.mean(probas)))
    return kept


def test_the_pruned_paths_are_those_of_the_published_code() -> None:
    assert published(PATHS) == [False] * 6 + [True] * 4
    assert pruned_paths(tuple(PATHS)) == {0.001, 0.002, 0.003, 0.004, 0.01, 0.02}
    rng = np.random.default_rng(5)
    for _ in range(3):
        paths = sorted(rng.dirichlet(np.full(12, 0.5)).clip(1e-6, None).tolist())
        kept = published(paths)
        assert pruned_paths(tuple(paths)) == {path for path, one in zip(paths, kept, strict=True) if not one}


def test_improbable_paths_have_no_vote() -> None:
    draws = [text(1, "a", 0.2), text(2, "b", 0.18), text(3, "a", 0.004)]
    draws += [text(4 + i, "b", p) for i, p in enumerate([0.02, 0.01, 0.003])]
    draws += [text(20, "c", 0.15), text(1, "a", 0.2), text(21, None, 0.001), text(22, None, 0.19), text(23, "a", 0.002)]
    assert play(CATALOG["perplexity_consistency"].build(11), draws).answer == "b"
    decision = play(CATALOG["rpc"].build(11), draws)
    assert decision.answer == "a" and decision.vote_share == pytest.approx(0.2 / 0.53)
    assert decision.masses is not None and decision.masses["b"] == pytest.approx(0.213), "masses are those seen"


def test_too_few_distinct_paths_and_a_failed_fit_prune_nothing() -> None:
    assert fit_mixture((0.001, 0.01, 0.1, 0.3)) is None and pruned_paths((0.001, 0.01, 0.1, 0.3)) == frozenset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpc, "fit_mixture", lambda probabilities: None)
        pruned_paths.cache_clear()
        assert pruned_paths(tuple(PATHS)) == frozenset()
    pruned_paths.cache_clear()
    tiny = (1e-320, 1e-310, 1e-300, 1e-200, 1e-100, 1e-90, 1e-80, 1e-70, 1e-60, 0.1)
    assert 0.1 not in pruned_paths(tiny), "the most probable text is never pruned"


def test_without_probabilities_it_returns_the_first_answer_and_without_samples_none() -> None:
    decision = play(RPC("rpc", 2), [text(1, "a", None), text(2, "b", None)])
    assert (decision.answer, decision.vote_share, decision.masses) == ("a", None, None)
    steps = RPC("rpc", 2).run(Problem("p", "?"))
    next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.throw(TimeUp(()))
    assert (stop.value.value.answer, stop.value.value.reason) == (None, "time_limit")
    with pytest.raises(InputError, match="budget >= 1, got 0"):
        RPC("rpc", 0)
