"""Each rule and weighting against its published formula, on cases small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.counts import CountTable, dirichlet_leader_probability, leader_probability
from strategies.draw_arrays import DrawArrays
from strategies.live_evidence import LiveEvidence
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import (
    Beta,
    Confident,
    Dirichlet,
    Gate,
    Never,
    Posterior,
    Reservation,
    SamplingCost,
    Share,
    Unanimous,
)
from strategies.vote import Vote
from strategies.weighting import Linear, LogOdds, SoftCount, Softmax, Uniform
from tts.errors import InputError, UnsupportedError
from tts.types import Problem, Sample, Usage


def play(strategy, draws):
    """The decision on draws given as "answer" or ("answer", confidence); "" is unparsed."""
    steps = strategy.run(Problem("p", "?"))
    draw, at = next(steps), 0
    try:
        while True:
            given = [(d, None) if isinstance(d, str) else d for d in draws[at : at + draw.n]]
            at += draw.n
            draw = steps.send([Sample(answer=a or None, confidence=c, usage=Usage(delivered=10)) for a, c in given])
    except StopIteration as stop:
        return stop.value


def tally(weighting, *draws):
    out = LiveEvidence(weighting, needs_confidence=True)
    for answer, confidence in draws:
        out.add(Sample(answer=answer or None, confidence=confidence))
    return out


def test_adaptive_consistency_stops_at_four_equal_answers_as_in_the_paper():
    assert leader_probability(4, 0) == pytest.approx(1 - 0.5**5)
    assert leader_probability(5, 0) == pytest.approx(0.984375)
    decision = play(Vote("ac", 16, stop=(Beta(0.95),)), ["7"] * 16)
    assert (len(decision.samples), decision.answer, decision.reason) == (4, "7", "beta")
    assert decision.usage == Usage(delivered=40)


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


def test_one_answer_alone_is_not_certain_under_the_dirichlet_rule():
    assert play(Vote("d", 16, stop=(Dirichlet(0.95),)), ["7"] * 16).reason == "dirichlet"
    assert len(play(Vote("d", 16, stop=(Dirichlet(0.95),)), ["7"] * 16).samples) == 4


def test_grace_es_stops_on_any_one_confident_sample_and_returns_it():
    strategy = Vote("es", 4, weighting=Linear(), stop=(Confident(0.8),))
    decision = play(strategy, [("1", 0.5), ("1", 0.7), ("2", 0.81), ("1", 0.9)])
    assert (decision.answer, len(decision.samples), decision.reason) == ("2", 3, "confident")
    assert decision.vote_share == pytest.approx(0.81 / 2.01)
    assert decision.p_correct == 0.81, "the confidence of the sample that was accepted"
    at_tau = play(strategy, [("1", 0.8), ("1", 0.8), ("2", 0.8), ("2", 0.8)])
    assert at_tau.reason == "budget", "the paper stops above tau, not at it"


def test_grace_es_falls_back_to_the_weighted_vote_over_all_samples():
    strategy = Vote("es", 3, weighting=Linear(), stop=(Confident(0.95),))
    decision = play(strategy, [("1", 0.3), ("2", 0.9), ("1", 0.4)])
    assert (decision.answer, decision.reason, len(decision.samples)) == ("2", "budget", 3)
    assert decision.vote_share == pytest.approx(0.9 / 1.6)
    assert decision.p_correct is None, "a share of votes is not a probability of being right"


def test_an_unparsed_sample_never_stops_votes_or_wins_however_confident():
    strategy = Vote("es", 3, weighting=Linear(), stop=(Confident(0.5),))
    assert play(strategy, [("", 0.99), ("", 0.99), ("3", 0.1)]).answer == "3"
    best = Vote("best", 3, select="best")
    assert play(best, [("", 0.99), ("4", 0.2), ("5", 0.1)]).answer == "4"


def test_all_unparsed_abstains():
    for strategy in (Vote("sc", 3), Vote("best", 3, select="best"), Vote("ac", 3, stop=(Beta(0.4), Dirichlet(0.4)))):
        decision = play(strategy, [("", 0.5)] * 3)
        assert (decision.answer, decision.p_correct, decision.vote_share) == (None, None, None)


def test_ties_go_to_the_answer_seen_first():
    assert play(Vote("sc", 4), ["b", "a", "a", "b"]).answer == "b"
    assert play(Vote("sc", 4, weighting=Linear()), [("b", 0.25), ("a", 0.75), ("b", 0.5), ("c", 0.75)]).answer == "b"
    assert play(Vote("bon", 3, select="best"), [("x", 0.9), ("y", 0.9), ("z", 0.1)]).answer == "x"


def test_zero_confidence_everywhere_still_gives_the_first_answer():
    assert play(Vote("w", 2, weighting=Linear()), [("b", 0.0), ("a", 0.0)]).answer == "b"


def test_esc_asks_for_whole_windows_and_returns_the_unanimous_one():
    strategy = Vote("esc", 10, stop=(Unanimous(3),))
    decision = play(strategy, ["1", "1", "2", "3", "3", "3"])
    assert (decision.answer, len(decision.samples), decision.reason) == ("3", 6, "unanimous")
    straddling = play(strategy, ["1", "2", "2", "2", "1", "1", "1", "2", "2", "2"])
    assert straddling.reason == "budget", "windows do not overlap"
    broken = play(strategy, ["1", "", "1", "1", "1", "1", "2", "2", "2"])
    assert (broken.answer, len(broken.samples)) == ("1", 6), "an unparsed draw breaks its window"


def test_esc_takes_the_rest_of_a_budget_that_is_no_multiple_of_its_window():
    assert len(play(Vote("esc", 7, stop=(Unanimous(3),)), ["1", "2", "3", "4", "5", "6", "7"]).samples) == 7


def test_cats_asc_compares_the_leaders_share_of_confidence_from_the_second_sample_on():
    strategy = Vote("cats", 5, weighting=Linear(), stop=(Share(0.8),))
    assert len(play(strategy, [("1", 0.9), ("1", 0.1)]).samples) == 2
    decision = play(strategy, [("1", 0.6), ("2", 0.2), ("1", 0.2), ("1", 0.1), ("2", 0.3)])
    assert len(decision.samples) == 3, ".8 of 1.0 is a share of .8; .6 of .8 is not"


def test_cges_is_the_posterior_of_its_formula():
    draws = [("1", 0.7), ("2", 0.6), ("1", 0.55), ("3", 0.9)]
    k = 3 + 1
    product = {a: 1.0 for a in ("1", "2", "3", "other")}
    for drawn, c in draws:
        for answer in product:
            product[answer] *= c if answer == drawn else (1 - c) / (k - 1)
    state = tally(LogOdds(), *draws)
    best = max(("1", "2", "3"), key=lambda a: product[a])
    assert state.answer(state.leader) == best == "3"
    assert state.posterior == pytest.approx(product[best] / sum(product.values()))


def test_cges_accepts_one_sure_sample_and_stops_at_gamma():
    strategy = Vote("cges", 16, weighting=LogOdds(), stop=(Posterior(0.95),))
    assert len(play(strategy, [("1", 0.96)]).samples) == 1
    assert len(play(strategy, [("1", 0.9), ("1", 0.9)]).samples) == 2


def test_a_posterior_over_long_sure_streaks_does_not_overflow():
    state = tally(LogOdds(clip=1e-6), *[("1", 1.0)] * 500)
    assert state.posterior == pytest.approx(1.0)


def test_a_price_asks_less_of_later_draws():
    strategy = Vote("priced", 16, weighting=LogOdds(0.5), stop=(SamplingCost(0.1, power=1),))
    assert len(play(strategy, [("1", 0.91)]).samples) == 1  # .09 <= .1
    undecided = [("1", 0.7), ("2", 0.7)] * 8  # wrong after 4 and 5: .54 of 5.4 : 5.4 : 1, .34 of 12.7 : 5.4 : 1
    assert len(play(strategy, undecided).samples) == 5
    assert len(play(Vote("cges", 16, weighting=LogOdds(0.5), stop=(Posterior(0.9),)), undecided).samples) == 16


def test_a_price_stops_at_no_answer():
    strategy = Vote("priced", 16, weighting=LogOdds(0.5), stop=(SamplingCost(0.5, power=1),))
    decision = play(strategy, [(None, 0.5)] * 5 + [("1", 0.5)])
    assert len(decision.samples) == 6 and decision.answer == "1"


def test_log_odds_votes_below_the_prior_count_against():
    strategy = Vote("lo", 3, weighting=LogOdds(0.5))
    assert play(strategy, [("1", 0.3), ("1", 0.3), ("2", 0.4)]).answer == "2"


def test_cisc_tends_to_self_consistency_and_to_best_of_n():
    draws = [("1", 0.5), ("1", 0.5), ("2", 0.9)]
    assert play(Vote("hot", 3, weighting=Softmax(100.0)), draws).answer == "1"
    assert play(Vote("cold", 3, weighting=Softmax(0.02)), draws).answer == "2"
    assert Softmax(0.5).weigh(0.8) == pytest.approx(math.exp(-0.4))


def test_reasc_gates_the_first_sample_and_counts_softly_after():
    assert SoftCount(0.7, 0.5, 0.25).weigh(1.0) == pytest.approx(math.exp(1.4))
    assert SoftCount(0.7, 0.5, 0.25).weigh(0.1) == 1.0
    strategy = Vote("reasc", 9, weighting=SoftCount(), stop=(Gate(0.9), Beta(0.95)))
    assert play(strategy, [("1", 0.9)]).reason == "gate"
    assert play(strategy, [("1", 0.8), ("1", 0.95), ("1", 0.95), ("1", 0.95)]).reason == "beta"


def test_pandora_stops_at_its_reservation_value_with_the_best_so_far():
    strategy = Vote("pandora", 4, stop=(Reservation(0.7),), select="best")
    decision = play(strategy, [("1", 0.6), ("2", 0.7), ("3", 0.9)])
    assert (decision.answer, len(decision.samples), decision.p_correct) == ("2", 2, 0.7)
    assert decision.vote_share is None, "nothing was voted on"


def test_a_missing_or_raw_confidence_is_an_error_and_never_one_half():
    for bad in (None, float("nan"), 1.5, -0.1):
        with pytest.raises(UnsupportedError, match=r"confidence in \[0, 1\], got"):
            play(Vote("w", 1, weighting=Linear()), [("1", bad)])


def test_plain_self_consistency_needs_no_confidence():
    assert play(Vote("sc", 2), ["1", "1"]).answer == "1"


def test_rules_that_make_no_sense_together_are_refused():
    with pytest.raises(InputError, match="posterior needs weighting log_odds"):
        Vote("x", 3, weighting=Linear(), stop=(Posterior(),))
    with pytest.raises(InputError, match="sampling_cost needs weighting log_odds"):
        Vote("x", 3, weighting=Uniform(), stop=(SamplingCost(),))
    with pytest.raises(InputError, match="beta needs non-negative weights"):
        Vote("x", 3, weighting=LogOdds(), stop=(Beta(),))
    with pytest.raises(InputError, match="share needs non-negative weights"):
        Vote("x", 3, weighting=LogOdds(), stop=(Share(),))
    with pytest.raises(InputError, match="budget >= 1, got 0"):
        Vote("x", 0)
    with pytest.raises(InputError, match="select vote or best"):
        Vote("x", 1, select="worst")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Beta(1.0), r"level in \(0, 1\), got 1"),
        (lambda: Dirichlet(0.0), r"level in \(0, 1\), got 0"),
        (lambda: Confident(1.2), r"tau in \[0, 1\], got 1.2"),
        (lambda: Unanimous(0), "window >= 1, got 0"),
        (lambda: Share(0.0), r"tau in \(0, 1\], got 0"),
        (lambda: Posterior(1.0), r"gamma in \(0, 1\), got 1"),
        (lambda: SamplingCost(power=-1.0), "power >= 0, got -1"),
        (lambda: SamplingCost(0.0), r"cost_per_draw in \(0, 1\), got 0"),
        (lambda: Softmax(0.0), "temperature > 0, got 0"),
        (lambda: LogOdds(1.0), r"prior in \(0, 1\) or null, got 1"),
        (lambda: LogOdds(clip=0.5), r"clip in \(0, 0.5\), got 0.5"),
        (lambda: SoftCount(scale=0.0), "scale > 0, got 0"),
    ],
)
def test_options_out_of_range_are_refused_with_the_number_given(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_never_asks_for_the_whole_budget_at_once():
    steps = Vote("sc", 12, stop=(Never(),)).run(Problem("p", "?"))
    assert next(steps).n == 12
    assert next(Vote("ac", 12, stop=(Beta(),)).run(Problem("p", "?"))).n == 1


def test_columns_of_one_row_need_no_confidence_for_counting_rules():
    columns = DrawArrays(np.zeros((5, 1), dtype=np.int16))
    assert Vote("ac", 5, stop=(Beta(0.95),)).decide(columns).used.tolist() == [4]
    assert ReplayEvidence.of(columns, Uniform()) is ReplayEvidence.of(columns, Uniform())
