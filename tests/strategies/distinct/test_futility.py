"""Distinct draws that end before the certificate: for futility, or by votes where too little was seen."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strategies.live_evidence import LiveEvidence
from strategies.mass.asides import aside_sentence
from strategies.mass.distinct import EXHAUSTED, FUTILITY, GIVE_UP, TOKENS, Order
from strategies.mass.trie import Trie
from strategies.stopping import Beta, MassCertificate
from strategies.vote import BUDGET
from strategies.weighting import Mass, Uniform
from tests.strategies.distinct.cases import Language, distinct, played
from tests.strategies.distinct.plays import plays
from tts.types import End, Sample, Trace


@pytest.mark.parametrize("width", [1, 2])
def test_it_steps_aside_where_texts_vary_freely_and_only_free_draws_vote(width: int) -> None:
    free = Language(4, length=12, sharpness=0.1)
    strategy = distinct(budget=60, patience=3, least=0.5, level=0.6, width=width)
    reasons = set()
    for seed in range(20):
        decision, asked = played(strategy, free, seed=seed)
        branching = [draw.continues for draw in asked]
        assert branching[:2] == [False, True] and not any(branching[4 - width :])
        assert [draw.n for draw in asked] == [1, *[width] * (len(asked) - 1)]
        votes = [s.answer for s in (decision.samples[0], *decision.samples[3:])]
        assert votes.count(decision.answer) == max(votes.count(answer) for answer in ("odd", "even"))
        assert decision.vote_share == votes.count(decision.answer) / sum(v is not None for v in votes)
        assert decision.certified is False and decision.unseen_mass is not None and decision.unseen_mass > 0.5
        reasons.add(decision.reason)
        assert "counts votes" in str(aside_sentence(strategy, decision))
        known, before = LiveEvidence(Uniform()), LiveEvidence(Uniform())
        for k, sample in enumerate((decision.samples[0], *decision.samples[3:])):
            known.add(sample)
            if k < len(votes) - width:
                before.add(sample)
        assert Beta(0.6).fires(known) and not Beta(0.6).fires(before)
    assert reasons == {Beta.name}
    level, reasons = 0.95, Counter[str]()
    for seed in range(20):
        decision, _ = played(replace(strategy, budget=12, level=level), free, seed=seed)
        votes = LiveEvidence(Uniform())
        for sample in (decision.samples[0], *decision.samples[3:]):
            votes.add(sample)
        reasons[decision.reason] += 1
        assert (decision.reason == Beta.name) == Beta(level).fires(votes)
        left, tied = 12 - len(decision.samples), votes.leader_score == votes.runner_up_score
        assert (decision.reason == GIVE_UP) == (not Beta(level).can_fire(votes, left) and not (left and tied))
    assert set(reasons) == {Beta.name, GIVE_UP}
    kept, _ = played(replace(strategy, least=0.0), free)
    assert kept.reason == FUTILITY and all(s.given for s in kept.samples[1:])
    by_tokens, _ = played(replace(strategy, tokens=50, level=0.999), free)
    assert by_tokens.reason == TOKENS


@pytest.mark.parametrize(
    ("order", "share", "width"), [("best_first", 1.0, 1), ("sampling", 1.0, 2), ("best_first", 0.4, 1)]
)
def test_no_way_to_go_on_is_certified_where_it_stops_for_futility(
    order: Order, share: float, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = distinct(order, 4, share=share, width=width)
    languages = [Language(0, length=3, sharpness=0.6), Language(1, length=3, sharpness=1.5)]
    languages += [Language(seed, length=2, sharpness=1.5, closed=False) for seed in (2, 3)]
    stopped = {
        (language, tuple(s.token_ids for s in decision.samples))
        for language in languages
        for decision in plays(strategy, language)
        if decision.reason == FUTILITY
    }
    monkeypatch.setattr(MassCertificate, "can_fire", lambda *_: True)
    further = [decision for language, known in stopped for decision in plays(strategy, language, known)]
    assert len(further) >= len(stopped) > 5
    assert {decision.reason for decision in further} <= {BUDGET, EXHAUSTED}


def test_draws_that_are_cut_off_find_nothing_and_end_nothing_that_could_be_certified() -> None:
    certified = 0
    for seed in range(40):
        language = Language(seed, length=3, sharpness=2.0, closed=False)
        found, _ = played(distinct(budget=20), language, seed=seed)
        trie, masses = Trie(), LiveEvidence(Mass())
        for number, sample in enumerate(found.samples, 1):
            trie.insert(sample)
            masses.add(sample)
            if number < len(found.samples) and trie.texts:
                assert MassCertificate().can_fire(masses, trie.reach(20 - number))
        cut = any(sample.end is End.LENGTH and sample.given for sample in found.samples)
        if found.reason == FUTILITY:
            assert not MassCertificate().can_fire(masses, trie.reach(20 - len(found.samples)))
        certified += found.reason == MassCertificate.name and cut
    assert certified > 2


@given(
    masses=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4),
    share=st.floats(0.05, 1.0),
    part=st.floats(0.0, 1.0),
    gain=st.floats(0.0, 1.0),
)
def test_the_certificate_can_come_if_and_only_if_the_leader_could_get_all_of_the_gain(
    masses: list[float], share: float, part: float, gain: float
) -> None:
    evidence = LiveEvidence(Mass())
    for k, mass in enumerate(masses):
        logprob = math.log(max(mass * part / len(masses), 1e-300))
        evidence.add(Sample(str(k), str(k), token_ids=(k,), trace=Trace(processed=(logprob,))))
    rule, gain = MassCertificate(share), gain * evidence.unseen_mass
    best = evidence.leader_mass + gain - evidence.runner_up_mass - share * (evidence.unseen_mass - gain)
    assume(abs(best) > 1e-12)
    assert rule.can_fire(evidence, gain) == (best > 0)


def test_boldness_counts_on_the_share_of_their_branches_that_texts_have_had() -> None:
    sooner = 0
    for seed in range(30):
        language = Language(seed, length=5, sharpness=0.8)
        exact, _ = played(distinct(budget=20), language, seed=seed)
        for boldness in (0.5, 1.0):
            bold, _ = played(distinct(budget=20, boldness=boldness), language, seed=seed)
            assert bold.samples == exact.samples[: len(bold.samples)]
            if len(bold.samples) == len(exact.samples):
                assert bold == exact
                continue
            assert bold.reason == FUTILITY and len(bold.samples) > 2, "a share is known from two branches on"
            trie, masses, taken = Trie(), LiveEvidence(Mass()), 0.0
            for sample in bold.samples:
                trie.insert(sample)
                masses.add(sample)
                taken += math.exp(sum(sample.trace.processed[: sample.given])) if sample.given else 0.0
            found = trie.seen_mass - math.exp(sum(bold.samples[0].trace.processed))
            gain = trie.reach(20 - len(bold.samples)) * (1 - boldness * (1 - found / taken))
            assert not MassCertificate().can_fire(masses, gain)
            sooner += 1
    assert sooner > 5


def test_it_gives_up_at_once_where_the_certificate_cannot_come_and_little_is_seen() -> None:
    decision, asked = played(distinct(budget=9, patience=9, least=0.9), Language(4, length=12, sharpness=0.1))
    free = [number for number, draw in enumerate(asked) if not draw.continues]
    assert decision.reason in (GIVE_UP, Beta.name) and free[0] == 0 and 1 < free[1] < 9
    assert free[1:] == [*range(free[1], len(asked))]
