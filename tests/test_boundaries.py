"""Engines stop draws at their boundaries; recordings and remembered draws are truncated there, all alike."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.vote import Vote
from tests.engines.cases import CountingEngine, calmly
from tests.runtime.test_cache import Notes, play
from tests.support.examples import examples
from tts.boundaries import (
    DETECTED,
    KINDS,
    TRUNCATABLE,
    crossing,
    missing_signal,
    shows_crossing,
    signals_for,
    step_crossing,
    truncate,
)
from tts.engines.base import Capabilities
from tts.engines.fake.engine import WATCHED, FakeEngine
from tts.engines.replay import ReplayEngine
from tts.errors import UnsupportedError
from tts.runtime.cache import cacheable, lookup
from tts.runtime.driver import Result, run_all
from tts.scorers.watched import WatchedScorer
from tts.types import (
    CONFIDENCE_BELOW,
    END,
    ENTROPY_ABOVE,
    GROUP_BELOW,
    STEP,
    STEP_BELOW,
    TOKENS,
    Boundary,
    Draw,
    End,
    Problem,
    Sample,
    Signals,
    Trace,
    Usage,
)

BAR = st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0])
TOKEN = st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.5, 1.0]), st.booleans())
ONE = Problem("q", "?", "a")


@given(tokens=st.lists(TOKEN, max_size=9), bar=BAR)
def test_a_crossing_is_the_first_token_that_ends_a_step_below_the_bar(tokens: list[Any], bar: float) -> None:
    watched, steps = [p for p, _ in tokens], [ends for _, ends in tokens]
    expected = next((n for n, (p, ends) in enumerate(tokens, 1) if ends and p < bar), None)
    assert step_crossing(bar, watched, steps) == expected
    assert crossing(Trace(watched={9: tuple(watched), 1: (0.0,) * 9}, steps=tuple(steps)), STEP_BELOW(bar)) == expected


def recorded(end: End = End.STOP) -> Sample:
    """Four tokens, of which the second and the last end a step, probed at its end."""
    values = (0.9, 0.4, 0.1, 0.2)
    trace = Trace(values, {7: values, 5: (0.0,) * 4}, values, values, values, (False, True, False, True), 0.3)
    return Sample("abcd", "a", end, 0.6, 2, (1, 2, 3, 4), trace, Usage(prompt=5, delivered=5, scorer_decode=1))


def test_a_truncated_sample_has_what_was_drawn_until_then_and_pays_for_it() -> None:
    short = truncate(recorded(), STEP_BELOW(0.5))
    values = (0.9, 0.4)
    assert short.trace == Trace(values, {7: values, 5: (0.0, 0.0)}, values, values, values, (False, True))
    assert (short.answer, short.end, short.token_ids, short.index) == (None, End.BOUNDARY, (1, 2), 2)
    assert short.usage == Usage(prompt=5, delivered=3, scorer_decode=1)  # two tokens and a probe
    assert replace(truncate(recorded(End.LENGTH), STEP_BELOW(0.3)), end=End.LENGTH, answer="a") == recorded(End.LENGTH)
    for whole in (recorded(), replace(recorded(), end=End.FAILED), Sample(end=End.FAILED)):
        assert (
            truncate(whole, STEP_BELOW(0.3)) is whole
        )  # it ended by itself where it would have been truncated, or failed


def test_a_recording_without_the_signals_is_refused() -> None:
    whole, sentence = recorded(), "does not have a watched probability and whether a step ends at every token"
    for trace in (
        replace(whole.trace, steps=()),
        replace(whole.trace, watched={}),
        replace(whole.trace, steps=(True,)),
    ):
        assert not shows_crossing(trace, STEP_BELOW(0.5))
        with pytest.raises(UnsupportedError, match=sentence) as error:
            truncate(replace(whole, trace=trace), STEP_BELOW(0.5))
        assert "\n" not in str(error.value)
        memory = Notes({("q", "end", 0): replace(whole, trace=trace)})
        assert lookup(memory, ONE, 0, Draw(until=STEP_BELOW(0.5))) is None
    with pytest.raises(UnsupportedError, match="no top-k confidences"):
        truncate(replace(whole, trace=Trace()), GROUP_BELOW(0.5, 2))


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 10**6), bar=BAR, lookahead=st.integers(0, 2))
def test_live_replayed_and_remembered_draws_are_truncated_alike(seed: int, bar: float, lookahead: int) -> None:
    problems, wanted = FakeEngine.problems(3, seed=seed), Signals(steps=True)
    memory, pruned = Notes(), Vote("pruned", 4, prune=bar)

    def engine() -> CountingEngine:
        return CountingEngine(seed=seed, skill=0.7)

    whole = play(Vote("whole", 4), problems, engine(), memory, scorer=WatchedScorer(), signals=wanted)
    live = play(pruned, problems, engine(), None, scorer=WatchedScorer(), lookahead=lookahead)
    source = ReplayEngine({r.problem.id: r.decision.samples for r in whole})
    again = calmly(run_all(pruned, problems, source))
    old = play(pruned, problems, (silent := engine()), memory, scorer=WatchedScorer(), lookahead=lookahead)
    assert silent.requests == []
    for results in (again, old):
        assert [shape(r) for r in results] == [shape(r) for r in live]
    assert any(s.end is End.BOUNDARY for r in live for s in r.decision.samples) or bar < 1


def shape(result: Result) -> list[Any]:
    """Return the fields that a truncated recording has in common with the live draw, its text and confidence apart."""
    return [
        (s.index, s.end, s.answer, s.token_ids, s.trace, s.usage.delivered if s.usage else None)
        for s in result.decision.samples
    ]


def test_a_draw_truncated_before_serves_only_bars_that_it_shows_to_be_crossed() -> None:
    problems = FakeEngine.problems(12)

    def played(bar: float, memory: Notes) -> tuple[list[Result], CountingEngine]:
        engine = CountingEngine(skill=0.7)
        return play(Vote("pruned", 1, prune=bar), problems, engine, memory, scorer=WatchedScorer()), engine

    first = Notes()
    played(0.5, first)
    assert {key[1] for key in first.samples} == {"step_below"}
    for bar, at_most in ((0.5, 0), (0.9, 0), (0.1, 12)):
        old, engine = played(bar, Notes(first.samples))
        live, _ = played(bar, Notes())
        assert [shape(r) for r in old] == [shape(r) for r in live]
        assert len(engine.requests) <= at_most
        assert (len(engine.requests) > 0) == (at_most > 0)


def test_pieces_join_into_one_trace() -> None:
    trace = recorded().trace

    def piece(a: int, b: int, probe: float | None) -> Trace:
        watched = {token: values[a:b] for token, values in trace.watched.items()}
        per_token = [values[a:b] for values in (trace.top, trace.entropy, trace.certainty)]
        return Trace(trace.logprobs[a:b], watched, *per_token, steps=trace.steps[a:b], probe=probe)

    assert Trace.joined([piece(0, 1, None), piece(1, 3, None), piece(3, 4, 0.3)], (7, 5)) == trace


def test_only_whole_draws_and_those_that_can_be_truncated_are_remembered() -> None:
    assert set(TRUNCATABLE) == {"group_below", "step_below"}
    assert cacheable(Notes(), recorded(), Draw(until=STEP_BELOW(0.1)))
    assert cacheable(Notes(), recorded(), Draw(until=GROUP_BELOW(0.1, 2)))
    assert not any(cacheable(Notes(), recorded(), Draw(until=until)) for until in (STEP, TOKENS(3)))
    assert not cacheable(Notes(), replace(recorded(), end=End.FAILED), Draw(until=STEP_BELOW(0.1)))


def test_an_engine_that_notes_no_steps_is_not_asked_to_prune() -> None:
    class Plain(FakeEngine):
        capabilities = Capabilities(watch_tokens=True, score_prefix=True, branch=True)

    with pytest.raises(UnsupportedError, match="needs which tokens end a step, which this engine cannot collect"):
        play(Vote("pruned", 2, prune=0.1), FakeEngine.problems(1), Plain(), None, scorer=WatchedScorer())


BELOW = (CONFIDENCE_BELOW(0.5), STEP_BELOW(0.5), GROUP_BELOW(1.0, 2), ENTROPY_ABOVE(1.0))


def test_every_kind_of_boundary_stands_in_the_one_table() -> None:
    assert set(KINDS) == set(get_args(get_type_hints(Boundary)["kind"]))
    assert tuple(until.kind for until in sorted(BELOW, key=lambda until: list(KINDS).index(until.kind))) == DETECTED


@pytest.mark.parametrize("until", [END, STEP, TOKENS(3), *BELOW])
def test_a_draw_misses_nothing_with_the_signals_for_its_boundary_and_a_watched_token(until: Boundary) -> None:
    missing = missing_signal(until, Signals())
    assert (missing is not None) == (until.kind in DETECTED)
    assert missing is None or missing.startswith(f"a draw until {until.kind.upper()} needs ")
    assert missing_signal(until, signals_for(until, top=5) | Signals(watch=(7,))) is None
    assert signals_for(until, top=5).watch == ()


def test_tokens_that_are_one_distribution_are_no_confidence_and_a_token_beside_them_is() -> None:
    values, steps = {3: (0.2,), 4: (0.8,)}, (True,)
    shared = Trace(watched=values, steps=steps, owners={"values": (4, 3)})
    assert shared.confidence_token is None and shared.confidence == () and not shows_crossing(shared, STEP_BELOW(0.5))
    assert shared.owned_by("values") == ((0.8,), (0.2,)) and shared.owned_by("other") == ()
    beside = replace(shared, watched={**values, 9: (0.4,)}, owners={**shared.owners, "one": (9,)})
    assert beside.confidence_token == 9 and crossing(beside, STEP_BELOW(0.5)) == 1
    wanted = Signals.watching("values", (4, 3)) | Signals.watching("one", (9,))
    assert (wanted.watch, wanted.confidence_token) == ((4, 3, 9), 9)
    assert missing_signal(STEP_BELOW(0.5), Signals.watching("values", (4, 3))) is not None
    assert Signals.watching("none", ()) == Signals()
    with pytest.raises(ValueError, match=r"one set of one tokens, asked for \(9,\) and \(8,\)"):
        _ = wanted | Signals.watching("one", (8,))


def test_a_drawn_sample_says_whose_its_watched_tokens_are() -> None:
    [result] = play(
        Vote("one", 1), FakeEngine.problems(1), FakeEngine(), None, signals=Signals.watching("fake", (WATCHED,))
    )
    [sample] = result.decision.samples
    assert sample.trace.owners == {"fake": (WATCHED,)} and sample.trace.confidence == sample.trace.watched[WATCHED]


def test_boundaries_stand_below_models_and_pools() -> None:
    code = "import sys, tts.boundaries; print(*(m for m in sys.modules if m.startswith(('tts.pool', 'tts.models'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
