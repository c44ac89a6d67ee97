"""Given texts are read in one pass, with the signals that the pass that draws collects."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.engines.hf.cases import PROBLEMS, draw, draws  # noqa: E402
from tts.engines.base import Capabilities, Meter  # noqa: E402
from tts.engines.hf import reading  # noqa: E402
from tts.engines.refusing import refuse_reading  # noqa: E402
from tts.errors import EngineError, InputError, UnsupportedError  # noqa: E402
from tts.types import TOKENS, End, Sample, Signals, Trace  # noqa: E402

EVERYTHING = Signals(watch=(7, 9), top=5, entropy=True, certainty=True, steps=True, probe=11, logprobs=True)
MANY = [(problem, index) for problem in PROBLEMS[:4] for index in range(3)]


def close(one: Trace, other: Trace) -> None:
    for mine, its in zip(one.columns(), other.columns(), strict=True):
        np.testing.assert_allclose(np.array(mine, float), np.array(its, float), rtol=1e-3, atol=1e-5)
    if one.probe is not None:
        assert one.probe == pytest.approx(other.probe, rel=1e-3, abs=1e-6)


async def read_all(engine: Any, samples: list[Sample], signals: Signals, meter: Meter, *, ids: bool) -> list[Trace]:
    return await asyncio.gather(
        *(
            engine.read(p, s.text, signals, meter, token_ids=s.token_ids if ids else (), ended=s.end is End.STOP)
            for (p, _), s in zip(MANY, samples, strict=True)
        )
    )


@pytest.mark.parametrize("until", [TOKENS(9), TOKENS(999)])
def test_every_signal_of_a_text_is_that_of_the_pass_that_drew_it(make: Any, until: Any) -> None:
    engine = make()
    samples = draws(engine, MANY, until=until, signals=EVERYTHING)
    found = asyncio.run(read_all(engine, samples, EVERYTHING, Meter(), ids=True))
    for sample, trace in zip(samples, found, strict=True):
        close(trace, sample.trace)
    by_text = asyncio.run(read_all(engine, samples, EVERYTHING, Meter(), ids=False))
    for sample, trace in zip(samples, by_text, strict=True):
        content = sample.token_ids[:-1] if sample.end is End.STOP else sample.token_ids
        if engine.encode(sample.text) == content:
            close(trace, sample.trace)


def test_texts_of_several_callers_are_read_in_one_pass_and_long_ones_in_pieces(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, passes = make(), []
    samples = draws(engine, MANY, until=TOKENS(20))
    wanted = Signals(logprobs=True)
    plain = asyncio.run(read_all(engine, samples, wanted, Meter(), ids=True))
    own = reading.read_given
    monkeypatch.setattr("tts.engines.hf.given.read_given", lambda *a: passes.append(len(a[1])) or own(*a))
    monkeypatch.setattr(reading, "MAX_LOGITS", 1)
    meter = Meter()
    pieces = asyncio.run(read_all(engine, samples, wanted, meter, ids=True))
    assert passes == [len(MANY)]
    for one, other in zip(plain, pieces, strict=True):
        close(one, other)
    prompts = sum(len(engine.prompt_ids(p)) for p, _ in MANY)
    assert meter.prompt_cached == prompts, "the prompts of the draws are still there"
    assert meter.prompt == sum(len(s.token_ids) - 1 for s in samples) and meter.drawn == 0


def test_drawing_goes_on_while_texts_are_read(make: Any) -> None:
    engine = make()
    samples = draws(engine, MANY, until=TOKENS(20))
    alone = draws(engine, MANY[:3], until=TOKENS(40))

    async def both() -> Any:
        reads = read_all(engine, samples, Signals(logprobs=True), Meter(), ids=True)
        drawn = [draw(engine, p, i, until=TOKENS(40)) for p, i in MANY[:3]]
        return await asyncio.gather(reads, *drawn)

    _, *drawn = asyncio.run(both())
    assert [sample.token_ids for sample, _ in drawn] == [sample.token_ids for sample in alone]


def test_memory_that_runs_out_halves_the_texts_of_a_pass_and_running_samples_go_on(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make()
    samples = draws(engine, MANY, until=TOKENS(20))
    alone, own = draws(engine, MANY[:3], until=TOKENS(40)), reading.read_given

    def small(decoder: Any, given: Any, wanted: Any) -> Any:
        if len(given) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return own(decoder, given, wanted)

    monkeypatch.setattr("tts.engines.hf.given.read_given", small)

    async def both() -> Any:
        drawn = [asyncio.ensure_future(draw(engine, p, i, until=TOKENS(40))) for p, i in MANY[:3]]
        await asyncio.sleep(0.02)
        return await asyncio.gather(read_all(engine, samples, Signals(logprobs=True), Meter(), ids=True), *drawn)

    most = 4
    found, *drawn = asyncio.run(both())
    assert all(len(t.logprobs) == len(s.token_ids) for t, s in zip(found, samples, strict=True))
    assert [sample.token_ids for sample, _ in drawn] == [sample.token_ids for sample in alone]
    most = 0
    with pytest.raises(EngineError, match="out of memory reading a text of"):
        asyncio.run(engine.read(PROBLEMS[0], "So", Signals(), Meter()))


def test_what_cannot_be_read_gets_one_sentence(make: Any) -> None:
    engine = make()
    assert asyncio.run(engine.read(PROBLEMS[0], "", Signals(), Meter())) == Trace()
    with pytest.raises(InputError, match=r"a text of problem 'p0' has token 99999 and the model has tokens 0 to"):
        asyncio.run(engine.read(PROBLEMS[0], "", Signals(), Meter(), token_ids=(99999,)))
    with pytest.raises(InputError, match=r"to score has .* tokens with its prompt and the model's context holds 256"):
        asyncio.run(engine.read(PROBLEMS[0], "So " * 300, Signals(), Meter()))
    sentence = "engine x cannot read the log-probability of each token from a given text: read with engine.kind"
    with pytest.raises(UnsupportedError, match=sentence):
        refuse_reading(Signals(logprobs=True), Capabilities(), "engine x")
    assert Capabilities(reads=frozenset({"top"}), top=3).unreadable(Signals(top=4)) is not None
