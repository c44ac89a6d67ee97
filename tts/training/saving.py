"""Writing of a trained model as a plain Hugging Face directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tts.training.grow import Grown


def save_model(out: Path, model: Any, tokenizer: Any, *, dtype: torch.dtype, suppress: Sequence[int]) -> None:
    """Write a model and its tokenizer; its generation configuration suppresses the given tokens.

    A grown model is merged and stays in float32: the base's norms are scaled, which bfloat16 would round.

    Args:
        out: the directory.
        model: the model; merged adapters, no value head.
        tokenizer: its tokenizer.
        dtype: the precision of the written weights.
        suppress: ids of the tokens that the model never draws.
    """
    if isinstance(model, Grown):
        model, dtype = model.merged(), torch.float32
    if suppress:
        model.generation_config.suppress_tokens = list(suppress)
    model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)
