"""The fake engine is a function of (seed, problem, index, prefix), ends where it was told, and stops when closed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.cases import calmly, turns
from tests.support.examples import examples
from tts.boundaries import step_crossing
from tts.engines.base import Chunk, Engine, Meter, Prefix, Recording, Request
from tts.engines.fake.engine import STEPS, WATCHED, FakeEngine, Latency, extract, hash_word, outcomes
from tts.engines.sampling import SamplingChange
from tts.errors import EngineError
from tts.scorers.base import Scorer
from tts.scorers.watched import WatchedScorer
from tts.types import CONFIDENCE_BELOW, END, STEP, STEP_BELOW, TOKENS, Boundary, End, Problem, Sample, Signals, Trace

PROBLEM = Problem("fake-0", "What is number 0 ?", "42", "fake")
WHOLE = re.compile(r"(step (\d) (so )*slip \d+ \n){4}#### -?\d+ ")
SEEDS = st.integers(0, 10**6)
BARS = [CONFIDENCE_BELOW(0.5), CONFIDENCE_BELOW(0.7), STEP_BELOW(0.5), STEP_BELOW(0.7)]
BOUNDARIES = st.sampled_from([END, STEP, TOKENS(1), TOKENS(2), TOKENS(7), *BARS])


async def chunks(engine: FakeEngine, request: Request) -> list[Chunk]:
    async with aclosing(engine.sample(request)) as stream:  # type: ignore[type-var]
        return [chunk async for chunk in stream]


def joined(parts: Iterable[Chunk], prefix: Sample | None = None) -> Sample:
    parts = list(parts)
    assert [p.end is None for p in parts] == [True] * (len(parts) - 1) + [False]
    assert parts[-1].end is not None
    return Sample(
        text=(prefix.text if prefix else "") + "".join(p.text for p in parts),
        end=parts[-1].end,
        token_ids=(prefix.token_ids if prefix else ()) + tuple(i for p in parts for i in p.token_ids),
        trace=Trace(
            tuple(x for p in parts for x in p.trace.logprobs),
            {WATCHED: tuple(x for p in parts for x in p.trace.watched[WATCHED])},
        ),
    )


def drawn(engine: FakeEngine, prefix: Sample | None = None, until: Boundary = END, index: int = 0) -> Sample:
    meter = Meter()
    request = Request(PROBLEM, index, prefix, until, meter=meter)
    before = engine.drawn
    sample = joined(calmly(chunks(engine, request)), prefix)
    new = len(sample.token_ids) - (len(prefix.token_ids) if prefix else 0)
    assert meter.drawn == engine.drawn - before == new == len(sample.trace.logprobs)
    assert len(sample.trace.watched[WATCHED]) == new  # one probability a token
    return sample


def test_a_request_has_a_seed_and_a_limit_of_its_own() -> None:
    async def of(engine: FakeEngine, change: SamplingChange | None) -> Sample:
        return joined(await chunks(engine, Request(PROBLEM, sampling=change)))

    async def mixed() -> list[Sample]:
        engine = FakeEngine(seed=3)
        changes = [None, SamplingChange(seed=4), SamplingChange(max_tokens=6), SamplingChange(seed=4, max_tokens=5)]
        return await asyncio.gather(*(of(engine, change) for change in changes))

    own, other, short, both = calmly(mixed())
    assert own.text == drawn(FakeEngine(seed=3)).text != other.text
    assert (short.token_ids, short.end) == (own.token_ids[:6], End.LENGTH)
    assert (both.token_ids, both.end) == (other.token_ids[:5], End.LENGTH)


def test_it_is_an_engine_and_no_recording() -> None:
    engine: object = FakeEngine()
    assert isinstance(engine, Engine)
    assert not isinstance(engine, Recording)
    assert isinstance(WatchedScorer(), Scorer)


@settings(max_examples=examples(40), deadline=None)
@given(seed=SEEDS, until=BOUNDARIES, prefill=st.integers(0, 5), interval=st.integers(1, 9), batch=st.integers(1, 6))
def test_a_sample_depends_on_nothing_but_its_request(
    seed: int, until: Boundary, prefill: int, interval: int, batch: int
) -> None:
    alone = [drawn(FakeEngine(seed=seed), until=until, index=k) for k in range(batch)]

    async def together() -> list[Sample]:
        engine = FakeEngine(seed=seed, latency=Latency(prefill), stream_interval=interval)
        other = [Request(p, 3) for p in engine.problems(3)[1:]]
        requests = [Request(PROBLEM, k, until=until) for k in range(batch)]
        return [joined(c) for c in await asyncio.gather(*(chunks(engine, r) for r in [*requests, *other]))][:batch]

    assert calmly(together()) == alone


@settings(max_examples=examples(60), deadline=None)
@given(seed=SEEDS, until=BOUNDARIES, interval=st.integers(1, 9))
def test_a_boundary_cuts_the_whole_sample_at_the_first_token_that_meets_it(
    seed: int, until: Boundary, interval: int
) -> None:
    whole = drawn(FakeEngine(seed=seed, skill=0.7))
    part = drawn(FakeEngine(seed=seed, skill=0.7, stream_interval=interval), until=until)
    n, watched = len(part.token_ids), whole.trace.watched[WATCHED]
    assert whole.text.startswith(part.text)
    assert (part.token_ids, part.trace.watched[WATCHED]) == (whole.token_ids[:n], watched[:n])
    assert part.end is (End.STOP if n == len(whole.token_ids) else End.BOUNDARY)
    if until.kind == "tokens":
        assert n == min(until.value, len(whole.token_ids))
    elif until.kind == "step":
        assert part.text.count("\n") == 1
        assert part.text.endswith("\n")
    elif until.kind == "confidence_below":
        assert all(p >= until.value for p in watched[: n - 1])
        assert part.end is End.STOP or watched[n - 1] < until.value
    elif until.kind == "step_below":
        lines = [token == 1 + hash_word("\n") for token in whole.token_ids]
        assert n == (step_crossing(until.value, watched, lines) or len(whole.token_ids))


def test_steps_are_noted_where_they_are_asked_for() -> None:
    for interval in (1, 4):
        engine = FakeEngine(stream_interval=interval)
        parts = calmly(chunks(engine, Request(PROBLEM, signals=Signals(steps=True))))
        steps = [ends for part in parts for ends in part.trace.steps]
        words = "".join(part.text for part in parts).replace("\n", "\n ").replace("#### ", "####").split(" ")[:-1]
        assert steps == [word == "\n" for word in words] and sum(steps) == STEPS
        assert all(part.trace.steps == () for part in calmly(chunks(engine, Request(PROBLEM))))


@settings(max_examples=examples(60), deadline=None)
@given(seed=SEEDS, cuts=st.lists(BOUNDARIES, max_size=6), interval=st.integers(1, 5))
def test_a_partial_sample_keeps_its_slips_and_ends_in_an_answer(seed: int, cuts: list[Boundary], interval: int) -> None:
    engine = FakeEngine(seed=seed, skill=0.6, stream_interval=interval)
    sample: Sample | None = None
    for index, until in enumerate([*cuts, END]):
        if sample is None or sample.end is End.BOUNDARY:
            before = outcomes(sample.text) if sample else []
            sample = drawn(engine, sample, until, index)
            assert outcomes(sample.text)[: len(before)] == before
    assert sample is not None
    assert sample.end is End.STOP
    assert WHOLE.fullmatch(sample.text)
    assert re.findall(r"step (\d)", sample.text) == [str(k) for k in range(STEPS)]
    slips = outcomes(sample.text)
    assert slips == sorted(slips)
    assert extract(PROBLEM, sample.text) == str(42 + slips[-1])


def test_every_place_to_break_off_can_be_continued() -> None:
    engine = FakeEngine(seed=5, skill=0.5)
    length = len(drawn(engine).token_ids)
    for k in range(1, length):
        part = drawn(engine, until=TOKENS(k))
        assert len(part.token_ids) == k
        texts = {drawn(engine, part, index=j).text for j in range(8)}
        assert all(WHOLE.fullmatch(text) and text.startswith(part.text) for text in texts)
        if k < length - 2:
            assert len(texts) > 1  # forks of one prefix differ


@pytest.mark.slow
def test_the_watched_probability_is_the_share_that_ends_well() -> None:
    engine = FakeEngine(seed=1, skill=0.8, noise=0.0)
    for k in (1, 4, 9):
        part = drawn(engine, until=TOKENS(k))
        ends = [extract(PROBLEM, drawn(engine, part, index=j).text) == "42" for j in range(250)]
        truth = part.trace.watched[WATCHED][-1]
        assert abs(np.mean(ends) - truth) <= 4 * np.sqrt(truth * (1 - truth) / 250)  # once in 16,000 seeds
        [[scored, other]] = calmly(engine.score([Prefix(PROBLEM, part.text)], [WATCHED, 5], Meter()))
        assert (scored, other) == (truth, 0.0)


def test_a_slip_is_known_at_the_token_that_writes_it() -> None:
    engine = FakeEngine()
    assert engine.truth(PROBLEM, "step 0 slip ") == pytest.approx(engine.step_skill(PROBLEM) ** 4)
    assert engine.truth(PROBLEM, "step 0 slip 0 ") == pytest.approx(engine.step_skill(PROBLEM) ** 3)
    assert engine.truth(PROBLEM, "step 0 slip 2 ") == 0.0


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_closing_the_iterator_frees_the_row(interval: int, taken: int) -> None:
    engine, meter = FakeEngine(stream_interval=interval, latency=Latency(prefill=0)), Meter()

    async def scenario() -> None:
        other = asyncio.create_task(chunks(engine, Request(PROBLEM, 1)))
        stream = engine.sample(Request(PROBLEM, 0, meter=meter))
        pending = asyncio.ensure_future(anext(stream))
        for _ in range(taken):
            await pending
            pending = asyncio.ensure_future(anext(stream))
        await turns(1)
        pending.cancel()
        await asyncio.wait([pending])
        await stream.aclose()  # type: ignore[attr-defined]
        closed = meter.drawn
        whole = joined(await other)
        await turns(5)
        assert meter.drawn == closed
        assert engine.drawn == closed + len(whole.token_ids)

    calmly(scenario())


def test_a_request_that_breaks_has_cost_three_tokens() -> None:
    engine, meter = FakeEngine(fails=lambda r: True, stream_interval=2), Meter()
    with pytest.raises(EngineError, match="on purpose"):
        calmly(chunks(engine, Request(PROBLEM, meter=meter)))
    assert meter.drawn == engine.drawn == 3


def test_prompts_are_computed_once_and_then_cached() -> None:
    engine = FakeEngine()
    part = drawn(engine, until=TOKENS(4))
    drawn(engine, part)
    assert (engine.prompt, engine.prompt_cached) == (5, 5 + 4)


@pytest.mark.parametrize("cut", ["in the middle", "at the end"])
def test_an_engine_outlives_its_event_loop(cut: str) -> None:
    engine = FakeEngine(seed=2)

    async def half() -> None:
        stream: Any = engine.sample(Request(PROBLEM))
        await anext(stream)
        if cut == "at the end":
            await stream.aclose()

    whole = drawn(engine)
    for _ in range(3):
        asyncio.run(half())
        assert drawn(engine) == whole


def test_an_engine_outlives_a_loop_that_was_dropped() -> None:
    engine = FakeEngine(seed=2)
    loop = asyncio.new_event_loop()
    stream: Any = engine.sample(Request(PROBLEM))
    loop.run_until_complete(anext(stream))
    loop.close()
    assert drawn(engine) == drawn(FakeEngine(seed=2))


def test_hundreds_of_rows_advance_together() -> None:
    engine = FakeEngine(latency=Latency(prefill=2))

    async def scenario() -> list[list[Chunk]]:
        return await asyncio.gather(*(chunks(engine, Request(p)) for p in engine.problems(300)))

    assert len(calmly(scenario())) == engine.running_most == 300
