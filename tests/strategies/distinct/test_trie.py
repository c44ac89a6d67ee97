"""The trie: every text is found once, masses are exact, and sampling is that without replacement."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.mass.trie import Node, Trie
from strategies.pruning import keyed_generator
from tests.strategies.distinct.cases import END, Language, explored
from tts.types import End, Sample, Trace

LANGUAGES = st.builds(
    Language,
    seed=st.integers(0, 1000),
    length=st.integers(1, 4),
    k=st.integers(1, 4),
    sharpness=st.sampled_from([0.3, 1.0, 3.0]),
    closed=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(language=LANGUAGES, sampled=st.booleans(), seed=st.integers(0, 100))
def test_no_text_is_drawn_twice_and_the_masses_are_exact(language: Language, sampled: bool, seed: int) -> None:
    trie, texts = explored(language, keyed_generator(f"{seed}"), sampled=sampled)
    assert len(set(texts)) == len(texts)
    found = {text: mass for text, mass in language.whole.items() if text in texts}
    assert trie.texts == len(found)
    assert trie.seen_mass == pytest.approx(sum(found.values()), abs=1e-12)
    if language.k == 4:
        assert set(found) == set(language.whole)
        assert trie.unseen_mass == pytest.approx(1 - sum(language.whole.values()), abs=1e-12)
    assert list(trie.branches()) == [] and trie.best() is None and trie.sampled(keyed_generator("")) is None


@settings(max_examples=25, deadline=None)
@given(language=LANGUAGES, seed=st.integers(0, 100))
def test_the_branches_are_the_mass_that_can_be_followed_and_the_best_has_the_most(
    language: Language, seed: int
) -> None:
    rng, trie = keyed_generator(f"{seed}"), Trie()
    unseen = 1.0
    for _ in range(8):  # free draws: some texts come twice
        sample = language.draw(rng)
        before = (trie.seen_mass, trie.texts, sorted(b.logprob for b in trie.branches()))
        known = sample.token_ids in seen_texts(trie)
        assert trie.insert(sample) == (sample.end is End.STOP and not known)
        assert not trie.insert(sample)
        if known:
            assert (trie.seen_mass, trie.texts, sorted(b.logprob for b in trie.branches())) == before
        assert trie.unseen_mass <= unseen
        unseen = trie.unseen_mass
        branches = list(trie.branches())
        for branch in branches:
            prefix = branch.prefix.token_ids
            behind = sum(mass for text, mass in language.masses.items() if text[: len(prefix)] == prefix)
            assert math.exp(branch.logprob) == pytest.approx(behind, abs=1e-12)
            assert sum(branch.prefix.trace.processed) == pytest.approx(branch.logprob, abs=1e-12)
            assert branch.prefix.trace.covers(len(prefix))
        if language.k == 4 and language.closed:
            assert sum(math.exp(b.logprob) for b in branches) == pytest.approx(trie.unseen_mass, abs=1e-12)
        best = trie.best()
        assert best is None or best.logprob == max(b.logprob for b in branches)


@settings(max_examples=25, deadline=None)
@given(language=LANGUAGES, seed=st.integers(0, 100), taken=st.integers(0, 3), draws=st.integers(0, 6))
def test_no_further_draws_see_more_than_their_reach(language: Language, seed: int, taken: int, draws: int) -> None:
    rng = keyed_generator(f"{seed}")
    trie, _ = explored(language, rng, sampled=True, most=1 + taken)
    branches = sorted((math.exp(branch.logprob) for branch in trie.branches()), reverse=True)
    order, before, reach = [*trie.branches()], trie.seen_mass, trie.reach(draws)
    assert [math.exp(branch.logprob) for branch in trie.largest()] == branches
    assert reach == pytest.approx(min(sum(branches[:draws]), 1.0), abs=1e-12)
    assert [*trie.branches()] == order
    for _ in range(draws):
        if (branch := trie.sampled(rng)) is not None:
            trie.insert(language.draw(rng, trie.follow(branch)))
    assert trie.seen_mass - before <= reach + 1e-12


def seen_texts(trie: Trie) -> set[tuple[int, ...]]:
    """The whole texts in a trie."""
    found: set[tuple[int, ...]] = set()
    waiting: list[tuple[tuple[int, ...], Node]] = [((), trie._root)]
    while waiting:
        text, node = waiting.pop()
        if node.ended:
            found.add(text)
        waiting += [((*text, token), child) for token, child in node.children.items()]
    return found


def test_sampling_from_branches_is_sampling_without_replacement() -> None:
    language, runs = Language(5, length=3, sharpness=1.5), 2000
    rng = keyed_generator("without replacement")
    found = Counter(tuple(explored(language, rng, sampled=True, most=2)[1]) for _ in range(runs))
    p = language.masses
    expected = {(a, b): p[a] * p[b] / (1 - p[a]) for a in p for b in p if a != b}
    assert sum(expected.values()) == pytest.approx(1)
    often = {pair: mass * runs for pair, mass in expected.items() if mass * runs >= 5}
    counts = [(found[pair], mean) for pair, mean in often.items()]
    counts.append((runs - sum(n for n, _ in counts), runs - sum(mean for _, mean in counts)))
    chi2 = sum((n - mean) ** 2 / mean for n, mean in counts)
    freedom = len(counts) - 1
    assert len(counts) > 15
    assert chi2 < freedom + 4 * math.sqrt(2 * freedom)  # about one in 10,000 seeds is above


def test_a_text_that_was_cut_off_stays_unseen_and_is_not_followed_again() -> None:
    language = Language(3, length=3, closed=False)
    trie, texts = explored(language, keyed_generator("a"), sampled=False)
    cut = [text for text in texts if text[-1] != END]
    assert cut and len(set(texts)) == len(texts)
    assert trie.unseen_mass == pytest.approx(sum(m for t, m in language.masses.items() if t[-1] != END), abs=1e-12)


@pytest.mark.parametrize(
    "sample",
    [
        Sample("failed", end=End.FAILED),
        Sample("no tokens", trace=Trace(processed=(-0.5,))),
        Sample("no log-probabilities", token_ids=(1, 0), trace=Trace(logprobs=(-0.5, -0.5))),
        Sample("of one token only", token_ids=(1, 0), trace=Trace(processed=(-0.5,))),
        Sample("one is not known", token_ids=(1, 0), trace=Trace(processed=(-0.5, float("nan")))),
        Sample("impossible", token_ids=(1, 0), trace=Trace(processed=(-0.5, -math.inf))),
    ],
)
def test_what_has_no_mass_changes_nothing(sample: Sample) -> None:
    trie = Trie()
    assert not trie.insert(sample)
    assert (trie.seen_mass, trie.unseen_mass, trie.texts, trie.best()) == (0.0, 1.0, 0, None)


def test_without_alternatives_a_text_counts_and_has_no_branches() -> None:
    trie, sample = Trie(), Language(1).draw(np.random.default_rng(0))
    assert trie.insert(replace(sample, trace=replace(sample.trace, alternatives=())))
    assert trie.seen_mass > 0.0 and trie.best() is None
    assert not trie.insert(sample)  # the same text again, which tells them now
    assert trie.best() is not None


def test_a_long_text_of_no_measurable_mass_does_no_harm() -> None:
    tokens, found = (1,) * 500, ((0, -0.05, -0.05), (1, -3.0, -3.0))
    trace = Trace(processed=(-3.0,) * 500, alternatives=(found,) * 500)
    trie = Trie()
    assert trie.insert(Sample(token_ids=tokens, trace=trace))
    assert trie.seen_mass == 0.0 and len(list(trie.branches())) == 500
    assert trie.best().logprob == -0.05  # type: ignore[union-attr]
    depths = [trie.sampled(keyed_generator(f"{i}")).node.depth for i in range(200)]  # type: ignore[union-attr]
    assert np.mean(depths) == pytest.approx(1 / (1 - math.exp(-3.0)) - 1, abs=0.1)
