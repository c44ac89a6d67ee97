"""Evidence of a replay is computed once for each weighting and rule."""

from __future__ import annotations

import numpy as np

from strategies.draw_arrays import DrawArrays
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import Never, Unanimous
from strategies.weighting import Linear, LogOdds, Uniform

DRAWS = DrawArrays(np.array([[0, 0], [1, 0], [1, 1]], dtype=np.int16), np.array([[0.9, 0.1], [0.5, 0.6], [0.6, 0.9]]))


def test_evidence_is_shared_by_the_strategies_that_use_the_same_draws():
    assert ReplayEvidence.of(DRAWS, Uniform()) is ReplayEvidence.of(DRAWS, Uniform())
    assert ReplayEvidence.of(DRAWS, Linear()) is not ReplayEvidence.of(DRAWS, Uniform())


def test_first_is_the_draw_at_which_a_rule_fires_and_one_beyond_the_last_where_it_never_does():
    evidence = ReplayEvidence.of(DRAWS, Uniform())
    assert evidence.first(Unanimous(2)).tolist() == [4, 2]
    assert evidence.first(Never()).tolist() == [4, 4]
    assert evidence.first(Never()) is evidence.first(Never())


def test_leaders_follow_the_weights_and_ties_go_to_the_answer_seen_first():
    assert ReplayEvidence.of(DRAWS, Uniform()).leader.tolist() == [[0, 0], [0, 0], [1, 0]]
    assert ReplayEvidence.of(DRAWS, Linear()).leader.tolist() == [[0, 0], [0, 0], [1, 1]]
    assert ReplayEvidence.of(DRAWS, Uniform()).runner_up_score.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert np.isneginf(ReplayEvidence.of(DRAWS, LogOdds()).runner_up_score[0]).all()
