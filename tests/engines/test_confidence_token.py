"""A token that is never drawn, only asked for: suppressed, watched in the pass that draws, probed after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.stopping import Unanimous  # noqa: E402
from strategies.vote import Vote  # noqa: E402
from tests.engines.hf.cases import PROBLEMS, alone, draw, draws, random_model, read  # noqa: E402
from tts.boundaries import truncate  # noqa: E402
from tts.engines.base import Capabilities, Meter, Prefix, Request  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.replay import ReplayEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.runtime.driver import Options, Result, run_all  # noqa: E402
from tts.scorers.controls import ConstantScorer  # noqa: E402
from tts.training.tiny.tokenizer import build  # noqa: E402
from tts.types import STEP_BELOW, TOKENS, End, Problem, Sample, Signals  # noqa: E402

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
TOKEN = "<CNF>"
MANY = [(problem, index) for problem in PROBLEMS for index in range(3)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = build(2000)
    made.add_special_tokens({"additional_special_tokens": [TOKEN]})
    return made


@pytest.fixture(scope="module")
def cnf(tokenizer: Any) -> int:
    return int(tokenizer.convert_tokens_to_ids(TOKEN))


@pytest.fixture(scope="module")
def model(tokenizer: Any, cnf: int) -> Any:
    made = random_model(tokenizer, tie_word_embeddings=False)
    loud = [cnf, tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("\n")]
    with torch.no_grad():  # their probabilities are near 0 at some tokens, near 1 at others
        made.lm_head.weight[loud] *= 4
    made.generation_config.suppress_tokens = [cnf, 10, 11]
    return made


@pytest.fixture
def make(model: Any, tokenizer: Any) -> Iterator[Any]:
    made = []

    def engine(*, temperature: float = 1.0, max_tokens: int = 40, **more: Any) -> TransformersEngine:
        how = {key: more.pop(key) for key in ("top_p", "top_k") if key in more}
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, **how)
        made.append(TransformersEngine(model, tokenizer, prompt=Prompt(), sampling=sampling, **more))
        return made[-1]

    yield engine
    for one in made:
        one.close()


def run(engine: Any, strategy: Any, **options: Any) -> list[Result]:
    """Play it live; every answer is the same."""
    scorer, signals = options.pop("scorer", None), options.pop("signals", Signals())
    how = Options(**options)
    playing = run_all(strategy, PROBLEMS, engine, extract=lambda p, t: "1", scorer=scorer, signals=signals, options=how)
    return asyncio.run(playing)


# --- suppressed tokens -----------------------------------------------------------------------------------------------


def test_greedy_draws_are_those_of_generate_which_would_draw_suppressed_tokens_too(
    make: Any, model: Any, cnf: int
) -> None:
    engine = make(temperature=0, max_batch_size=5)
    tempted = False
    for problem, sample in zip(PROBLEMS, draws(engine, [(p, 0) for p in PROBLEMS]), strict=True):
        prompt = engine.prompt_ids(problem)
        ids = torch.tensor([prompt])
        generated = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
        assert list(sample.token_ids) == generated and cnf not in generated
        tempted |= cnf in read(model, prompt + sample.token_ids)[len(prompt) - 1 : -1].argmax(-1).tolist()
    assert tempted


@pytest.mark.parametrize("how", [{}, {"top_k": 5}, {"top_p": 0.9}, {"temperature": 3.0}])
def test_a_suppressed_token_is_never_drawn(make: Any, cnf: int, how: dict[str, Any]) -> None:
    seen = {token for sample in draws(make(**how), MANY) for token in sample.token_ids}
    assert not seen & {cnf, 10, 11} and len(seen) > 20


def test_draws_follow_the_softmax_over_the_other_tokens(make: Any, model: Any, cnf: int) -> None:
    engine, n = make(temperature=0.8, max_tokens=1, max_batch_size=64), 4000
    first = [s.token_ids[0] for s in draws(engine, [(PROBLEMS[0], i) for i in range(n)])]
    counts = np.bincount(first, minlength=engine.batch.decoder.vocabulary)
    logits = read(model, engine.prompt_ids(PROBLEMS[0]))[-1]
    logits[[cnf, 10, 11]] = -torch.inf
    expected = n * (logits / 0.8).softmax(-1).numpy().astype(np.float64)
    common = expected >= 5
    statistic = ((counts - expected)[common] ** 2 / expected[common]).sum()
    assert statistic < common.sum() + 5 * np.sqrt(2 * common.sum())  # five sigma, fixed seed


def test_signals_are_of_what_draws_and_watched_probabilities_of_the_whole_vocabulary(
    make: Any, model: Any, cnf: int
) -> None:
    engine = make(temperature=0.7, max_batch_size=4)
    wanted = Signals(watch=(cnf, 5, 10), top=20, entropy=True, certainty=True)
    for problem, sample in zip(PROBLEMS, draws(engine, [(p, 1) for p in PROBLEMS], signals=wanted), strict=True):
        prompt, trace = engine.prompt_ids(problem), sample.trace
        whole = read(model, prompt + sample.token_ids)[len(prompt) - 1 : -1].numpy().astype(np.float64)
        for token in wanted.watch:
            np.testing.assert_allclose(trace.watched[token], np.exp(whole[:, token]), **CLOSE)
        assert (np.array(trace.watched[cnf]) <= 1).all()
        others = np.delete(whole, [cnf, 10, 11], axis=1)
        others -= np.log(np.exp(others).sum(axis=1, keepdims=True))
        place = [token - sum(s < token for s in (cnf, 10, 11)) for token in sample.token_ids]
        np.testing.assert_allclose(trace.logprobs, others[np.arange(len(place)), place], **CLOSE)
        np.testing.assert_allclose(trace.top, -np.sort(others, axis=1)[:, -20:].mean(axis=1), **CLOSE)
        np.testing.assert_allclose(trace.entropy, -(np.exp(others) * others).sum(axis=1), **CLOSE)
        uniform = 1 / others.shape[1]
        np.testing.assert_allclose(trace.certainty, (uniform * (np.log(uniform) - others)).sum(axis=1), **CLOSE)


def test_as_many_top_tokens_as_can_be_drawn_are_finite(make: Any) -> None:
    engine = make(max_tokens=5)
    most = engine.capabilities.top
    assert most == engine.batch.decoder.vocabulary - 3
    assert np.isfinite(alone(engine, PROBLEMS[0], signals=Signals(top=most)).trace.top).all()


def test_score_is_in_the_whole_vocabulary(make: Any, model: Any, cnf: int) -> None:
    engine = make()
    [[found]] = asyncio.run(engine.score([Prefix(PROBLEMS[0], "So we get 12.")], [cnf], Meter()))
    ids = engine.prompt_ids(PROBLEMS[0]) + engine.encode("So we get 12.")
    assert found == pytest.approx(float(read(model, ids)[-1, cnf].exp()), rel=1e-4)


def test_suppressed_tokens_that_make_no_sense_are_refused(
    make: Any, model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ids in ([-1], [5, 100_000], list(range(len(tokenizer)))):
        monkeypatch.setattr(model.generation_config, "suppress_tokens", ids)
        with pytest.raises(InputError, match="suppress_tokens must name some of them"):
            make()


# --- steps -----------------------------------------------------------------------------------------------------------


def test_steps_are_noted_where_they_are_asked_for(make: Any, tokenizer: Any) -> None:
    line = tokenizer.convert_tokens_to_ids("\n")
    samples = draws(make(), MANY, signals=Signals(steps=True))
    assert all(s.trace.steps == tuple(token == line for token in s.token_ids) for s in samples)
    assert any(any(s.trace.steps) for s in samples)
    assert alone(make(), PROBLEMS[0]).trace.steps == ()


@pytest.mark.parametrize("bar", [0.0, 0.05, 0.3, 0.9])
def test_a_draw_until_step_below_is_the_whole_one_cut_there(make: Any, cnf: int, bar: float) -> None:
    engine, wanted = make(), Signals(watch=(cnf, 5), steps=True)
    whole, live = (draws(engine, MANY, signals=wanted, until=until) for until in (TOKENS(999), STEP_BELOW(bar)))
    assert all(s.end is not End.BOUNDARY for s in whole)
    for one, other in zip(whole, live, strict=True):
        short = truncate(one, STEP_BELOW(bar))
        assert (short.end, short.token_ids, short.trace.steps) == (other.end, other.token_ids, other.trace.steps)
        np.testing.assert_allclose(short.trace.watched[cnf], other.trace.watched[cnf], **CLOSE)
    assert any(s.end is End.BOUNDARY for s in live) == (bar > 0)


@pytest.mark.parametrize("probed", [False, True])
def test_a_replay_prunes_and_pays_as_the_live_run_did(make: Any, cnf: int, probed: bool) -> None:
    wanted = Signals(watch=(cnf,), steps=True, probe=cnf if probed else None)
    scorer: Any = ConstantScorer()
    recorded = run(make(), Vote("whole", 3), scorer=scorer, signals=wanted)
    source = ReplayEngine({r.problem.id: r.decision.samples for r in recorded})
    strategy = Vote("pruned", 3, prune=0.3)
    live = run(make(), strategy, scorer=scorer, signals=wanted)
    again = asyncio.run(run_all(strategy, PROBLEMS, source))
    ends = set()
    for a, b in zip(live, again, strict=True):
        assert (a.decision.answer, a.decision.reason) == (b.decision.answer, b.decision.reason)
        assert a.decision.usage is not None and b.decision.usage is not None
        assert a.decision.usage.delivered == b.decision.usage.delivered
        for one, other in zip(a.decision.samples, b.decision.samples, strict=True):
            assert (one.end, one.token_ids) == (other.end, other.token_ids)
            ends.add(one.end)
    assert ends >= {End.BOUNDARY, End.STOP}


# --- the probe -------------------------------------------------------------------------------------------------------


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
            if engine.encode(other.text + TOKEN) == (*said, cnf):
                [[scored]] = asyncio.run(engine.score([Prefix(problem, other.text + TOKEN)], [cnf], Meter()))
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


def test_memory_that_runs_out_while_rows_are_probed_changes_nothing(
    make: Any, cnf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = draws(make(max_batch_size=16, max_tokens=12), MANY, signals=Signals(probe=cnf))
    engine = make(max_batch_size=16, max_tokens=12)
    decoder, whole = engine.batch.decoder, engine.batch.decoder.run
    broken = []

    def small(work: Any) -> Any:
        if work.probing and len(work.noise) > 1 and len(broken) < 3:
            broken.append(len(work.noise))
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
