"""Every token is charged to one cause and every draw ends one way; failures are retried, then shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.stopping import Confident, Unanimous
from strategies.vote import Vote
from tests.engines.cases import PLAYED, CountingEngine, PassScorer, TurnsEngine, failing, plain, play, spent
from tests.support.examples import examples
from tts.engines.base import Capabilities, Request
from tts.engines.fake.engine import FakeEngine, Latency
from tts.errors import EngineError, UnsupportedError
from tts.runtime.driver import Result
from tts.scorers.base import BaseScorer
from tts.scorers.controls import ConstantScorer
from tts.scorers.watched import WatchedScorer
from tts.types import End, Problem, Usage

SCORERS: dict[str, Any] = {"watched": WatchedScorer(), "pass": PassScorer(), "constant": ConstantScorer()}
ONE = Problem("q", "?", "a")


class Moody(CountingEngine):
    """Some scoring passes break after they have cost their tokens."""

    def __init__(self, mood: int, **options: Any) -> None:
        super().__init__(**options)
        self.mood, self.passes = mood, 0

    async def score(self, *args: Any, **how: Any) -> Any:
        self.passes += 1
        values = await super().score(*args, **how)
        if self.mood and self.passes % self.mood == 0:
            raise EngineError("the scoring pass broke")
        return values


def reconcile(results: list[Result], engine: CountingEngine) -> None:
    """The driver's books against the engine's."""
    total = spent(results)
    assert (total.prompt, total.prompt_cached) == (engine.prompt, engine.prompt_cached)
    assert total.delivered + total.aborted == engine.drawn
    assert (total.scorer_prefill, total.scorer_decode) == (engine.scored, 0)
    samples = [s for r in results for s in r.decision.samples]
    assert total.delivered == sum(s.usage.delivered for s in samples if s.usage)
    for s in samples:
        assert s.usage is not None
        assert s.usage.delivered == (0 if s.end is End.FAILED else (len(s.trace.logprobs) - s.given))
        assert (s.end is End.FAILED) == (s.error is not None)
    for r in results:
        started = engine.first_attempts[r.problem.id]
        assert started == len(r.decision.samples) + r.aborted
        assert [s.index for s in r.decision.samples] == list(range(len(r.decision.samples)))
    assert not any(engine.open.values())


@settings(max_examples=examples(80), deadline=None)
@given(
    name=st.sampled_from(sorted(PLAYED)),
    scorer=st.sampled_from(sorted(SCORERS)),
    seed=st.integers(0, 10**6),
    lookahead=st.integers(0, 5),
    latency=st.integers(0, 4),
    interval=st.integers(1, 6),
    concurrency=st.integers(1, 6),
    retries=st.integers(0, 2),
    broken=st.sets(st.integers(0, 8)),
    attempts=st.integers(0, 3),
    mood=st.integers(0, 4),
)
def test_the_ledger_is_exact(
    name: str,
    scorer: str,
    seed: int,
    lookahead: int,
    latency: int,
    interval: int,
    concurrency: int,
    retries: int,
    broken: set[int],
    attempts: int,
    mood: int,
) -> None:
    engine = Moody(
        mood,
        seed=seed,
        skill=0.8,
        latency=Latency(latency),
        stream_interval=interval,
        fails=failing(*broken, attempts=attempts),
    )
    results = play(
        PLAYED[name],
        engine.problems(5),
        engine,
        scorer=SCORERS[scorer],
        lookahead=lookahead,
        concurrency=concurrency,
        retries=retries,
    )
    reconcile(results, engine)


def test_aborted_tokens_are_those_the_look_ahead_drew() -> None:
    strategy = Vote("grace_es", 6, stop=(Confident(tau=0.0),))
    engine = CountingEngine(skill=0.99)
    [result] = play(strategy, engine.problems(1), engine, scorer=WatchedScorer(), lookahead=3)
    [sample] = result.decision.samples
    assert result.aborted == 3
    assert result.decision.usage is not None
    assert result.decision.usage.delivered == len(sample.token_ids)
    assert result.decision.usage.aborted == engine.drawn - len(sample.token_ids) > 0


def test_a_draw_that_had_finished_ahead_is_charged_to_aborted() -> None:
    strategy = Vote("esc", 4, stop=(Unanimous(window=1),))
    [result] = play(strategy, [ONE], TurnsEngine(list("abcd"), [30, 0, 0, 0]), lookahead=3)
    assert result.aborted == 3
    assert result.decision.usage == Usage(delivered=1, aborted=3)


def test_a_scorer_that_reads_is_charged_for_reading() -> None:
    engine = CountingEngine()
    results = play(Vote("sc", 3), engine.problems(4), engine, scorer=PassScorer())
    assert spent(results).scorer_prefill == engine.scored > 0
    assert spent(play(Vote("sc", 3), engine.problems(4), FakeEngine())).scorer_prefill == 0


def test_a_failed_draw_is_retried_with_growing_pauses_and_then_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses, sleep = [], asyncio.sleep

    async def recorded(delay: float, *args: Any) -> None:
        pauses.append(delay)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", recorded)
    engine = CountingEngine(fails=failing(1))
    [result] = play(Vote("sc", 4), engine.problems(1), engine, retries=3, backoff_s=0.25, concurrency=1)
    assert pauses == [0.25, 0.5, 1.0]
    assert [r.attempt for r in engine.requests if r.index == 1] == [0, 1, 2, 3]
    failed = result.decision.samples[1]
    assert len(result.decision.samples) == 4  # the failed draw used its budget, and no other took its place
    assert engine.first_attempts["fake-0"] == 4
    assert (failed.end, failed.answer, failed.confidence) == (End.FAILED, None, None)
    assert failed.error == "the fake engine fails this draw on purpose"
    assert failed.usage is not None
    assert (failed.usage.delivered, failed.usage.aborted) == (0, 4 * 3)
    assert result.decision.failed == 1


def test_a_retry_that_succeeds_gives_the_sample_that_would_have_come() -> None:
    engine = CountingEngine(fails=failing(0, 2, attempts=2))
    [shaken] = play(Vote("sc", 4), engine.problems(1), engine, scorer=WatchedScorer())
    [calm] = play(Vote("sc", 4), engine.problems(1), FakeEngine(), scorer=WatchedScorer())
    assert plain(shaken.decision.samples) == plain(calm.decision.samples)
    assert spent([shaken]).aborted == 2 * 2 * 3
    reconcile([shaken], engine)


@pytest.mark.parametrize("name", sorted({*PLAYED} - {"mixed"}))  # which also draws too few tokens to fail
@pytest.mark.parametrize("lookahead", [0, 3])
def test_where_every_draw_fails_the_strategy_abstains(name: str, lookahead: int) -> None:
    engine = CountingEngine(fails=lambda request: True)
    results = play(PLAYED[name], engine.problems(3), engine, scorer=WatchedScorer(), lookahead=lookahead, retries=1)
    for result in results:
        assert result.decision.answer is None
        assert result.decision.failed == len(result.decision.samples) > 0
        assert len(result.decision.samples) == PLAYED[name].budget
    assert spent(results).delivered == 0
    reconcile(results, engine)


def test_scoring_that_fails_for_good_fails_the_samples_it_was_for() -> None:
    engine = Moody(1)
    results = play(Vote("sc", 3), engine.problems(2), engine, scorer=PassScorer(), retries=2)
    for result in results:
        assert result.decision.answer is None
        assert [s.error for s in result.decision.samples] == ["the scoring pass broke"] * 3
    assert engine.passes == 2 * 3
    assert spent(results).delivered == 0
    reconcile(results, engine)


def test_scoring_that_fails_once_is_tried_again() -> None:
    engine = Moody(2)
    strategy = Vote("grace_es", 3, stop=(Confident(tau=0.99),))
    results = play(strategy, engine.problems(2), engine, scorer=PassScorer(), retries=1, concurrency=1)
    assert sum(r.decision.failed for r in results) == 0
    reconcile(results, engine)


def test_an_engine_that_ends_without_a_reason_has_failed() -> None:
    class Mute(TurnsEngine):
        async def sample(self, request: Request) -> Any:
            async for chunk in super().sample(request):
                yield type(chunk)(chunk.text, chunk.token_ids)

    [result] = play(Vote("sc", 1), [ONE], Mute(["a"]), retries=0)
    assert result.decision.samples[0].error == "Mute ended a stream without a reason"


class Wrong(BaseScorer):
    """A scorer that returns the given values."""

    name = "wrong"

    def __init__(self, values: Any) -> None:
        self.values = values

    async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
        return self.values


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.5, float("nan")], "scorer wrong gave nan for draw 1 of problem 'q', and a confidence must be in .0, 1."),
        ([0.5, None], "gave nan for draw 1"),
        ([float("inf"), 0.5], "gave inf for draw 0"),
        ([0.5, 1.0000001], "gave 1.0000001 for draw 1"),
        ([-1e-9, 0.5], "gave -1e-09 for draw 0"),
        ([0.5], r"scores of shape \(1,\) for 2 samples of problem 'q', expected \(2,\)"),
        ([0.5] * 3, r"scores of shape \(3,\) for 2 samples"),
        ([[0.5], [0.5]], r"scores of shape \(2, 1\) for 2 samples"),
        (0.5, r"scores of shape \(\) for 2 samples"),
        (None, r"scores of shape \(\) for 2 samples"),
    ],
)
def test_a_score_that_is_no_probability_is_refused_in_one_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(UnsupportedError, match=sentence) as caught:
        play(Vote("sc", 2), [ONE], TurnsEngine(["a", "b"]), scorer=Wrong(values))
    assert "\n" not in str(caught.value)


def test_an_engine_that_cannot_score_is_refused_in_one_sentence() -> None:
    class Blind(TurnsEngine):
        capabilities = Capabilities()

    with pytest.raises(UnsupportedError, match="this engine cannot score a prefix: use a scorer that reads signals"):
        play(Vote("sc", 1), [ONE], Blind(["a"]), scorer=PassScorer())


def test_the_engine_can_be_used_by_one_run_after_the_other() -> None:
    engine = CountingEngine()
    results: list[Result] = []
    for problem in engine.problems(3):
        results += play(Vote("sc", 2), [problem], engine, lookahead=1)
    reconcile(results, engine)
