"""Small models, and responses of which a model can learn which are right: those that hold a telling token."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tts.progress.phases import Phases
from tts.training.build import TrainedModel, train
from tts.training.grace.method import GraceMethod
from tts.training.grace.recipe import GraceRecipe
from tts.training.loop import Loop
from tts.training.responses import Branches, Response, Split
from tts.training.tiny.tokenizer import build

TELLING = 20
"""A response is right if and only if it holds this token."""


@cache
def _tokenizer() -> Any:
    return build(2000)


def tokenizer() -> Any:
    """A tokenizer that a test may change."""
    return copy.deepcopy(_tokenizer())


def model(*, tied: bool = True, width: int = 32, spare: int = 0) -> Any:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    words = tokenizer()
    config = LlamaConfig(
        vocab_size=len(words) + spare,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=tied,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return LlamaForCausalLM(config).eval()


def responses(count: int, *, seed: int = 0, each: int = 4) -> tuple[Response, ...]:
    rng = np.random.default_rng(seed)
    found = []
    for question in range(count):
        prompt = (1, *rng.integers(30, 60, 4).tolist())
        for _ in range(each):
            ids = rng.integers(30, 60, int(rng.integers(4, 9))).tolist()
            right = bool(rng.random() < 0.5)
            if right:
                ids[int(rng.integers(len(ids)))] = TELLING
            found.append(Response(question, prompt, tuple(ids), True, right, "1" if right else "2"))
    return tuple(found)


def halves(count: int = 60) -> Split:
    return Split(responses(count), responses(20, seed=1))


QUICK = GraceRecipe(
    method="full",
    anchor="response",
    weight_lm=0.1,
    epochs=2,
    batch_size=20,
    micro_batch_size=20,
    learning_rate=3e-3,
    evaluations=1,
    dtype="float32",
    positions="end",
    seed=1,
)
"""A GrACE recipe for small models; without an anchor that needs a second model."""


def run(
    out: Path,
    recipe: GraceRecipe = QUICK,
    split: Split | None = None,
    *,
    base: Any = None,
    words: Any = None,
    report: Callable[[str], None] = lambda line: None,
    phases: Phases | None = None,
) -> TrainedModel:
    """Train a small GrACE model."""
    words = words or tokenizer()
    return train(
        out,
        base or model(),
        words,
        split or halves(),
        GraceMethod(recipe),
        base={"model": "m"},
        report=report,
        phases=phases,
    )


def alone(given: Sequence[Response]) -> list[Branches]:
    """A row for each response."""
    return [Branches(one.prompt, (one,)) for one in given]


@contextmanager
def interrupted(step: int) -> Iterator[None]:
    """Press Ctrl-C at a step of the training inside."""
    learn, seen = Loop.learn, 0

    def stop(self: Any, batch: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == step:
            raise KeyboardInterrupt
        return learn(self, batch)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Loop, "learn", stop)
        yield
