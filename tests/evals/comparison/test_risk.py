"""Risk control: exact tails, a fixed sequence that ends at the first failure, and a promise kept in simulation."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import comb, e, exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as matrices
from scipy.stats import binom

from evals.comparison.fit import choose, controlled, scores_for
from evals.comparison.risk import binomial_p, hoeffding_bentkus_p, learn_then_test, regrets, risk_p_values
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.outcome import Outcome
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG
from strategies.method import Method
from strategies.stopping import Confident, Unanimous
from strategies.vote import Vote
from tests.evals.cases import permutations, pool_of
from tts.errors import InputError

LTT = CATALOG["grace_es_ltt"]


def tail(k, n, alpha):
    return sum(comb(n, i) * alpha**i * (1 - alpha) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.5), (12, 0.1), (150, 0.02)])
def test_the_binomial_p_value_is_the_binomial_tail(n, alpha):
    for k in range(n + 1):
        assert binomial_p(k / n, n, alpha) == pytest.approx(tail(k, n, alpha))


def test_the_hoeffding_bentkus_p_value_is_the_published_formula():
    n, alpha = 40, 0.1
    for mean in (0.0, 0.013, 0.025, 0.05, 0.0999, 0.1, 0.3, 1.0):
        a = min(mean, alpha)
        entropy = (a * log(a / alpha) if a else 0.0) + (1 - a) * log((1 - a) / (1 - alpha))
        expected = min(1.0, exp(-n * entropy), e * tail(int(np.ceil(round(n * mean, 9))), n, alpha))
        assert hoeffding_bentkus_p(mean, n, alpha) == pytest.approx(expected)


@pytest.mark.parametrize("bound", ["binomial", "hoeffding_bentkus"])
def test_p_values_of_zero_one_losses_are_valid_exactly(bound):
    """At the boundary, a risk of exactly alpha: P(p <= u) <= u for every u, by the distribution of the sum."""
    n, alpha = 25, 0.12
    p = np.array([risk_p_values(np.arange(n)[:, None] < k, alpha, bound=bound)[0] for k in range(n + 1)])
    mass = np.array([comb(n, k) * alpha**k * (1 - alpha) ** (n - k) for k in range(n + 1)])
    assert all(mass[p <= u].sum() <= u + 1e-12 for u in p)
    if bound == "binomial":
        assert mass[p <= p[3]].sum() == pytest.approx(p[3]), "and nothing is given away"


def test_hoeffding_bentkus_is_valid_for_losses_between_zero_and_one_exactly():
    """Losses 0, 1/2, 1 with mean alpha; all outcomes of 9 questions, by the multinomial distribution."""
    n = 9
    for half, one in ((0.2, 0.0), (0.1, 0.05), (0.3, 0.1)):
        alpha = half / 2 + one
        p, mass = [], []
        for a, b in itertools.product(range(n + 1), repeat=2):
            if a + b <= n:
                p.append(float(hoeffding_bentkus_p((a / 2 + b) / n, n, alpha)))
                ways = comb(n, a) * comb(n - a, b)
                mass.append(ways * half**a * one**b * (1 - half - one) ** (n - a - b))
        assert sum(mass) == pytest.approx(1.0)
        for u in p:
            assert sum(m for m, q in zip(mass, p, strict=True) if q <= u) <= u + 1e-12


@given(
    matrices(np.int8, st.tuples(st.integers(1, 30), st.integers(1, 6)), elements=st.integers(0, 1)),
    st.floats(0.05, 0.9),
    st.floats(0.01, 0.9),
)
def test_settings_are_accepted_one_after_the_other_until_the_first_that_fails(losses, alpha, delta):
    expected = None
    for j, column in enumerate(losses.T):
        if tail(int(column.sum()), len(column), alpha) > delta + 1e-12:
            break
        expected = j
    assert learn_then_test(losses, alpha=alpha, delta=delta) == expected


def test_a_good_setting_behind_a_bad_one_is_not_reached():
    losses = np.zeros((100, 3))
    losses[:50, 1] = 1
    assert learn_then_test(losses, alpha=0.1, delta=0.1) == 0
    assert learn_then_test(losses[:, ::2], alpha=0.1, delta=0.1) == 1
    assert learn_then_test(losses[:, 1:], alpha=0.1, delta=0.1) is None


def test_without_a_loss_as_many_questions_are_needed_as_the_levels_ask_for():
    assert learn_then_test(np.zeros((113, 1)), alpha=0.02, delta=0.1) is None
    assert learn_then_test(np.zeros((114, 1)), alpha=0.02, delta=0.1) == 0


@pytest.mark.parametrize(
    ("losses", "options", "sentence"),
    [
        ([0, 1], {}, r"losses \[questions, settings\], got shape \(2,\)"),
        (np.zeros((0, 2)), {}, r"got shape \(0, 2\)"),
        ([[2.0]], {}, r"losses in \[0, 1\], got 2 to 2"),
        ([[float("nan")]], {}, r"losses in \[0, 1\], got nan"),
        ([[0.5]], {}, "binomial bound needs losses of 0 or 1.*hoeffding_bentkus"),
        ([[1]], {"alpha": 1.0}, r"alpha in \(0, 1\), got 1.0"),
        ([[1]], {"delta": 0.0}, r"delta in \(0, 1\), got 0.0"),
    ],
)
def test_losses_and_levels_that_mean_nothing_are_refused(losses, options, sentence):
    with pytest.raises(InputError, match=sentence):
        learn_then_test(losses, **{"alpha": 0.1, "delta": 0.1, **options})


def outcome(correct, used=None):
    correct = np.array(correct, dtype=bool)
    used = np.ones(correct.shape, dtype=int) if used is None else np.array(used)
    return Outcome(correct.shape[1], correct.sum(axis=1), correct[:, 0], used.sum(axis=1), None, 0)


def test_regret_counts_what_the_reference_has_right_and_the_strategy_wrong():
    mine = outcome([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
    reference = outcome([[1, 1, 0], [0, 1, 1], [0, 0, 0]])
    assert regrets(mine, reference).tolist() == [1, 0, 0]


def test_of_the_certified_settings_the_one_with_the_fewest_draws_is_chosen_else_the_first():
    right, wrong = [[1]] * 150, [[0]] * 150
    reference = outcome(right)
    settings = [outcome(right, [[n]] * 150) for n in (8, 3, 5)] + [outcome(wrong, [[1]] * 150)]
    assert controlled(settings, reference, alpha=0.02, delta=0.1) == 1
    assert controlled([settings[-1], settings[1]], reference, alpha=0.02, delta=0.1) == 0
    few = [replace(o, correct=o.correct[:50], first=o.first[:50], used=o.used[:50]) for o in settings]
    assert controlled(few, outcome(right[:50]), alpha=0.02, delta=0.1) == 0, "50 questions certify nothing at .02"


def simulated(questions, samples, seed):
    """A pool in which the right answer is class 0, wrong draws share two answers, and confidence half knows."""
    rng = np.random.default_rng(seed)
    skill = rng.beta(1.6, 0.9, size=(questions, 1))
    right = rng.random((questions, samples)) < skill
    labels = np.where(right, 0, np.where(rng.random(right.shape) < 0.7, 1, 2)).astype(np.int16)
    logit = 0.7 * np.log(skill / (1 - skill)) + np.where(right, 0.35, -0.35) + rng.normal(0, 0.9, right.shape)
    return PoolArrays(
        ids=tuple(f"q{q}" for q in range(questions)),
        sizes=np.full(questions, samples),
        labels=labels,
        class_correct=np.tile([True, False, False], (questions, 1)),
        classes=(("1", "2", "3"),) * questions,
        confidence=1 / (1 + np.exp(-logit)),
        tokens=None,
        tiers={},
        conflicts=0,
    )


@pytest.fixture(scope="module")
def population():
    """Losses of GrACE-ES at every threshold on 1,500 questions x 5 orders: as a population, its risks are known."""
    arrays = simulated(1500, 8, seed=1)
    orders = permutations(arrays.sizes, count=5, draws=8, seed=1)
    candidates = [Candidate(CATALOG["self_consistency"].build(8)), *(Candidate(LTT.build(8, s)) for s in LTT.grid(8))]
    reference, *outcomes = decide(arrays, candidates, orders, scores={"recorded": arrays.confidence})
    return np.stack([reference.correct & ~o.correct for o in outcomes], axis=2)


@pytest.mark.parametrize(("alpha", "size"), [(0.03, 300), (0.05, 200), (0.1, 150)])
def test_the_risk_of_certified_thresholds_is_above_alpha_no_more_often_than_promised(population, alpha, size):
    """600 calibration sets a case; a rule with error rate delta = .1 fails this with probability below .001."""
    risk, runs, delta = population.mean(axis=(0, 1)), 600, 0.1
    rng = np.random.default_rng([2, size])
    broken = dict.fromkeys(("binomial", "hoeffding_bentkus", "naive"), 0)
    stopping = 0
    for _ in range(runs):
        rows, order = rng.integers(len(population), size=size), rng.integers(population.shape[1], size=size)
        one, mean = population[rows, order], population[rows].mean(axis=1)
        chosen = {
            "binomial": learn_then_test(one, alpha=alpha, delta=delta),
            "hoeffding_bentkus": learn_then_test(mean, alpha=alpha, delta=delta, bound="hoeffding_bentkus"),
            "naive": int(np.flatnonzero(one.mean(axis=0) <= alpha)[-1]),
        }
        stopping += (chosen["binomial"] or 0) > 0
        for name, index in chosen.items():
            broken[name] += index is not None and risk[index] > alpha
    most = binom.ppf(0.999, runs, delta)
    assert broken["binomial"] <= most
    assert broken["hoeffding_bentkus"] <= most
    assert broken["naive"] > 2 * most, "choosing by the empirical risk breaks it, so the test could have failed"
    assert stopping > runs / 2, "and it is not kept by never stopping"


def fitted(arrays, method, orders, budget):
    fold = Fold(np.arange(arrays.questions), np.arange(0))
    scores = scores_for(arrays, fold, orders, calibrate=None, seed=0)
    return choose(arrays, [method], orders, scores, fold, budget=budget, margin=0.005)[0]


def test_the_catalogue_row_is_fitted_to_the_threshold_worked_out_by_hand():
    arrays = simulated(400, 8, seed=3)
    orders = permutations(arrays.sizes, count=3, draws=8, seed=0)
    alpha, delta = 0.05, 0.1
    wrong_votes, expected = [], 1.0
    for q in range(400):
        votes = arrays.labels[q, orders[q, 0]].tolist()
        wrong_votes.append(max(range(3), key=lambda k: (votes.count(k), -votes.index(k) if k in votes else -9)) != 0)
    for tau in LTT.sweep["tau"]:
        losses = 0
        for q in range(400):
            labels, sure = arrays.labels[q, orders[q, 0]].tolist(), arrays.confidence[q, orders[q, 0]].tolist()
            first = next((label for label, c in zip(labels, sure, strict=True) if c > tau), None)
            weight = [sum(c for label, c in zip(labels, sure, strict=True) if label == k) for k in range(3)]
            answer = first if first is not None else int(np.argmax(weight)) if tau < 1 else None
            losses += answer is not None and answer != 0 and not wrong_votes[q]
        if tail(losses, 400, alpha) > delta:
            break
        expected = tau
    assert expected not in (1.0, LTT.sweep["tau"][-1]), "the case decides something"
    method = replace(LTT, params={**LTT.params, "alpha": alpha, "delta": delta})
    assert fitted(arrays, method, orders, 8) == {"tau": expected}


def test_where_nothing_is_certified_the_row_is_self_consistency_itself():
    arrays = simulated(60, 8, seed=4)
    orders = permutations(arrays.sizes, count=10, draws=8, seed=0)
    chosen = fitted(arrays, LTT, orders, 8)
    assert chosen == {"tau": 1.0}, "60 questions are too few for alpha .02 at delta .1"
    sure = np.ones_like(arrays.confidence)
    for confidence in (arrays.confidence, sure):
        candidates = [Candidate(CATALOG["self_consistency"].build(8)), Candidate(LTT.build(8, chosen))]
        reference, mine = decide(arrays, candidates, orders, scores={"recorded": confidence})
        assert (mine.correct == reference.correct).all()
        assert (mine.used == 8).all(), "a confidence of 1 is not above 1"


def test_a_method_may_be_fitted_to_tokens_where_the_pool_counts_them():
    """Long questions agree at once and short ones are sure at once: fewest draws and fewest tokens are two settings."""
    long, short = [("1", 0.6)] * 4, [("1", 0.9), ("2", 0.1), ("1", 0.1), ("1", 0.1)]
    arrays = PoolArrays.of(pool_of(long, short))
    counted = replace(arrays, tokens=np.array([[10.0] * 4, [1.0] * 4]))
    orders = np.tile(np.arange(4, dtype=np.uint8), (2, 1, 1))
    rules = {"agree": Unanimous(2), "sure": Confident(0.8)}
    method = Method(
        "mine", "test", "", lambda name, n, p: Vote(name, n, stop=(rules[p["rule"]],)), sweep={"rule": (*rules,)}
    )
    settings = [Candidate(method.build(4, setting)) for setting in method.grid(4)]
    agree, sure = decide(counted, settings, orders, scores={"recorded": counted.confidence})
    assert agree.correct.all() and sure.correct.all()
    assert (agree.used.sum(), sure.used.sum()) == (6, 5)
    assert (agree.tokens.sum(), sure.tokens.sum()) == (24, 41)
    for objective, pool, expected in (
        ("tokens", counted, "agree"),
        ("cost", counted, "sure"),
        ("tokens", arrays, "sure"),
    ):
        assert fitted(pool, replace(method, objective=objective), orders, 4) == {"rule": expected}
