"""Given texts of all callers share passes, reading leaves drawing its share, and every token is in a ledger."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, draw, draws  # noqa: E402
from tests.engines.hf.test_read import close  # noqa: E402
from tts.engines.base import Meter, Prefix  # noqa: E402
from tts.engines.hf import given, reading  # noqa: E402
from tts.types import TOKENS, Sample, Signals  # noqa: E402

MANY = [(problem, index) for problem in PROBLEMS[:4] for index in range(5)]
TOKENS_OF = [(7,), (9, 7), (3,), (9,)]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The texts of each pass that reads signals."""
    seen: list[int] = []
    own = reading.read_given
    monkeypatch.setattr(given, "read_given", lambda *a: seen.append(len(a[1])) or own(*a))
    return seen


def scored(engine: Any, samples: list[Sample], at: int, meter: Meter) -> Any:
    prefix = Prefix(MANY[at][0], samples[at].text, samples[at].token_ids)
    return engine.score([prefix], TOKENS_OF[at % len(TOKENS_OF)], meter)


def test_scores_of_all_callers_are_read_in_one_pass(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make()
    samples = draws(engine, MANY, until=TOKENS(20))
    alone = [asyncio.run(scored(engine, samples, at, Meter())) for at in range(len(MANY))]
    decoder, passes = engine.batch.decoder, []
    own = decoder.score
    monkeypatch.setattr(
        decoder, "score", lambda texts, tokens: passes.append((len(texts), len(tokens))) or own(texts, tokens)
    )
    meters = [Meter() for _ in MANY]

    async def together() -> Any:
        return await asyncio.gather(*(scored(engine, samples, at, meters[at]) for at in range(len(MANY))))

    read = engine.batch.scored
    found = asyncio.run(together())
    assert passes == [(len(MANY), 3)]
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)
    assert sum(m.prompt + m.prompt_cached for m in meters) == engine.batch.scored - read
    decoder.max_pass_tokens = 300
    found, passes[:] = asyncio.run(together()), []
    asyncio.run(together())
    assert len(passes) >= 5 and sum(n for n, _ in passes) == len(MANY)
    np.testing.assert_allclose(
        np.concatenate([f.ravel() for f in found]), np.concatenate([a.ravel() for a in alone]), rtol=1e-4
    )


def test_different_signals_share_a_pass_where_they_join(make: Any, passes: list[int]) -> None:
    engine = make()
    wanted = [
        Signals(logprobs=True),
        Signals(watch=(9,), probe=11),
        Signals(watch=(7, 9), top=5),
        Signals(entropy=True, steps=True),
        Signals(watch=(4, 9), certainty=True, probe=11),
        Signals(top=6),
    ]
    samples = draws(engine, MANY[: len(wanted)], until=TOKENS(20))

    def read(at: int) -> Any:
        sample = samples[at]
        return engine.read(MANY[at][0], sample.text, wanted[at], Meter(), token_ids=sample.token_ids)

    async def together() -> Any:
        return await asyncio.gather(*(read(at) for at in range(len(wanted))))

    alone = [asyncio.run(read(at)) for at in range(len(wanted))]
    passes.clear()
    found = asyncio.run(together())
    assert passes == [5, 1], "top-6 does not join top-5"
    for one, other in zip(found, alone, strict=True):
        close(one, other)
        assert [bool(c) for c in one.columns()] == [
            bool(c) for c in other.columns()
        ] and one.watched.keys() == other.watched.keys()


def test_reading_leaves_drawing_its_share_of_the_time(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(max_tokens=60)
    samples = draws(engine, MANY, until=TOKENS(20))
    decoder, order, clock = engine.batch.decoder, [], [0.0]
    run, score = decoder.run, decoder.score

    def taking(name: str, seconds: float, function: Any) -> Any:
        def timed(*args: Any) -> Any:
            order.append(name)
            clock[0] += seconds
            return function(*args)

        return timed

    monkeypatch.setattr("tts.engines.hf.worker.perf_counter", lambda: clock[0])
    monkeypatch.setattr(decoder, "run", taking("draw", 1.0, run))
    monkeypatch.setattr(decoder, "score", taking("read", 2.0, score))  # so that drawing is owed 8 steps
    decoder.max_pass_tokens = 1  # each text is a pass

    async def both() -> None:
        drawn = asyncio.gather(*(draw(engine, p, i) for p, i in MANY[:3]))
        await asyncio.sleep(0.005)
        await asyncio.gather(*(scored(engine, samples, at, Meter()) for at in range(8)))
        await drawn

    asyncio.run(both())
    last_draw = len(order) - order[::-1].index("draw")
    busy = "".join(name[0] for name in order[:last_draw])
    gaps = [len(gap) for gap in busy.split("r")[1:-1]]
    assert busy.count("r") >= 3 and set(gaps) == {8}, busy
    assert order.count("read") == 8


def test_at_rest_the_meters_of_all_callers_are_the_counters(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of callers that are cancelled before their pass, in it, and where memory runs out in it."""
    engine, rng = make(max_tokens=30), random.Random(3)
    samples = draws(engine, MANY, until=TOKENS(12))
    decoder, own = engine.batch.decoder, engine.batch.decoder.score
    decoder.max_pass_tokens = 400

    def small(texts: Any, tokens: Any) -> Any:
        time.sleep(0.001)
        if len(texts) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return own(texts, tokens)

    monkeypatch.setattr(decoder, "score", small)
    batch = engine.batch
    before = batch.prompt + batch.prompt_cached + batch.scored, batch.drawn
    ledger: list[tuple[int, int]] = []

    async def called(at: int) -> None:
        meter, sample, how = Meter(), samples[at % len(samples)], rng.randrange(3)
        problem, index = MANY[at % len(MANY)]
        try:
            if how == 0:
                await scored(engine, samples, at % len(samples), meter)
            elif how == 1:
                await engine.read(problem, sample.text, Signals(top=5), meter, token_ids=sample.token_ids)
            else:
                await draw(engine, problem, index, meter=meter)
        finally:
            ledger.append((meter.prompt + meter.prompt_cached, meter.drawn))

    async def storm() -> None:
        tasks = [asyncio.create_task(called(at)) for at in range(120)]
        for task in rng.sample(tasks, 80):
            await asyncio.sleep(rng.choice((0.0, 0.0, 0.002)))
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in done)
        while batch._server is not None and not batch._server.done():
            await asyncio.sleep(0.001)

    asyncio.run(storm())
    after = batch.prompt + batch.prompt_cached + batch.scored, batch.drawn
    assert tuple(map(sum, zip(*ledger, strict=True))) == (after[0] - before[0], after[1] - before[1])
    assert not batch.given and not batch._slots.rows and not batch._waiting
