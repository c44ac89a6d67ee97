"""Masses by hand: distinct texts count once, texts without an answer are seen, and what is not known stays unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies.catalog import CATALOG
from strategies.draw_arrays import DrawArrays
from strategies.mass import MassError, first_seen, numbered_texts
from strategies.stopping import Beta, MassCertificate
from strategies.vote import Vote
from strategies.weighting import Mass, Uniform
from tests.strategies.mass.cases import play, text, truncated
from tts.errors import InputError, UnsupportedError
from tts.types import Sample, ToolCall, Trace

DRAWS = [text(1, "a", 0.2), text(2, "b", 0.3), text(1, "a", 0.2), text(3, "a", 0.05), text(4, None, 0.1)]


def test_an_answer_has_the_mass_of_its_distinct_texts_and_repeats_add_nothing() -> None:
    decision = play(CATALOG["perplexity_consistency"].build(5), DRAWS)
    assert decision.answer == "b", "a has three votes of five and less mass"
    assert decision.masses == {"a": pytest.approx(0.25), "b": pytest.approx(0.3)}
    assert decision.unseen_mass == pytest.approx(0.35), "a text without an answer is seen"
    assert decision.vote_share == pytest.approx(0.3 / 0.55)
    assert decision.certified is False and decision.reason == "budget"


def test_draws_whose_probability_is_not_known_stay_unseen_and_have_no_vote_by_mass() -> None:
    unknown = [text(1, "a", None), truncated(2, 0.5), text(3, "b", 0.1), Sample("", None)]
    decision = play(CATALOG["perplexity_consistency"].build(4), unknown)
    assert (decision.answer, decision.unseen_mass) == ("b", pytest.approx(0.9))
    assert decision.masses == {"a": 0.0, "b": pytest.approx(0.1)}


def test_a_text_that_once_came_without_a_probability_counts_when_it_has_one() -> None:
    decision = play(CATALOG["perplexity_consistency"].build(2), [text(1, "a", None), text(1, "a", 0.4)])
    assert decision.masses == {"a": pytest.approx(0.4)}


def test_without_any_probability_nothing_is_said_of_masses() -> None:
    draws = [text(1, "a", None), text(2, "b", None), text(2, "b", None)]
    decision = play(CATALOG["mass_certificate"].build(3), draws)
    assert (decision.certified, decision.masses, decision.unseen_mass) == (None, None, None)
    assert (decision.answer, decision.vote_share) == ("b", None), "votes decide"
    counted = play(CATALOG["self_consistency"].build(2), DRAWS[:2])
    assert counted.masses is None, "a strategy that reads no masses reports none"


def test_one_text_of_probability_one_is_certified_at_once() -> None:
    decision = play(CATALOG["mass_certificate"].build(16), [text(1, "a", 1.0)])
    assert (decision.answer, len(decision.samples), decision.certified) == ("a", 1, True)
    assert decision.reason == "mass_certificate" and decision.unseen_mass == 0.0


def test_equal_masses_are_never_certified_even_where_rounding_leaves_nothing_unseen() -> None:
    draws = [text(1, "a", 0.5003), text(2, "b", 0.5003)]
    decision = play(CATALOG["perplexity_consistency"].build(2), draws)
    assert (decision.unseen_mass, decision.certified, decision.reason) == (0.0, False, "budget")


def test_a_smaller_share_stops_earlier_and_is_not_certified() -> None:
    row, draws = CATALOG["mass_certificate"], [text(1, "a", 0.3), text(2, "a", 0.3)]
    early = play(row.build(2, {"share": 0.3}), draws)
    assert (len(early.samples), early.reason, early.certified) == (1, "mass_certificate", False)
    sure = play(row.build(2), draws)
    assert (len(sure.samples), sure.certified) == (2, True)


def test_the_certificate_speaks_of_the_leader_whatever_weighs_the_votes() -> None:
    counted = Vote("counts", 5, Uniform(), (MassCertificate(0.2),))
    assert counted.requires.signals.processed
    decision = play(counted, DRAWS)
    assert (decision.answer, decision.reason) == ("a", "mass_certificate")
    assert len(decision.samples) == 1, ".2 is more than a fifth of the unseen .8"
    assert len(play(Vote("counts", 4, Uniform(), (MassCertificate(),)), DRAWS).samples) == 4, "a leads by votes alone"
    stopped = play(Vote("both", 5, Mass(), (MassCertificate(), Beta(0.6))), [text(1, "a", 0.9)])
    assert stopped.reason == "mass_certificate"


def test_a_certificate_needs_an_answer() -> None:
    decision = play(CATALOG["mass_certificate"].build(1), [text(1, None, 1.0)])
    assert (decision.answer, decision.certified, decision.masses) == (None, False, {})


def test_probabilities_that_cannot_be_those_of_one_distribution_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"sum to 1\.2: the engine reports probabilities that are not those it"):
        play(CATALOG["perplexity_consistency"].build(2), [text(1, "a", 0.7), text(2, "b", 0.5)])
    assert "sum to 1.2: engine hf with model m reports" in str(MassError(1.2).named("engine hf with model m"))
    with pytest.raises(UnsupportedError, match="sum to"):
        play(CATALOG["mass_certificate"].build(1), [replace(DRAWS[0], trace=Trace(processed=(5.0,)))])
    assert play(CATALOG["perplexity_consistency"].build(2), [text(1, "a", 0.7), text(2, "b", 0.3009)]).answer == "a"


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"mass_certificate needs share in \(0, 1\], got"):
        MassCertificate(share)


def test_texts_are_told_apart_by_tokens_and_without_tokens_by_what_they_say() -> None:
    tokens = [Sample("x", token_ids=(1, 2)), Sample("x", token_ids=(3,)), Sample("y", token_ids=(1, 2))]
    assert numbered_texts(tokens).tolist() == [0, 1, 0]
    calls = [ToolCall("f", "{}", id="1"), ToolCall("f", "{}", id="2"), ToolCall("g", "{}", id="1")]
    assert numbered_texts([Sample("x", calls=(call,)) for call in calls]).tolist() == [0, 0, 1]
    assert numbered_texts([Sample("x"), Sample("x"), Sample("x", reasoning="r"), Sample("y")]).tolist() == [0, 0, 1, 2]


def test_a_row_counts_each_text_once_from_its_first_known_probability_on() -> None:
    texts = np.array([[0, 1], [0, 0], [1, 1], [0, 1]])
    masses = np.array([[0.0, 0.2], [0.3, 0.3], [0.2, 0.2], [0.3, 0.2]])
    assert first_seen(texts, masses).tolist() == [[0.0, 0.2], [0.3, 0.3], [0.2, 0.0], [0.0, 0.0]]
    masses[0, 0] = np.nan
    added = first_seen(texts, masses)
    assert np.isnan(added[0, 0]) and added[1:, 0].tolist() == [0.3, 0.2, 0.0], "what is not known stays so"
    draws = DrawArrays(np.array([[0, -1], [0, 0], [1, 0], [0, 0]], dtype=np.int16), None, added)
    assert draws.unseen_mass[:, 0].tolist() == pytest.approx([1.0, 0.7, 0.5, 0.5])
    assert draws.unknown_mass.all(axis=0).tolist() == [True, False]
