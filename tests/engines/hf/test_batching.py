"""The batch gives slots first come, first served, charges every token, and goes on when memory runs out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

from tts.engines.base import Meter
from tts.engines.hf.batching import Batch
from tts.engines.hf.caches import TokenLRU
from tts.engines.hf.sampler import SampledTokens
from tts.engines.hf.sequence import SequenceState
from tts.engines.hf.step_input import JoiningSequence, StepInput
from tts.errors import EngineError
from tts.types import END, End, Signals

STOP = 2


class CountingDecoder:
    """Draws 10, 11, ... for each sequence; fails with "out of memory" above a number of rows."""

    def __init__(self, most: int = 99) -> None:
        self.most, self.widths, self.parked, self.max_pass_tokens = most, list[int](), TokenLRU[Any](0), 64

    def mark_cached(self, joining: list[JoiningSequence]) -> None:
        for one in joining:
            one.cached = 1

    def run(self, work: StepInput) -> SampledTokens:
        rows = len(work.noise_keys)
        if rows > self.most:
            raise RuntimeError("CUDA out of memory")
        self.widths.append(rows)
        newest = [*work.tokens, *[one.ids[-1] for one in work.joining]]
        drawn = [max(10, newest[slot] + 1) for slot in work.sources or range(rows)]
        return SampledTokens(drawn, [-0.5] * rows)

    def score(self, joining: list[JoiningSequence], tokens: list[int]) -> list[list[float]]:
        return [[0.5] * len(tokens) for _ in joining]

    def clear(self) -> None:
        pass


@pytest.fixture
def batches() -> Iterator[Any]:
    made: list[Batch] = []

    def make(decoder: CountingDecoder, size: int, notify: Any = lambda text: None) -> Batch:
        made.append(
            Batch(decoder, max_batch_size=size, ends=frozenset({STOP}), is_step=lambda _: False, notify=notify)  # type: ignore[arg-type]
        )
        return made[-1]

    yield make
    for batch in made:
        batch.close()


def request(limit: int, done: asyncio.Queue[Any]) -> SequenceState:
    return SequenceState(
        ids=(5, 6), prompt_ids=(5, 6), limit=limit, until=END, signals=Signals(), meter=Meter(),
        noise_key=0, send=lambda state, end: done.put_nowait((state, end)), fail=done.put_nowait,
    )  # fmt: skip


async def finished(batch: Batch, limits: list[int]) -> list[Any]:
    done: asyncio.Queue[Any] = asyncio.Queue()
    for limit in limits:
        batch.add(request(limit, done))
    return [await done.get() for _ in limits]


def test_sequences_join_as_slots_get_free_and_every_token_is_charged(batches: Any) -> None:
    decoder = CountingDecoder()
    batch = batches(decoder, 2)
    ended = asyncio.run(finished(batch, [3, 1, 2]))
    assert [(len(state.tokens), end) for state, end in ended] == [(1, End.LENGTH), (3, End.LENGTH), (2, End.LENGTH)]
    assert decoder.widths == [2, 2, 2] and batch.steps == 3
    assert batch.drawn == sum(state.meter.drawn for state, _ in ended) == 6
    assert batch.prompt == batch.prompt_cached == 3
    assert all(state.tokens == list(range(10, 10 + len(state.tokens))) for state, _ in ended)


def test_a_closed_sequence_frees_its_slot(batches: Any) -> None:
    decoder = CountingDecoder()
    batch = batches(decoder, 1)

    async def play() -> Any:
        done: asyncio.Queue[Any] = asyncio.Queue()
        endless, short = request(10**6, done), request(2, done)
        batch.add(endless)
        batch.add(short)
        while not endless.tokens:
            await asyncio.sleep(0)
        batch.leave(endless)
        return endless, await done.get()

    endless, (state, end) = asyncio.run(play())
    assert (len(state.tokens), end, endless.end) == (2, End.LENGTH, None)
    assert batch.drawn == endless.meter.drawn + 2


def test_the_batch_is_halved_when_memory_runs_out(batches: Any) -> None:
    told: list[str] = []
    batch = batches(CountingDecoder(most=2), 4, told.append)
    ended = asyncio.run(finished(batch, [2, 2, 2, 2]))
    assert [len(state.tokens) for state, _ in ended] == [2] * 4
    assert batch.max_batch_size == 2 and told == ["out of memory with 4 sequences at once: going on with 2"]


def test_a_single_sequence_that_does_not_fit_fails(batches: Any) -> None:
    (error,) = asyncio.run(finished(batches(CountingDecoder(most=0), 4), [2]))
    assert isinstance(error, EngineError) and "out of memory with a single sequence" in str(error)


def test_scores_are_charged_to_their_meter(batches: Any) -> None:
    batch, meter = batches(CountingDecoder(), 1), Meter()
    found = asyncio.run(batch.score([JoiningSequence((5, 6, 7), (5,))], [1, 2], meter))
    assert found == [[0.5, 0.5]] and (meter.prompt, meter.prompt_cached, batch.scored) == (2, 1, 3)


def test_a_bug_in_a_step_is_raised_for_the_rows_that_were_joining_too(batches: Any) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    async def draw() -> Any:
        batch = batches(CountingDecoder(), 2)
        batch._step = broken
        async with asyncio.timeout(20):
            return await finished(batch, [3, 3, 3])

    assert [str(error) for error in asyncio.run(draw())] == ["a bug"] * 3


class RememberingDecoder(CountingDecoder):
    """Keeps the tokens of each slot as a cache does, and draws tokens that depend on all of them and on the draw."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.slots: list[tuple[int, ...]] = []

    def run(self, work: StepInput) -> SampledTokens:
        for source, target, length in work.forks:
            assert target == len(self.slots) and length == len(self.slots[source])
            self.slots.append(self.slots[source])
        for source, target, length in work.moves:
            assert length == len(self.slots[source])
            self.slots[target] = self.slots[source]
        assert work.lengths == [len(slot) for slot in self.slots[: len(work.tokens)]]
        if len(work.noise_keys) > self.most:
            raise RuntimeError("CUDA out of memory")
        running = zip(self.slots, work.tokens, strict=False)
        self.slots = [(*slot, token) for slot, token in running] + [one.ids for one in work.joining]
        self.widths.append(len(self.slots))
        places = work.sources or range(len(self.slots))
        found = [drawn(self.slots[at], key) for at, (key, _) in zip(places, work.noise_keys, strict=True)]
        return SampledTokens(found, [-0.5] * len(found))

    def clear(self) -> None:
        self.slots = []


def drawn(context: tuple[int, ...], key: int) -> int:
    """Return 2, which ends a draw, or another token, the same one for most keys."""
    rng = random.Random(f"{context} {key}")
    return rng.choice([10, 10, 10, 10, 10, 10, 11, STOP])


@pytest.mark.parametrize("seed", range(20))
def test_draws_with_the_same_tokens_share_a_slot_until_they_part(batches: Any, seed: int) -> None:
    rng = random.Random(seed)
    decoder = RememberingDecoder(most=rng.choice([6, 99]))
    batch = batches(decoder, 12)
    prompts = [(5, 6), (5, 6, 10), (7,)]
    wanted = [(rng.choice(prompts), key, rng.randrange(1, 12)) for key in range(40)]

    async def play() -> list[Any]:
        done: asyncio.Queue[Any] = asyncio.Queue()
        states = []
        for ids, key, limit in wanted:
            state = request(limit, done)
            state.ids = state.prompt_ids = ids
            state.noise_key = key
            states.append(state)
            batch.add(state)
            if rng.random() < 0.2:
                batch.leave(rng.choice(states))
            await asyncio.sleep(0)
        while not all(state.closed for state in states):
            await asyncio.sleep(0.001)
            while not done.empty():
                if isinstance(told := done.get_nowait(), Exception):
                    raise told
        return states

    states = asyncio.run(play())
    for state in states:
        expected: list[int] = []
        while len(expected) < state.limit and STOP not in expected:
            expected.append(drawn(state.ids + tuple(expected), state.noise_key))
        assert state.tokens == expected[: len(state.tokens)]
        assert state.end is None or len(state.tokens) == len(expected)
    assert batch.computed == sum(decoder.widths) < batch.drawn == sum(state.meter.drawn for state in states)
