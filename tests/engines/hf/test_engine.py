"""The transformers engine on a small random model: every promise that does not need a model that can count."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.stopping import Unanimous  # noqa: E402
from strategies.vote import Vote  # noqa: E402
from tests.engines.hf.cases import PROBLEMS, alone, draw, draws, read  # noqa: E402
from tests.support.examples import slowly  # noqa: E402
from tts.boundaries import group_crossing  # noqa: E402
from tts.engines.base import Meter, Prefix, Request  # noqa: E402
from tts.engines.kinds import CountsTokens  # noqa: E402
from tts.runtime.driver import Options, run_all  # noqa: E402
from tts.types import CONFIDENCE_BELOW, GROUP_BELOW, STEP, TOKENS, End, Sample, Signals  # noqa: E402

EVERYTHING = Signals(watch=(10, 11), top=20, entropy=True, certainty=True)


@pytest.mark.slow
def test_greedy_draws_are_those_of_generate(make: Any, model: Any) -> None:
    engine = make(temperature=0, max_batch_size=5)
    samples = draws(engine, [(p, 0) for p in PROBLEMS])
    for problem, sample in zip(PROBLEMS, samples, strict=True):
        ids = torch.tensor([engine.prompt_ids(problem)])
        generated = model.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :].tolist()
        assert list(sample.token_ids) == generated


def test_signals_are_those_of_a_plain_pass_at_temperature_one(make: Any, model: Any) -> None:
    engine = make(temperature=0.7, max_batch_size=4)
    samples = draws(engine, [(p, 1) for p in PROBLEMS[:6]], signals=EVERYTHING)
    for problem, sample in zip(PROBLEMS, samples, strict=False):
        prompt = engine.prompt_ids(problem)
        after = read(model, prompt + sample.token_ids)[len(prompt) - 1 : -1]
        close = {"rtol": 1e-4, "atol": 1e-4}
        chosen = after.gather(-1, torch.tensor(sample.token_ids)[:, None])[:, 0]
        np.testing.assert_allclose(sample.trace.logprobs, chosen, **close)
        for token in (10, 11):
            np.testing.assert_allclose(sample.trace.watched[token], after[:, token].exp(), **close)
        np.testing.assert_allclose(sample.trace.top, -after.topk(20).values.mean(-1), **close)
        np.testing.assert_allclose(sample.trace.entropy, -(after.exp() * after).sum(-1), **close)
        uniform = 1 / after.shape[-1]
        np.testing.assert_allclose(sample.trace.certainty, (uniform * (np.log(uniform) - after)).sum(-1), **close)


@pytest.mark.parametrize(
    "how",
    [
        {"top_k": 50, "top_p": 0.9},
        *slowly({}, {"top_k": 5}, {"top_p": 0.8}),
    ],
)
def test_the_same_seed_gives_the_same_tokens_whatever_else_is_in_the_batch(make: Any, how: dict[str, Any]) -> None:
    by_themselves = [
        alone(make(max_batch_size=1, **how), p, i, signals=Signals()) for p in PROBLEMS[:4] for i in range(3)
    ]
    crowd = make(max_batch_size=7, **how)
    wanted = [(p, i) for p in PROBLEMS for i in range(3)]
    together = dict(zip(wanted, draws(crowd, wanted), strict=True))
    for number, sample in enumerate(by_themselves):
        other = together[PROBLEMS[number // 3], number % 3]
        assert (sample.token_ids, sample.text, sample.end) == (other.token_ids, other.text, other.end)
    assert len({s.token_ids for s in by_themselves}) == len(by_themselves)
    other_seed = make(max_batch_size=7, seed=1, **how)
    assert alone(other_seed, PROBLEMS[0]).token_ids != by_themselves[0].token_ids


@pytest.mark.slow
def test_draws_follow_the_model_s_distribution(make: Any, model: Any) -> None:
    engine = make(temperature=0.8, max_tokens=1, max_batch_size=64)
    problem, n = PROBLEMS[0], 4000
    first = [s.token_ids[0] for s in draws(engine, [(problem, i) for i in range(n)])]
    counts = np.bincount(first, minlength=engine.batch.decoder.vocabulary)
    logits = read(model, engine.prompt_ids(problem))[-1]
    expected = n * (logits / 0.8).softmax(-1).numpy().astype(np.float64)
    common = expected >= 5
    statistic = ((counts - expected)[common] ** 2 / expected[common]).sum()
    assert statistic < common.sum() + 5 * np.sqrt(2 * common.sum())  # five sigma, fixed seed
    assert counts[expected < 1e-6].sum() == 0


def test_top_k_and_top_p_keep_the_smallest_sets(make: Any, model: Any) -> None:
    problem = PROBLEMS[1]
    order = (read(model, make().prompt_ids(problem))[-1]).exp().sort(descending=True)
    for how, allowed in (
        ({"top_k": 3}, 3),
        ({"top_p": 0.5}, int((order.values.cumsum(-1) < 0.5).sum()) + 1),
    ):
        engine = make(max_tokens=1, max_batch_size=64, **how)
        seen = {s.token_ids[0] for s in draws(engine, [(problem, i) for i in range(400)])}
        assert seen <= set(order.indices[:allowed].tolist()) and len(seen) > 1


@pytest.mark.slow
def test_a_prompt_is_read_once_and_every_token_is_counted(make: Any) -> None:
    engine = make(max_batch_size=6)
    results = asyncio.run(run_all(Vote("all", 5), PROBLEMS, engine, extract=lambda p, t: None))
    batch, total = engine.batch, [r.decision.usage for r in results]
    prompts = sum(len(engine.prompt_ids(p)) for p in PROBLEMS)
    assert batch.prompt == prompts and batch.prompt_cached == 4 * prompts
    assert (
        batch.drawn
        == sum(u.delivered for u in total)
        == sum(len(s.token_ids) for r in results for s in r.decision.samples)
    )
    assert batch.prompt == sum(u.prompt for u in total) and batch.prompt_cached == sum(u.prompt_cached for u in total)


def test_a_closed_stream_frees_its_row_and_is_charged_to_the_last_token(make: Any) -> None:
    engine = make(max_batch_size=1, max_tokens=200)

    async def closed_halfway() -> tuple[Meter, Meter]:
        request = Request(PROBLEMS[0], 0)
        task = asyncio.create_task(anext(engine.sample(request)))
        while request.meter.drawn < 5:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        _, meter = await draw(engine, PROBLEMS[1], until=TOKENS(4))  # there is one row, so it was freed
        return request.meter, meter

    closed, after = asyncio.run(closed_halfway())
    assert 5 <= closed.drawn < 200 and after.drawn == 4
    assert isinstance(engine, CountsTokens) and engine.drawn == closed.drawn + after.drawn
    assert engine.batch.prompt == closed.prompt + after.prompt


def test_look_ahead_is_cut_short_and_charged(make: Any) -> None:
    engine = make(max_batch_size=4, max_tokens=60)
    stop_at_once = Vote("first", 4, stop=(Unanimous(1),))
    options = Options(lookahead=2, read_truncated=True)
    results = asyncio.run(run_all(stop_at_once, PROBLEMS[:6], engine, extract=lambda p, t: "1", options=options))
    usage = [r.decision.usage for r in results if r.decision.usage is not None]
    assert sum(r.aborted for r in results) == 12 and sum(u.aborted for u in usage) > 0
    assert engine.batch.drawn == sum(u.delivered + u.aborted for u in usage)
    assert engine.batch.prompt == sum(u.prompt for u in usage)
    assert engine.batch.prompt_cached == sum(u.prompt_cached for u in usage)


@pytest.mark.parametrize("stream", [0, 1, 7])
def test_streamed_pieces_are_the_whole(make: Any, stream: int) -> None:
    whole = alone(make(), PROBLEMS[2], signals=EVERYTHING)
    pieces = alone(make(stream=stream), PROBLEMS[2], signals=EVERYTHING)
    assert (pieces.text, pieces.token_ids, pieces.end) == (whole.text, whole.token_ids, whole.end)
    np.testing.assert_allclose(pieces.trace.top, whole.trace.top, rtol=1e-5)


def test_boundaries_end_a_sample_where_they_say(make: Any, tokenizer: Any) -> None:
    engine = make(max_tokens=120)
    whole = alone(engine, PROBLEMS[3], signals=EVERYTHING)
    three = alone(engine, PROBLEMS[3], until=TOKENS(3), signals=EVERYTHING)
    assert (three.end, three.token_ids) == (End.BOUNDARY, whole.token_ids[:3])
    line = alone(engine, PROBLEMS[3], until=STEP, signals=EVERYTHING)
    assert line.end is not End.BOUNDARY or (line.text.count("\n") == 1 and line.text.endswith("\n"))
    assert whole.text.startswith(line.text)
    tau = float(np.quantile(whole.trace.watched[10], 0.2))
    low = alone(engine, PROBLEMS[3], until=CONFIDENCE_BELOW(tau), signals=EVERYTHING)
    first = next(i for i, p in enumerate(whole.trace.watched[10]) if p < tau)
    assert (low.end, len(low.token_ids)) == (End.BOUNDARY, first + 1)
    bar = float(np.quantile(np.convolve(whole.trace.top, np.ones(8) / 8, "valid"), 0.2))
    group = alone(engine, PROBLEMS[3], until=GROUP_BELOW(bar, 8), signals=EVERYTHING)
    assert (group.end, len(group.token_ids)) == (End.BOUNDARY, group_crossing(GROUP_BELOW(bar, 8), whole.trace.top))


def test_a_prefix_goes_on_as_a_plain_pass_would(make: Any, model: Any) -> None:
    engine = make(temperature=0)
    whole = alone(engine, PROBLEMS[4])
    begun = alone(engine, PROBLEMS[4], until=TOKENS(10))
    rest, meter = asyncio.run(draw(engine, PROBLEMS[4], prefix=begun))
    assert begun.token_ids + rest.token_ids == whole.token_ids and begun.text + rest.text == whole.text
    assert meter.prompt_cached == len(engine.prompt_ids(PROBLEMS[4])) + 9 and meter.prompt == 1
    text = "So Anna has 3"  # drawn elsewhere: no token ids
    by_text = alone(engine, PROBLEMS[4], prefix=Sample(text=text))
    by_ids = alone(engine, PROBLEMS[4], prefix=Sample(text=text, token_ids=engine.encode(text)))
    assert by_text.token_ids == by_ids.token_ids


def test_score_is_the_next_token_s_probability(make: Any, model: Any) -> None:
    engine = make()
    prefixes = [Prefix(p, text) for p in PROBLEMS[:3] for text in ("", "So we get 12.", "So")]
    meter = Meter()
    found = asyncio.run(engine.score(prefixes, [5, 9], meter))
    for prefix, row in zip(prefixes, found, strict=True):
        ids = engine.prompt_ids(prefix.problem) + engine.encode(prefix.text)
        np.testing.assert_allclose(row, read(model, ids)[-1, [5, 9]].exp(), rtol=1e-4, atol=1e-6)
    prompts = [len(engine.prompt_ids(p)) for p in PROBLEMS[:3]]
    texts = sum(len(engine.encode(prefix.text)) for prefix in prefixes)
    assert (meter.prompt, meter.prompt_cached) == (sum(prompts) + texts, 2 * sum(prompts))
    assert engine.batch.scored == meter.prompt + meter.prompt_cached
    assert asyncio.run(engine.score([], [5], Meter())).shape == (0, 1)
