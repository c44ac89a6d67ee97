"""Regret: every wrong decision has one cause, worked out again by hand on small pools."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.comparison.paired import Comparison
from evals.comparison.regret import Regret, regret, with_causes
from evals.comparison.settings import Settings
from evals.comparison.table import compare, table
from evals.replay.arrays import PoolArrays
from evals.replay.outcome import Causes, causes_of, first_right
from evals.replay.replay import replay
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG
from strategies.stopping import Unanimous
from strategies.vote import Vote
from tests.evals.cases import REPLAYED, permutations, pool_of

SMALL = Settings(budget=6, permutations=7, replicates=50)


def test_each_wrong_decision_is_counted_under_its_cause():
    """One order a question, budget 4, stop after two equal answers; the right answer is 1."""
    arrays = PoolArrays.of(
        pool_of(
            ["2", "2", "2", "3"],  # no sample is right
            ["2", "2", "2", "1"],  # one is, but three votes are not
            ["2", "2", "1", "1", "1"],  # two more draws would tie, and the first seen wins: not selected
            ["3", "3", "2", "1"],
            ["1", "1", "2", "2"],  # right both ways
            ["1", "1", "2", "2", "2"],
        )
    )
    orders = np.tile(np.arange(4, dtype=np.uint8), (6, 1, 1))
    mine = Candidate(Vote("mine", 4, stop=(Unanimous(2),)))
    assert first_right(arrays, orders, np.arange(6)).ravel().tolist() == [4, 3, 2, 3, 0, 0]
    (stopped,) = replay(arrays, [with_causes(mine, 4)], orders, scores={"recorded": None})
    assert regret(stopped) == Regret(1 / 6, 3 / 6, 0.0, 0.0)
    early = Candidate(Vote("one", 1))
    (one,) = replay(arrays, [with_causes(early, 4)], orders, scores={"recorded": None})
    assert regret(one) == Regret(1 / 6, 3 / 6, 0.0, 0.0)


def test_stopping_early_costs_decisions_and_saves_others():
    arrays = PoolArrays.of(pool_of(["2", "1", "1"], ["1", "2", "2"], ["1", "1", "2"], ["2", "2", "1"]))
    orders = np.tile(np.arange(3, dtype=np.uint8), (4, 1, 1))
    first_only = Candidate(Vote("one", 1))
    (one,) = replay(arrays, [with_causes(first_only, 3)], orders, scores={"recorded": None})
    assert regret(one) == Regret(0.0, 0.25, 0.25, 0.25)


def test_without_a_patient_counterpart_only_the_samples_used_are_looked_at():
    arrays = PoolArrays.of(pool_of(["2", "1", "1"], ["1", "2", "2"], ["2", "2", "2"], ["1", "1", "1"]))
    orders = np.tile(np.arange(3, dtype=np.uint8), (4, 1, 1))
    one = replay(arrays, [Candidate(Vote("one", 1), causes=True)], orders, scores={"recorded": None})[0]
    assert regret(one) == Regret(0.5, 0.0, None, None)
    replayed = decide(arrays, [Candidate(Vote("one", 1))], orders, scores={"recorded": None})[0]
    both = replace(replayed, used=np.full((4, 1), 2))
    assert causes_of(both, None, first_right(arrays, orders, np.arange(4)), 3) == Causes(1, 1)


@given(
    st.lists(st.lists(st.sampled_from(["1", "2", "3", None]), min_size=5, max_size=5), min_size=2, max_size=6),
    st.integers(0, 99),
)
def test_the_causes_add_up_and_equal_a_recount(questions, seed):
    arrays = PoolArrays.of(pool_of(*questions))
    orders = permutations(arrays.sizes, count=3, draws=4, seed=seed)
    mine = Candidate(CATALOG["adaptive_consistency"].build(4, {"level": 0.7}))
    both = with_causes(mine, 4)
    found = regret(replay(arrays, [both], orders, scores={"recorded": None})[0])
    stopped, full = decide(arrays, [mine, Candidate(both.counterpart)], orders, scores={"recorded": None})
    causes = dict.fromkeys(("unsolved", "not_selected", "stopped_early", "gained"), 0)
    for q, draws in enumerate(questions):
        for p in range(3):
            right, patiently = stopped.correct[q, p], full.correct[q, p]
            if right:
                causes["gained"] += not patiently
            elif patiently:
                causes["stopped_early"] += 1
            else:
                causes["not_selected" if "1" in [draws[i] for i in orders[q, p]] else "unsolved"] += 1
    assert asdict(found) == pytest.approx({k: n / (3 * len(questions)) for k, n in causes.items()})
    wrong = 1 - stopped.correct.mean()
    assert found.unsolved + found.not_selected + found.stopped_early == pytest.approx(wrong)


def test_the_patient_counterpart_differs_in_budget_and_rules_only():
    mine = Candidate(CATALOG["confidence_gated_self_consistency"].build(4), "random")
    other = with_causes(mine, 9)
    assert (other.scores, other.strategy, other.counterpart.budget) == ("random", mine.strategy, 9)
    assert (other.counterpart.weighting, other.counterpart.select) == (mine.strategy.weighting, mine.strategy.select)
    assert with_causes(Candidate(CATALOG["deepconf_online"].build(12)), 12).counterpart is None


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=24, samples=8, seed=5))


def test_every_row_of_the_table_splits_its_wrong_decisions(arrays):
    methods = [m for m in REPLAYED if not m.requires.watched]
    for row in compare(arrays, methods, SMALL):
        parts = row.regret
        told = parts.unsolved + parts.not_selected + (parts.stopped_early or 0.0)
        assert told == pytest.approx(1 - row.point.accuracy), row.name
        method = CATALOG[row.name]
        known = isinstance(method.build(6, method.example), Vote)
        assert (parts.stopped_early is not None) == (parts.gained is not None) == known
        if row.name in ("self_consistency", "grace_sc", "best_of_n"):
            assert (parts.stopped_early, parts.gained) == (0.0, 0.0)


def test_cross_fitted_strategies_are_split_against_the_counterpart_of_their_own_fold(arrays):
    """log_odds_vote never stops: whatever prior each half chose, nothing is owed to stopping."""
    method = replace(CATALOG["log_odds_vote"], sweep={"prior": (0.02, 0.5)}, objective="accuracy")
    comparison = Comparison.of(arrays, SMALL, [method], fitted=True)
    gated = CATALOG["grace_es"]
    rows = {row.name: row for row in table(comparison, [method, gated])}
    assert rows["log_odds_vote"].regret.stopped_early == rows["log_odds_vote"].regret.gained == 0.0
    alone = table(comparison, [gated])[1]
    assert rows["grace_es"].regret == alone.regret, "whoever else takes part"
