"""Beams: at least one lives, never more than the width, partial samples never vote, and the end is accounted for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.base import Strategy
from strategies.beam import PrunedBeams, Pruner, Threshold, TopK, confidences
from strategies.weighting import Linear, LogOdds, Uniform
from tts.driver import Options, run_all
from tts.engines.fake import FakeEngine, WatchedScorer, extract
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import ConstantScorer, OracleScorer
from tts.types import END, STEP, TOKENS, Decision, Draw, End, Problem, Sample, Signals

ONE = Problem("q", "?", "a")
UNIT = st.floats(0, 1)
PRUNERS = st.one_of(st.builds(TopK, st.integers(1, 6)), st.builds(Threshold, UNIT))


class RandomScorer:
    """A confidence that knows nothing."""

    needs = Signals()

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        return [random.Random(f"{problem.id} {s.text}").random() for s in samples]


def played(strategy: PrunedBeams, replies: Any) -> tuple[Decision, list[Draw]]:
    """Play against ``replies(draw, number)``, which makes one sample."""
    steps, asked, number = strategy.run(ONE), [], 0
    try:
        draw = next(steps)
        while True:
            asked.append(draw)
            samples = [replies(draw, number + k) for k in range(draw.n)]
            number += draw.n
            draw = steps.send(samples)
    except StopIteration as stop:
        return stop.value, asked


def live(
    strategy: PrunedBeams, *, scorer: Any, lookahead: int = 0, skill: float = 0.9, count: int = 8
) -> list[Decision]:
    engine = FakeEngine(seed=4, skill=skill)
    options = Options(lookahead=lookahead, backoff=0.0)
    work = run_all(strategy, engine.problems(count), engine, extract=extract, scorer=scorer, options=options)
    return [r.decision for r in asyncio.run(work)]


@given(confidence=st.lists(UNIT, min_size=1, max_size=8), pruner=PRUNERS)
def test_at_least_one_beam_survives_and_the_best_comes_first(confidence: list[float], pruner: Pruner) -> None:
    kept = list(pruner.survivors(np.array(confidence)))
    assert 1 <= len(kept) == len(set(kept)) <= len(confidence)
    assert [confidence[i] for i in kept] == sorted(confidence, reverse=True)[: len(kept)]
    if isinstance(pruner, TopK):
        assert len(kept) == min(pruner.k, len(confidence))
    elif isinstance(pruner, Threshold):
        assert len(kept) == max(1, sum(c >= pruner.minimum for c in confidence))


def test_ties_go_to_the_earlier_beam() -> None:
    assert TopK(2).survivors(np.array([0.5, 0.9, 0.9, 0.9])) == [1, 2]
    assert Threshold(0.95).survivors(np.array([0.5, 0.9, 0.9])) == [1]


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 7),
    rounds=st.integers(1, 6),
    pruner=PRUNERS,
    data=st.data(),
)
def test_the_width_holds_and_every_sample_is_accounted_for(width: int, rounds: int, pruner: Pruner, data: Any) -> None:
    ends = st.sampled_from([End.BOUNDARY, End.BOUNDARY, End.STOP, End.LENGTH, End.FAILED])
    given_out: list[Sample] = []

    def reply(draw: Draw, number: int) -> Sample:
        end = data.draw(ends)
        sample = Sample(
            text=f"{draw.prefix.text if draw.prefix else ''}{number} ",
            answer=None if end in (End.BOUNDARY, End.FAILED) else data.draw(st.sampled_from(["a", "b", None])),
            end=end,
            confidence=None if end is End.FAILED else data.draw(UNIT),
            index=number,
        )
        given_out.append(sample)
        return sample

    decision, asked = played(PrunedBeams(width=width, rounds=rounds, pruner=pruner), reply)
    assert list(decision.samples) == given_out
    whole = [s for s in given_out if s.end is not End.BOUNDARY]
    assert len(whole) <= width
    assert asked[0].prefix is None
    assert all(d.prefix in given_out and d.prefix.end is End.BOUNDARY for d in asked[1:])
    assert all(d.n >= 1 for d in asked)
    if decision.reason == "finished":
        assert len(whole) == width
    else:
        assert decision.reason == "rounds"
        assert max(s.text.count(" ") for s in given_out) == rounds
    depth = [s.text.count(" ") for s in given_out]
    for level in range(1, max(depth) + 1):  # beams in play: those that ended earlier, and those of this level
        at = [s for s, d in zip(given_out, depth, strict=True) if d == level]
        ended = [s for s, d in zip(given_out, depth, strict=True) if d < level and s.end is not End.BOUNDARY]
        assert len(at) + len(ended) == width
    votes = {s.answer for s in whole if s.answer is not None}
    assert decision.answer in (votes or {None})
    assert decision.confidence is None or 0.0 <= decision.confidence <= 1.0


def test_survivors_share_the_free_beams_and_the_best_gets_the_rest() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        end = End.BOUNDARY if draw.prefix is None else End.STOP
        return Sample(str(number), None if draw.prefix is None else "a", end, confidence=number / 10)

    _, asked = played(PrunedBeams(width=5, pruner=TopK(2)), reply)
    assert [(d.n, d.prefix.text if d.prefix else None) for d in asked] == [(5, None), (3, "4"), (2, "3")]


def test_a_partial_sample_never_votes_even_if_it_carries_an_answer() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        if draw.prefix is None:
            return Sample("p", "wrong", End.BOUNDARY, confidence=1.0)
        return Sample("w", "right", confidence=0.1)

    decision, _ = played(PrunedBeams(width=3), reply)
    assert (decision.answer, decision.confidence, decision.reason) == ("right", 1.0, "finished")


def test_the_last_round_still_votes_and_what_is_unfinished_is_given_up() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        done = draw.prefix is not None and number % 2 == 0
        return Sample(f"{number}", "a" if done else None, End.STOP if done else End.BOUNDARY, confidence=0.5)

    decision, asked = played(PrunedBeams(width=4, rounds=2), reply)
    assert (decision.answer, decision.reason, len(decision.samples)) == ("a", "rounds", 8)
    assert sum(d.n for d in asked) == 8
    decision, asked = played(PrunedBeams(width=4, rounds=1), reply)
    assert (decision.answer, decision.confidence, decision.reason) == (None, None, "rounds")
    assert sum(d.n for d in asked) == 4  # nothing is drawn that could not vote


def test_failed_beams_use_up_width_and_never_fork() -> None:
    def reply(draw: Draw, number: int) -> Sample:
        if number < 3:
            return Sample(end=End.FAILED, error="it broke")
        return Sample("t", "a" if draw.prefix else None, End.STOP if draw.prefix else End.BOUNDARY, confidence=0.5)

    decision, asked = played(PrunedBeams(width=4), reply)
    assert (decision.answer, decision.failed, len(asked)) == ("a", 3, 2)
    decision, _ = played(PrunedBeams(width=3), reply)
    assert (decision.answer, decision.failed, decision.reason) == (None, 3, "finished")


@given(
    confidence=st.lists(UNIT, min_size=1, max_size=6), weighting=st.sampled_from([Linear(), LogOdds(), LogOdds(0.5)])
)
def test_its_confidence_is_a_probability_under_every_weighting(confidence: list[float], weighting: Any) -> None:
    def reply(draw: Draw, number: int) -> Sample:
        return Sample("t", "ab"[number % 2], confidence=confidence[number])

    decision, _ = played(PrunedBeams(width=len(confidence), weighting=weighting), reply)
    assert decision.answer is not None
    assert decision.confidence is None or 0.0 <= decision.confidence <= 1.0


def test_an_unscored_beam_and_a_pruner_that_keeps_none_are_refused() -> None:
    @dataclass(frozen=True)
    class KeepsNone:
        def survivors(self, confidence: Any) -> Sequence[int]:
            return []

    with pytest.raises(UnsupportedError, match="a beam came unscored"):
        played(PrunedBeams(), lambda draw, number: Sample(end=End.BOUNDARY))
    with pytest.raises(UnsupportedError, match="needs a scorer that judges partial samples"):
        confidences([Sample(confidence=0.5), Sample()])
    with pytest.raises(InputError, match="pruner KeepsNone kept none of 4 beams: keep at least one"):
        played(PrunedBeams(pruner=KeepsNone()), lambda draw, number: Sample(end=End.BOUNDARY, confidence=0.5))


def test_a_beam_without_width_is_refused() -> None:
    for wrong in ({"width": 0}, {"rounds": 0}):
        with pytest.raises(InputError, match="needs width and rounds >= 1"):
            PrunedBeams(**wrong)
    with pytest.raises(InputError, match="pruner top_k needs k >= 1, got 0"):
        TopK(0)


def test_it_is_a_strategy() -> None:
    strategy = PrunedBeams(width=3)
    assert isinstance(strategy, Strategy)
    assert (strategy.budget, strategy.branches, strategy.needs_confidence) == (3, True, True)


@pytest.mark.parametrize("until", [STEP, TOKENS(3), END])
@pytest.mark.parametrize("scorer", [WatchedScorer(), ConstantScorer(), RandomScorer(), OracleScorer()])
@pytest.mark.parametrize("pruner", [TopK(2), Threshold(0.4)])
def test_live_beams_finish_with_any_scorer_and_look_ahead_changes_nothing(until: Any, scorer: Any, pruner: Any) -> None:
    strategy = PrunedBeams(width=4, pruner=pruner, until=until, weighting=Uniform())
    decisions = live(strategy, scorer=scorer)
    for decision in decisions:
        whole = [s for s in decision.samples if s.end is not End.BOUNDARY]
        assert len(whole) == 4
        assert decision.answer in {s.answer for s in whole}
        assert decision.reason == "finished"
    assert decisions == live(strategy, scorer=scorer, lookahead=3)


def test_beams_that_know_beat_beams_that_do_not() -> None:
    engine = FakeEngine()
    golds = [p.gold for p in engine.problems(100)]

    def right(scorer: Any) -> int:
        decisions = live(PrunedBeams(width=4, weighting=Uniform()), scorer=scorer, skill=0.6, count=100)
        return sum(d.answer == g for d, g in zip(decisions, golds, strict=True))

    assert right(WatchedScorer()) > right(RandomScorer()) + 40  # fixed seed: 77 against 10, standard deviation about 5
