"""A confidence token that is probed after a sample ended: its probability and its price."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.stopping import Unanimous  # noqa: E402
from strategies.vote import Vote  # noqa: E402
from tests.engines.confidence_token.cases import CLOSE, MANY, TOKEN, run  # noqa: E402
from tests.engines.hf.cases import PROBLEMS, alone, draw, draws, read  # noqa: E402
from tts.engines.base import Capabilities, Meter, Prefix, Request  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.scorers.controls import ConstantScorer  # noqa: E402
from tts.types import TOKENS, End, Problem, Sample, Signals  # noqa: E402

# --- the probe -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_probe_is_the_tokens_probability_at_its_own_position_however_a_sample_ended(
    make: Any, model: Any, cnf: int
) -> None:
    engine = make(max_batch_size=7, max_tokens=12)
    ends, compared = set(), 0
    for until in (TOKENS(999), TOKENS(7)):
        plain = draws(engine, MANY, until=until)
        probed = draws(engine, MANY, until=until, signals=Signals(probe=cnf))
        for (problem, _), one, other in zip(MANY, plain, probed, strict=True):
            assert (other.text, other.token_ids, other.end) == (one.text, one.token_ids, one.end)
            np.testing.assert_allclose(other.trace.logprobs, one.trace.logprobs, **CLOSE)
            assert one.trace.probe is None
            said = other.token_ids[:-1] if other.end is End.STOP else other.token_ids
            expected = float(read(model, (*engine.prompt_ids(problem), *said, cnf))[-1, cnf].exp())
            assert other.trace.probe == pytest.approx(expected, rel=1e-3, abs=1e-6)
            ends.add(other.end)
            if engine.encode(other.text + TOKEN, special=True) == (*said, cnf):
                [[scored]] = asyncio.run(engine.score([Prefix(problem, other.text, last_ids=(cnf,))], [cnf], Meter()))
                assert other.trace.probe == pytest.approx(float(scored), rel=1e-3, abs=1e-6)
                compared += 1
    assert ends == {End.STOP, End.LENGTH, End.BOUNDARY} and compared > len(MANY)


@pytest.mark.parametrize("stream", [1, 3])
def test_a_probe_survives_streaming(make: Any, cnf: int, stream: int) -> None:
    wanted = Signals(probe=cnf, steps=True)
    whole, pieces = alone(make(), PROBLEMS[2], signals=wanted), alone(make(stream=stream), PROBLEMS[2], signals=wanted)
    assert whole.trace.probe is not None
    assert pieces.trace.probe == pytest.approx(whole.trace.probe, rel=1e-4)
    assert (pieces.token_ids, pieces.trace.steps) == (whole.token_ids, whole.trace.steps)


def test_rows_with_and_without_a_probe_share_a_batch(make: Any, cnf: int) -> None:
    engine = make(max_batch_size=4)

    async def mixed() -> list[tuple[Sample, Meter]]:
        wanted = [Signals(probe=cnf) if i % 2 else Signals() for i in range(len(MANY))]
        return await asyncio.gather(*(draw(engine, p, i, signals=s) for (p, i), s in zip(MANY, wanted, strict=True)))

    drawn = asyncio.run(mixed())
    assert [sample.trace.probe is not None for sample, _ in drawn] == [bool(i % 2) for i in range(len(MANY))]
    assert all(meter.drawn == len(s.token_ids) + (s.trace.probe is not None) for s, meter in drawn)


def test_watching_costs_no_pass_and_a_probe_one_token_a_sample(make: Any, model: Any, cnf: int) -> None:
    def counted(wanted: Signals) -> tuple[list[int], int, int]:
        """Rows of each forward pass, tokens drawn, and prompt tokens read."""
        engine, passes = make(max_batch_size=8, max_tokens=150), []
        hook = model.register_forward_pre_hook(
            lambda module, args, kwargs: passes.append(kwargs["input_ids"].shape[0]), with_kwargs=True
        )
        try:
            samples = draws(engine, MANY, signals=wanted)
        finally:
            hook.remove()
        assert {s.end for s in samples} == {End.STOP} and engine.batch.scored == 0
        return passes, engine.batch.drawn, engine.batch.prompt

    plain = counted(Signals())
    assert counted(Signals(watch=(cnf,), steps=True)) == plain
    passes, drawn, prompt = counted(Signals(probe=cnf))
    assert (sum(passes), drawn, prompt) == (sum(plain[0]) + len(MANY), plain[1] + len(MANY), plain[2])


@pytest.mark.parametrize("lookahead", [0, 2])
@pytest.mark.parametrize("prune", [None, 0.3])
def test_the_ledger_counts_probes_and_reconciles(make: Any, cnf: int, lookahead: int, prune: float | None) -> None:
    engine = make(max_batch_size=5)
    strategy = Vote("some", 4, stop=(Unanimous(2),), prune=prune)
    wanted = Signals(watch=(cnf,), probe=cnf)
    results = run(engine, strategy, scorer=ConstantScorer(), signals=wanted, lookahead=lookahead)
    usage = [r.decision.usage for r in results if r.decision.usage is not None]
    assert engine.batch.drawn == sum(u.delivered + u.aborted for u in usage)
    samples = [s for r in results for s in r.decision.samples]
    assert all(s.usage is not None and s.usage.delivered == len(s.token_ids) + 1 for s in samples)
    assert all(s.trace.probe is not None and len(s.trace.watched[cnf]) == len(s.token_ids) for s in samples)
    assert (sum(u.aborted for u in usage) > 0) == (lookahead > 0)


def test_a_stream_closed_while_it_is_probed_is_charged_for_it(make: Any, cnf: int) -> None:
    engine = make(max_batch_size=1, max_tokens=3)

    async def closed(after: int) -> Meter:
        request = Request(PROBLEMS[0], 0, until=TOKENS(3), signals=Signals(probe=cnf))
        task = asyncio.create_task(anext(engine.sample(request)))
        while request.meter.drawn < 3:
            await asyncio.sleep(0)
        for _ in range(after):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await draw(engine, PROBLEMS[1], until=TOKENS(1))  # there is one row, so it was freed
        return request.meter

    before = 0
    for after in range(6):
        meter = asyncio.run(closed(after))
        assert meter.drawn in (3, 4)
        assert engine.batch.drawn - before == meter.drawn + 1
        before = engine.batch.drawn


@pytest.mark.slow
def test_memory_that_runs_out_while_rows_are_probed_changes_nothing(
    make: Any, cnf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = draws(make(max_batch_size=16, max_tokens=12), MANY, signals=Signals(probe=cnf))
    engine = make(max_batch_size=16, max_tokens=12)
    decoder, whole = engine.batch.decoder, engine.batch.decoder.run
    broken = []

    def small(work: Any) -> Any:
        if work.probing and len(work.noise_keys) > 1 and len(broken) < 3:
            broken.append(len(work.noise_keys))
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return whole(work)

    monkeypatch.setattr(decoder, "run", small)
    samples = draws(engine, MANY, signals=Signals(probe=cnf))
    assert len(broken) == 3
    assert [s.token_ids for s in samples] == [s.token_ids for s in expected]
    found, known = ([s.trace.probe for s in several] for several in (samples, expected))
    np.testing.assert_allclose(np.array(found, dtype=float), np.array(known, dtype=float), **CLOSE)


def test_a_full_context_leaves_room_for_the_probe(make: Any, model: Any, cnf: int) -> None:
    engine, wanted = make(), Signals(probe=cnf)
    problem = next(p for p in PROBLEMS if len(alone(engine, p).token_ids) > 6)
    prompt = engine.prompt_ids(problem)
    engine.encoder.context = len(prompt) + 6
    plain, probed = alone(engine, problem), alone(engine, problem, signals=wanted)
    assert plain.end is probed.end is End.LENGTH
    assert (len(plain.token_ids), probed.token_ids) == (6, plain.token_ids[:5])
    expected = float(read(model, (*prompt, *probed.token_ids, cnf))[-1, cnf].exp())
    assert probed.trace.probe == pytest.approx(expected, rel=1e-3, abs=1e-6)
    engine.encoder.context = len(prompt) + 1
    assert len(alone(engine, problem).token_ids) == 1
    with pytest.raises(InputError, match="leaves no room for an answer and a probe: shorten the prompt"):
        alone(engine, problem, signals=wanted)


def test_signals_that_cannot_be_had_are_refused_in_one_sentence(make: Any) -> None:
    for wanted in (Signals(watch=(100_000,)), Signals(probe=-1)):
        with pytest.raises(InputError, match="is to be watched or probed and the model has tokens 0 to"):
            alone(make(), Problem("p", "So?"), signals=wanted)
    everything, nothing = make().capabilities, Capabilities()
    wanted = Signals(watch=(1,), top=2, entropy=True, certainty=True, steps=True, probe=0)
    assert everything.lacking(wanted) is None
    assert nothing.lacking(Signals(steps=True)) == "which tokens end a step"
    assert nothing.lacking(Signals(probe=0)) == "the probability of a token probed after a sample"
    assert replace(everything, probe=False).lacking(wanted) == nothing.lacking(Signals(probe=0))
