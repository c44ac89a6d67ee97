"""The prefix cache: a continuation does not read a paused row again, and nothing else changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, alone, draw, random_model  # noqa: E402
from tests.support.examples import slowly  # noqa: E402
from tts.engines.base import Meter, Prefix, Request  # noqa: E402
from tts.engines.hf.caches import TokenLRU  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.engines.streams import collected  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.requirements import Requirements  # noqa: E402
from tts.runtime.driver import Result, run_all  # noqa: E402
from tts.strategy import Steps  # noqa: E402
from tts.types import (  # noqa: E402
    STEP,
    TOKENS,
    Boundary,
    Decision,
    Draw,
    End,
    Problem,
    Sample,
    Signals,
    Usage,
    total_usage,
)

OFF, ON = 0, 1 << 15


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    made = random_model(tokenizer, tie_word_embeddings=False)
    loud = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("\n")]
    with torch.no_grad():  # likely at some tokens, unlikely at others
        made.lm_head.weight[loud] *= 3
    return made


@pytest.fixture
def make(model: Any, tokenizer: Any) -> Iterator[Any]:
    made = []

    def engine(*, park: int = ON, temperature: float = 1.0, max_tokens: int = 60, **more: Any) -> TransformersEngine:
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
        made.append(TransformersEngine(model, tokenizer, prompt=Prompt(), sampling=sampling, **more))
        made[-1].batch.decoder.parked.max_tokens = park
        return made[-1]

    yield engine
    for one in made:
        one.close()


def counted(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the tokens that each pass reads of joining sequences from now on, without padding."""
    decoder, passes = engine.batch.decoder, []
    read, ready = decoder._read_pass, decoder._ready

    def reading(items: Any) -> Any:
        passes.append(sum(len(ids) - sum(piece.shape[-2] for piece in base) for ids, base in items))
        return read(items)

    monkeypatch.setattr(decoder, "_read_pass", reading)

    def stepping(joining: Any) -> Any:
        passes.extend([1] * len(states := ready(joining)))
        return states

    monkeypatch.setattr(decoder, "_ready", stepping)
    return passes


def forks(engine: TransformersEngine, prefix: Sample, n: int, **more: Any) -> list[tuple[Sample, Meter]]:
    """``n`` continuations of the same prefix, drawn together, and what each cost."""

    async def drawn() -> list[tuple[Sample, Meter]]:
        requests = [Request(PROBLEMS[0], index, prefix, **more) for index in range(n)]
        samples = await asyncio.gather(*(collected(engine, request) for request in requests))
        return [(sample, request.meter) for sample, request in zip(samples, requests, strict=True)]

    return asyncio.run(drawn())


def paused(engine: TransformersEngine, until: Boundary = STEP, **more: Any) -> Sample:
    """The first draw of the first problem that pauses after more than one token."""
    for index in range(100):
        begun = alone(engine, PROBLEMS[0], index, until=until, **more)
        if begun.end is End.BOUNDARY and len(begun.token_ids) > 1:
            return begun
    raise AssertionError("no draw pauses")


@dataclass(frozen=True)
class Beams:
    """Four beams; the two that paused first go on in two ways each."""

    name: str = "beams"
    budget: int = 4
    requires: ClassVar[Requirements] = Requirements(branching=True)

    def run(self, problem: Problem) -> Steps:
        everything: list[Sample] = []
        draws = [Draw(4, until=STEP)]
        for _ in range(10):
            beams: list[Sample] = []
            for one in draws:
                beams += yield one
            everything += beams
            draws = [Draw(2, beam, STEP) for beam in beams if beam.end is End.BOUNDARY][:2]
        return Decision("1", tuple(everything), "rounds", usage=total_usage(everything))


def played(engine: TransformersEngine) -> list[Result]:
    """Beams over all problems."""
    return asyncio.run(run_all(Beams(), PROBLEMS, engine, extract=lambda p, t: "1"))


def texts(results: Sequence[Result]) -> list[Any]:
    return [[(s.token_ids, s.end) for s in result.decision.samples] for result in results]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("until", [STEP, TOKENS(9)])
def test_a_continuation_reads_the_last_token_and_draws_what_it_would_have_drawn(
    make: Any, temperature: float, until: Boundary, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, forgetful = make(temperature=temperature), make(temperature=temperature, park=OFF)
    prompt = len(engine.prompt_ids(PROBLEMS[0]))
    begun = paused(make()) if until == STEP else paused(engine, until)
    begun = alone(engine, PROBLEMS[0], begun.index, until=TOKENS(len(begun.token_ids)))
    passes = counted(engine, monkeypatch)
    [(sample, meter)] = forks(engine, begun, 1)
    assert (meter.prompt, meter.prompt_cached, passes) == (1, prompt + len(begun.token_ids) - 1, [1])
    alone(forgetful, PROBLEMS[0], until=TOKENS(1))  # its prompt is known as well
    [(other, cost)] = forks(forgetful, begun, 1)
    assert (cost.prompt, cost.prompt_cached) == (len(begun.token_ids), prompt)
    assert (sample.token_ids, sample.text, sample.end) == (other.token_ids, other.text, other.end)
    if temperature == 0:
        assert sample.token_ids == alone(engine, PROBLEMS[0]).token_ids


@pytest.mark.parametrize(("rows", "costs"), [(8, [1, 0, 0, 0]), *slowly((1, [1, 1, 1, 1]))])
def test_forks_that_join_together_read_it_once_and_later_ones_once_more(make: Any, rows: int, costs: list[int]) -> None:
    engine = make(max_batch_size=rows)
    begun = paused(engine)
    found = forks(engine, begun, 4)
    assert [meter.prompt for _, meter in found] == costs
    whole = len(engine.prompt_ids(PROBLEMS[0])) + len(begun.token_ids)
    assert all(meter.prompt + meter.prompt_cached == whole for _, meter in found)
    assert [s.token_ids for s, _ in found] == [s.token_ids for s, _ in forks(make(park=OFF), begun, 4)]
    assert len({s.token_ids for s, _ in found}) > 1


@pytest.mark.parametrize(("rows", "park"), [(3, 80), *slowly((3, OFF), (3, ON), (64, OFF), (64, 80), (64, ON))])
def test_beams_are_the_same_and_the_ledger_is_what_was_computed(
    make: Any, rows: int, park: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(max_batch_size=rows, park=park)
    passes = counted(engine, monkeypatch)
    results = played(engine)
    assert texts(results) == texts(played(make(max_batch_size=17, park=OFF)))
    batch, usage = engine.batch, sum((r.decision.usage or Usage() for r in results), Usage())
    assert batch.prompt == usage.prompt == sum(passes)
    assert batch.prompt_cached == usage.prompt_cached
    assert (batch.drawn, batch.scored) == (usage.delivered + usage.aborted, 0)
    samples = [(engine.prompt_ids(r.problem), s) for r in results for s in r.decision.samples]
    assert usage.prompt + usage.prompt_cached == sum(len(prompt) + s.given for prompt, s in samples)
    assert batch.decoder.parked.tokens <= park
    if park == ON:  # prompts once, then never more than one token of a sample
        prompts, forked = sum(len(engine.prompt_ids(p)) for p in PROBLEMS), sum(s.given > 0 for _, s in samples)
        assert prompts < usage.prompt <= prompts + forked


def test_a_prefix_that_was_dropped_is_read_again_oldest_first(make: Any) -> None:
    engine = make(park=20)
    old, new = (alone(engine, PROBLEMS[0], index, until=TOKENS(12)) for index in (0, 5))
    assert engine.batch.decoder.parked.tokens == 11
    assert [forks(engine, begun, 1)[0][1].prompt for begun in (new, old)] == [1, 12]


def test_what_is_behind_a_prompt_outlives_the_prompt(make: Any) -> None:
    engine = make()
    begun = paused(engine)
    engine.batch.decoder.prompts.clear()
    [(sample, meter)] = forks(engine, begun, 1)
    prompt = len(engine.prompt_ids(PROBLEMS[0]))
    assert (meter.prompt, meter.prompt_cached) == (prompt + 1, len(begun.token_ids) - 1)
    assert sample.token_ids == forks(make(park=OFF), begun, 1)[0][0].token_ids


def test_nothing_is_parked_of_what_cannot_go_on_or_is_kept_anyway(make: Any) -> None:
    engine = make(max_tokens=12)
    alone(engine, PROBLEMS[0])
    last = alone(engine, PROBLEMS[0], 1, until=TOKENS(12))
    assert last.end in (End.STOP, End.LENGTH)  # full: no prefix of another draw
    one = alone(engine, PROBLEMS[0], 2, until=TOKENS(1))
    assert (one.end, engine.batch.decoder.parked.tokens) == (End.BOUNDARY, 0)
    [(_, meter)] = forks(engine, one, 1)
    assert (meter.prompt, meter.prompt_cached) == (1, len(engine.prompt_ids(PROBLEMS[0])))


def test_a_row_that_was_probed_leaves_its_own_tokens_behind(make: Any) -> None:
    wanted = Signals(probe=11)
    engine, forgetful = make(), make(park=OFF)
    begun = paused(engine, signals=wanted)
    [(sample, meter)] = forks(engine, begun, 1, signals=wanted)
    [(other, _)] = forks(forgetful, begun, 1, signals=wanted)
    assert (meter.prompt, sample.token_ids) == (1, other.token_ids)
    assert sample.trace.probe == pytest.approx(other.trace.probe, rel=1e-3, abs=1e-6)


def test_a_text_that_was_paused_is_scored_by_its_last_token(make: Any) -> None:
    engine, meter = make(), Meter()
    begun = next(
        s for i in range(50) if engine.encode((s := alone(engine, PROBLEMS[0], i, until=TOKENS(9))).text) == s.token_ids
    )
    found = asyncio.run(engine.score([Prefix(PROBLEMS[0], begun.text)], [5, 9], meter))
    assert (meter.prompt, meter.prompt_cached) == (1, len(engine.prompt_ids(PROBLEMS[0])) + 8)
    other = asyncio.run(make(park=OFF).score([Prefix(PROBLEMS[0], begun.text)], [5, 9], Meter()))
    assert found == pytest.approx(other, rel=1e-3, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["run", "park"])
def test_memory_that_runs_out_forgets_what_was_parked_and_changes_nothing(
    make: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(max_batch_size=16)
    decoder, does, calls = engine.batch.decoder, getattr(engine.batch.decoder, where), []

    def full(work: Any) -> Any:
        calls.append(work)
        if len(calls) == 12:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        if len(calls) == 13 and where == "run":
            assert decoder.parked.tokens == 0
        return does(work)

    monkeypatch.setattr(decoder, where, full)
    results = played(engine)
    assert len(calls) > 12 and engine.batch.max_batch_size == (8 if where == "run" else 16)
    assert texts(results) == texts(played(make(park=OFF)))
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    assert (engine.batch.prompt, engine.batch.prompt_cached) == (usage.prompt, usage.prompt_cached)


def test_a_bug_while_parking_reaches_whoever_waits(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make()

    def broken(rows: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(engine.batch.decoder, "park", broken)
    with pytest.raises(ZeroDivisionError):
        alone(engine, PROBLEMS[0], until=TOKENS(3))


def test_a_stream_in_pieces_is_parked_too(make: Any) -> None:
    engine = make(stream=2)
    begun, _ = asyncio.run(draw(engine, PROBLEMS[0], until=TOKENS(7)))
    assert engine.batch.decoder.parked.tokens == 6
    assert forks(engine, begun, 1)[0][1].prompt == 1


USES = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9), st.booleans()), max_size=40)


@given(USES, st.integers(0, 20))
def test_the_latest_used_are_kept_and_never_more_than_fits(uses: list[tuple[str, int, bool]], bound: int) -> None:
    kept: TokenLRU[int] = TokenLRU(bound)
    latest: list[tuple[str, int]] = []  # the last one used last
    for key, tokens, put in uses:
        known = dict(latest)
        assert (key in kept) == (key in known)
        if put:
            kept.put(key, tokens, tokens)
            known[key] = tokens
        else:
            assert kept.get(key) == known.get(key)
        latest = [item for item in latest if item[0] != key] + ([(key, known[key])] if key in known else [])
        while sum(size for _, size in latest) > bound and len(latest) > 1:
            latest.pop(0)
        assert kept.tokens == sum(size for _, size in latest)
    kept.clear()
    assert kept.tokens == 0 and not any(key in kept for key in "abcdef")
