"""Functions of counts equal their formulas and the direct computation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from strategies.counts import (
    CountTable,
    dirichlet_leader_probability,
    leader_probability,
    log_e_one_sided,
    log_e_two_sided,
    truncated_beta_mean,
)


def test_count_tables_agree_with_direct_computation_and_grow():
    table = CountTable(lambda a, b: np.hypot(a, b))
    assert table(3, 4) == 5.0
    assert table(300, 400) == 500.0
    assert table(np.array([3, 300]), np.array([4, 400])).tolist() == [5.0, 500.0]
    assert table(np.array([1.5]), np.array([2.0]))[0] == 2.5


@pytest.mark.parametrize("counts", [(1, 0), (4, 0), (5, 2), (17, 12), (40, 3)])
def test_the_dirichlet_rule_on_two_answers_is_the_beta_rule(counts):
    assert dirichlet_leader_probability(counts) == pytest.approx(leader_probability(*counts), abs=1e-10)


def test_the_dirichlet_probability_is_that_of_sampling_the_posterior():
    counts = (6, 4, 3, 1)
    draws = np.random.default_rng(0).dirichlet(np.array(counts) + 1.0, size=400_000)
    # Standard error .0008 at 400,000 draws.
    assert dirichlet_leader_probability(counts) == pytest.approx(float((draws.argmax(axis=1) == 0).mean()), abs=0.004)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (5, 2), (3, 9), (20, 11)])
def test_e_values_are_the_mixtures_of_their_formulas(a, b):
    def ratio(theta):
        return (2 * theta) ** a * (2 * (1 - theta)) ** b

    assert np.exp(log_e_two_sided(a, b)) == pytest.approx(quad(ratio, 0, 1)[0], rel=1e-9)
    assert np.exp(log_e_one_sided(a, b)) == pytest.approx(2 * quad(ratio, 0.5, 1)[0], rel=1e-9)
    assert np.exp(log_e_one_sided(float(a), float(b))) == pytest.approx(np.exp(log_e_one_sided(a, b)), rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (4, 1), (2, 9)])
def test_the_bet_of_the_majority_martingale_is_the_truncated_posterior_mean(a, b):
    posterior = beta_distribution(a + 0.5, b + 0.5)
    mean = quad(lambda t: t * posterior.pdf(t), 0.5, 1)[0] / posterior.sf(0.5)
    assert truncated_beta_mean(a, b) == pytest.approx(mean, rel=1e-6)
