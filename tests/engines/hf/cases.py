"""Small random models, and draws from the transformers engine as samples."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.engines.base import Meter, Request  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.stories.stories import take  # noqa: E402
from tts.types import End, Problem, Sample, Trace  # noqa: E402

PROBLEMS = [Problem(f"p{i}", story.question, story.answer) for i, story in enumerate(take("test", 12))]


def random_model(tokenizer: Any, **more: Any) -> Any:
    """A Llama of two layers, the same each time."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.2,  # sharp enough that tokens depend on what was read
        **{"tie_word_embeddings": True, **more},
    )
    return LlamaForCausalLM(config).eval()


async def draw(engine: TransformersEngine, problem: Problem, index: int = 0, **more: Any) -> tuple[Sample, Meter]:
    request = Request(problem, index, **more)
    async with aclosing(engine.sample(request)) as stream:  # type: ignore[type-var]
        chunks = [chunk async for chunk in stream]
    sample = Sample(
        text="".join(c.text for c in chunks),
        end=chunks[-1].end or End.FAILED,
        token_ids=tuple(i for c in chunks for i in c.token_ids),
        trace=Trace.joined([c.trace for c in chunks], request.signals.watch),
    )
    return sample, request.meter


def draws(engine: TransformersEngine, requests: Sequence[tuple[Problem, int]], **more: Any) -> list[Sample]:
    async def all_of_them() -> list[tuple[Sample, Meter]]:
        return await asyncio.gather(*(draw(engine, problem, index, **more) for problem, index in requests))

    return [sample for sample, _ in asyncio.run(all_of_them())]


def alone(engine: TransformersEngine, problem: Problem, index: int = 0, **more: Any) -> Sample:
    return draws(engine, [(problem, index)], **more)[0]


def read(model: Any, ids: Sequence[int]) -> Any:
    """Log-probabilities after each token, [len(ids), vocab], by a plain forward pass."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([list(ids)])).logits[0].log_softmax(-1)
