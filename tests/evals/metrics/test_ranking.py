"""Ranking metrics equal their definitions, ties and undefined cases included."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from evals.metrics import ranking
from evals.metrics.counts import Counts
from tests.evals.metrics.cases import cases, samples_of, value
from tests.support.examples import examples


def test_within_question_auroc_ignores_pairs_across_questions() -> None:
    p, y = [0.9, 0.8, 0.3, 0.3, 0.2, 0.5], [1, 0, 1, 0, 0, 1]
    # question a: 0.9 beats 0.8; b: 0.3 ties 0.3 and beats 0.2; c has no wrong sample
    assert value("within_question_auroc", p, y, list("aabbbc")) == pytest.approx(2.5 / 3)
    assert math.isnan(value("within_question_auroc", p, y, range(6)))


def test_undefined_is_nan_and_never_one_half() -> None:
    for y in ([1, 1], [0, 0]):
        assert math.isnan(value("auroc", [0.2, 0.7], y))
        assert math.isnan(value("within_question_auroc", [0.2, 0.7], y, [0, 0]))
    assert math.isnan(value("auprc", [0.2, 0.7], [0, 0]))
    assert value("auprc", [0.2, 0.7], [1, 1]) == 1.0


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_auroc_is_the_mann_whitney_statistic(case) -> None:
    p, y, _ = case
    if y.all() or not y.any():
        assert math.isnan(value("auroc", p, y))
    else:
        expected = mannwhitneyu(p[y], p[~y]).statistic / (y.sum() * (~y).sum())
        assert value("auroc", p, y) == pytest.approx(expected)


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_within_question_auroc_counts_pairs(case) -> None:
    p, y, q = case
    pairs = [(a, b) for a in range(len(p)) for b in range(len(p)) if q[a] == q[b] and y[a] and not y[b]]
    found = value("within_question_auroc", p, y, q)
    if not pairs:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.mean([(p[a] > p[b]) + (p[a] == p[b]) / 2 for a, b in pairs]))


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_auprc_is_precision_weighted_by_new_recall(case) -> None:
    p, y, _ = case
    if y.any():
        steps = sorted(set(p), reverse=True)
        expected = sum(np.sum(y & (p == t)) / y.sum() * y[p >= t].mean() for t in steps)
        assert value("auprc", p, y) == pytest.approx(expected)


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
def test_aurc_and_selective_accuracy_average_over_the_orders_of_ties(samples) -> None:
    n = len(samples)
    orders = [o for o in permutations(samples) if all(a[0] >= b[0] for a, b in pairwise(o))]
    risk = np.mean([[np.mean([not y for _, y in o[:k]]) for k in range(1, n + 1)] for o in orders], axis=0)
    p, y = zip(*samples, strict=True)
    assert value("aurc", p, y) == pytest.approx(risk.mean())
    found = ranking.selective_accuracy(Counts.of(samples_of(p, y)), np.arange(1, n + 1) / n)[0]
    assert found == pytest.approx(1 - risk)


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_the_oracles_ranking_has_the_least_aurc(case) -> None:
    p, y, q = case
    n, right = len(y), int(y.sum())
    best = sum((k - right) / k for k in range(right + 1, n + 1)) / n
    assert value("aurc", y.astype(float), y) == pytest.approx(best)
    assert value(ranking.optimal_aurc, p, y, q) == pytest.approx(best)
    assert best - 1e-12 <= value("aurc", p, y) <= 1
    assert value("aurc", np.full(n, 0.3), y) == pytest.approx(1 - y.mean())
