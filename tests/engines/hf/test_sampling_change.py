"""Requests with sampling of their own share a batch, and each draws what an engine at that sampling draws."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, draw, draws  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.hf.sampler import Sampler  # noqa: E402
from tts.engines.sampling import Sampling, SamplingChange, changed  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.types import End, Sample, Signals  # noqa: E402

CHANGES: list[SamplingChange | None] = [
    None,
    SamplingChange(temperature=0.0),
    SamplingChange(temperature=1.3, top_p=0.7),
    SamplingChange(temperature=0.3),
    SamplingChange(top_p=0.5, seed=9),
    SamplingChange(top_p=1.0, max_tokens=5),
    SamplingChange(seed=1),
]


async def mixed(
    engine: TransformersEngine, asked: Sequence[tuple[int, SamplingChange | None]], **more: Any
) -> list[Sample]:
    """Draws of several problems at once, each with a change of its own."""
    found = await asyncio.gather(*(draw(engine, PROBLEMS[i], sampling=change, **more) for i, change in asked))
    return [sample for sample, _ in found]


@pytest.mark.parametrize("own", [Sampling(0.8), Sampling(0.0), Sampling(0.8, 0.6), Sampling(1.0, 0.9, top_k=6)])
@pytest.mark.parametrize("suppressed", [(), (3, 5)])
def test_a_row_is_drawn_as_by_a_sampler_with_its_parameters(own: Sampling, suppressed: tuple[int, ...]) -> None:
    rows, how = 60, [changed(own, CHANGES[row % len(CHANGES)]) for row in range(60)]
    logits = 3 * torch.randn((rows, 700), generator=torch.Generator().manual_seed(1))
    keys, wanted = [(row, 2) for row in range(rows)], Signals(top=4, watch=(3,))
    together = Sampler(own, suppressed, "cpu").draw(
        logits, keys, wanted, [], {row: one for row, one in enumerate(how) if one != own}
    )
    for row, one in enumerate(how):
        alone = Sampler(one, suppressed, "cpu").draw(logits[[row]], [keys[row]], wanted, [], {})
        assert together.tokens[row] == alone.tokens[0]
        assert together.logprobs[row] == pytest.approx(alone.logprobs[0])
        assert together.columns["top"][row] == pytest.approx(alone.columns["top"][0])


def test_requests_with_parameters_of_their_own_draw_what_an_engine_at_these_draws() -> None:
    """Parameters of concurrent requests do not mix (algorithmicsuperintelligence/optillm#304)."""
    own = Sampling(temperature=0.8, max_tokens=20)
    asked = [(problem, change) for problem in range(2) for change in CHANGES]
    engine = TransformersEngine.load(weights(), prompt=Prompt(), sampling=own)
    together = asyncio.run(mixed(engine, asked))
    equal = []
    for change in CHANGES:
        model, tokenizer = engine.batch.decoder.model, engine.encoder.tokenizer
        whole = TransformersEngine(model, tokenizer, prompt=Prompt(), sampling=changed(own, change))
        alone = draws(whole, [(PROBLEMS[i], 0) for i in range(2)])
        whole.close()
        mine = [sample for sample, (_, its) in zip(together, asked, strict=True) if its is change]
        equal += [(s.token_ids, s.end) == (one.token_ids, one.end) for s, one in zip(mine, alone, strict=True)]
        assert change is not CHANGES[5] or {(len(s.token_ids), s.end) for s in mine} == {(5, End.LENGTH)}
    engine.close()
    assert len({sample.token_ids for sample in together}) >= 10, "noise is shared, and at times so is the text"
    assert sum(equal) >= len(equal) - 1, "rounding may change one of 14"


def test_rows_come_and_go_and_keep_their_parameters(make: Any) -> None:
    engine, few = make(temperature=0.9), make(temperature=0.9, max_batch_size=3)
    asked = [(i % len(PROBLEMS), CHANGES[i % len(CHANGES)]) for i in range(21)]
    assert [s.token_ids for s in asyncio.run(mixed(engine, asked))] == [
        s.token_ids for s in asyncio.run(mixed(few, asked))
    ]
