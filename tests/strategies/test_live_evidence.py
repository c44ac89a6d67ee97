"""Live evidence equals the published formulas, refuses raw scores and equals the evidence of a replay."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.draw_arrays import DrawArrays, by_discovery
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import Beta, Confident
from strategies.vote import Vote
from strategies.weighting import Linear, LogOdds, Uniform
from tests.strategies.cases import evidence_of, play
from tts.errors import UnsupportedError

ALWAYS = (
    *("n", "parsed", "best_confidence", "streak", "leader_score", "runner_up_score", "total_weight"),
    *("mode_probability", "leader_rank", "leader_repeats", "rival_votes", "majority_log_e_values"),
)
DRAWS = [("2", 0.7), ("1", 0.6), ("", 0.9), ("1", 0.55), ("3", 0.9), ("1", 0.2), ("2", 0.8), ("2", 0.1)]


def test_cges_is_the_posterior_of_its_formula():
    draws = [("1", 0.7), ("2", 0.6), ("1", 0.55), ("3", 0.9)]
    k = 3 + 1
    product = {a: 1.0 for a in ("1", "2", "3", "other")}
    for drawn, c in draws:
        for answer in product:
            product[answer] *= c if answer == drawn else (1 - c) / (k - 1)
    state = evidence_of(LogOdds(), *draws)
    best = max(("1", "2", "3"), key=lambda a: product[a])
    assert state.answer(state.leader) == best == "3"
    assert state.posterior == pytest.approx(product[best] / sum(product.values()))


def test_a_posterior_over_long_sure_streaks_does_not_overflow():
    state = evidence_of(LogOdds(clip=1e-6), *[("1", 1.0)] * 500)
    assert state.posterior == pytest.approx(1.0)


def test_a_missing_or_raw_confidence_is_an_error_and_never_one_half():
    for bad in (None, float("nan"), 1.5, -0.1):
        with pytest.raises(UnsupportedError, match=r"confidence in \[0, 1\], got"):
            play(Vote("w", 1, weighting=Linear()), [("1", bad)])


@pytest.mark.parametrize("weighting", [Uniform(), Linear(), LogOdds(), LogOdds(0.3)])
def test_after_every_draw_each_attribute_equals_that_of_the_replay(weighting):
    raw = np.array([int(answer) if answer else -1 for answer, _ in DRAWS], dtype=np.int16)[:, None]
    labels, _ = by_discovery(raw)
    replayed = ReplayEvidence.of(DrawArrays(labels, np.array([[c] for _, c in DRAWS])), weighting)
    for t in range(len(DRAWS)):
        live = evidence_of(weighting, *DRAWS[: t + 1])
        for name in (
            *ALWAYS,
            *(["posterior"] if weighting.signed else []),
            *(["log_wealth"] if weighting.unit else []),
        ):
            there = getattr(replayed, name)
            if isinstance(there, tuple):
                found = [part[t, 0] for part in there]
            else:
                found = np.broadcast_to(there, (len(DRAWS), 1))[t, 0]
            assert getattr(live, name) == pytest.approx(found), (name, t)


def test_p_correct_is_a_probability_of_being_right_and_vote_share_a_share_of_votes():
    votes = evidence_of(Linear(), ("1", 0.6), ("2", 0.9), ("1", 0.5))
    assert (votes.p_correct(0), votes.vote_share(0)) == (None, pytest.approx(1.1 / 2.0))
    assert votes.p_correct(0, Confident(0.4)) == 0.5, "the rule accepted the latest sample"
    assert votes.p_correct(0, Beta()) is None, "a rule on votes accepts no single sample"
    odds = evidence_of(LogOdds(0.5), ("1", 0.6), ("2", 0.9), ("1", 0.5))
    assert odds.p_correct(1) == odds.posterior and odds.p_correct(0) is None
    assert odds.vote_share(0) == pytest.approx(2 / 3), "weights may be negative, so each vote counts one"
    assert odds.p_correct(-1) is odds.vote_share(-1) is None
