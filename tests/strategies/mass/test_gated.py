"""The gate: a vote by mass where the first draws see enough, and Adaptive-Consistency elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strategies.catalog import CATALOG
from strategies.mass.asides import aside_sentence
from strategies.mass.distinct import GIVE_UP
from strategies.mass.gated import MassGated
from strategies.weighting import Linear
from tests.strategies.mass.cases import play, text
from tts.errors import InputError
from tts.strategy import TimeUp
from tts.types import Problem

ROW = CATALOG["mass_gated"]


def test_it_certifies_where_the_first_draws_see_enough() -> None:
    draws = [text(1, "a", 0.4), text(2, "b", 0.1), text(1, "a", 0.4), text(3, "a", 0.3)]
    decision = play(ROW.build(16), draws)
    assert (decision.answer, decision.reason, decision.certified) == ("a", "mass_certificate", True)
    assert len(decision.samples) == 4


def test_it_counts_votes_where_the_first_draws_see_too_little() -> None:
    draws = [text(i, "a", 1e-9) for i in range(4)]
    decision = play(ROW.build(16), draws)
    assert (decision.answer, decision.reason, len(decision.samples)) == ("a", "beta", 4)
    assert decision.certified is False and decision.unseen_mass == pytest.approx(1.0)
    votes = [text(0, "a", 2e-9), text(1, "b", 1e-9), text(2, "b", 1e-10), text(3, "a", 0.0001), text(4, "b", 1e-9)]
    assert play(ROW.build(5), votes).answer == "b", "by votes, though a has more mass"
    assert play(ROW.build(5, {"least": 0.0}), votes).answer == "a", "least=0 never steps aside"


def test_without_probabilities_it_is_adaptive_consistency() -> None:
    draws = [text(i, answer, None) for i, answer in enumerate("abaaaaaa")]
    gated, plain = play(ROW.build(8), draws), play(CATALOG["adaptive_consistency"].build(8), draws)
    assert (gated.answer, len(gated.samples), gated.vote_share) == (plain.answer, len(plain.samples), plain.vote_share)
    assert gated.certified is None and not ROW.requires.signals.processed and ROW.requires.preferred.processed


def test_an_answer_without_a_probability_has_a_vote_and_so_all_have() -> None:
    """Masses would leave out calls of tools beside texts, where a server tells the tokens of texts alone."""
    draws = [text(1, "said", 0.35), *(text(2, "called", None) for _ in range(7))]
    decision = play(ROW.build(8), draws)
    assert (decision.answer, decision.reason, decision.certified) == ("called", "beta", False)
    late = [text(1, "said", 0.35), text(1, "said", 0.35), text(3, "said", 0.1), *draws[1:]]
    assert play(ROW.build(10), late).answer == "called", "after the first draws, too"
    assert play(ROW.build(10, {"least": 0.0}), late).answer == "called"
    unread = [text(1, "said", 0.6), text(2, None, None)]
    assert play(ROW.build(2), unread).certified, "a draw without an answer has no vote to lose"


def test_what_leaves_masses_too_little_to_say_is_one_sentence() -> None:
    gated, sentence = (
        ROW.build(8),
        "strategy mass_gated counts votes on questions whose first 3 samples see less than 0.1",
    )
    little = play(gated, [text(i, "a", 1e-9) for i in range(8)])
    assert str(aside_sentence(gated, little)).startswith(sentence)
    assert aside_sentence(gated, play(gated, [text(1, "a", 0.6)])) is None
    assert aside_sentence(gated, play(gated, [text(i, "a", None) for i in range(8)])) is None, "its source says so"
    mixed = play(gated, [text(1, "b", 1e-9), *(text(i, "a", None) for i in range(7))])
    assert mixed.masses is not None and aside_sentence(gated, mixed) is None
    assert aside_sentence(CATALOG["esc"].build(8), little) is None
    distinct = CATALOG["distinct_best_first"].build(8)
    assert "whose first 3 samples" in str(aside_sentence(distinct, replace(little, reason=GIVE_UP)))


def test_votes_that_would_have_settled_earlier_stop_when_it_steps_aside() -> None:
    draws = [text(i, "a", 1e-9) for i in range(8)]
    assert len(play(MassGated("g", 8, probe=6), draws).samples) == 6
    assert len(play(MassGated("g", 2, probe=6), draws).samples) == 2, "a budget below the probe"


def test_the_votes_may_be_weighted_by_confidence() -> None:
    row = ROW.having({"weighting": Linear()}, name="weighted")
    assert row.requires.confidence
    draws = [text(0, "a", 1e-9, confidence=0.2), *(text(i, "b", 1e-9, confidence=0.9) for i in range(1, 8))]
    assert play(row.build(8), draws).answer == "b"


def test_it_decides_on_what_it_has_when_the_time_is_up() -> None:
    steps = MassGated("g", 8).run(Problem("p", "?"))
    next(steps)
    steps.send([text(1, "a", 0.3)])
    with pytest.raises(StopIteration) as stop:
        steps.throw(TimeUp((text(2, "b", 0.4),)))
    assert (stop.value.value.answer, stop.value.value.reason) == ("b", "time_limit")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"probe": 0}, "probe >= 1, got 0"),
        ({"least": 1.5}, r"least in \[0, 1\], got 1.5"),
        ({"share": 0.0}, r"share in \(0, 1\], got 0"),
        ({"level": 1.0}, r"level in \(0, 1\), got 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        MassGated("g", 8, **options)  # type: ignore[arg-type]
