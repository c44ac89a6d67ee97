"""Small models, and responses of which a model can learn which are right: those that hold a telling token."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tts.training.responses import Response, Split
from tts.training.tiny.tokenizer import build

TELLING = 20
"""A response is right if and only if it holds this token."""


def tokenizer() -> Any:
    return build(2000)


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
