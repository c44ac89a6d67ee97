"""The confidence token's row, which starts at the base rate, and the finished directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.logistic import fit_logistic
from tts.models.grace import GraceCard, write_card
from tts.training.adapters import is_tied
from tts.training.grace.losses import others
from tts.training.grow import Grown

START_RIDGE = 1 / 256
"""Penalty on the first row of the token, for each place it is fitted on, in units of a hidden state's mean square."""


@torch.no_grad()
def start_row(model: Any, read: Callable[[], tuple[Tensor, Tensor, Tensor]], token: int) -> None:
    """Set the token's rows so that its probability starts as a probe's: near the base rate, and a little wiser.

    From a probability near 1e-6 a squared error has no gradient. The output row is that of a ridge-penalised logistic
    regression of right and wrong on the last hidden states, offset by what all other tokens score there. An input row
    of its own starts as the mean of all.

    Args:
        model: with the token's rows.
        read: computes last hidden states where confidences are read, [n, width], logits there, [n, vocab], and whether
            the response is right, [n].
        token: id of the confidence token.
    """
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    embedding[token] = 0.0
    embedding[token] = embedding.mean(0)
    for _ in range(1 + is_tied(model)):  # where the row is read as well, what it is changes what follows it
        states, logits, right = (part.double().cpu() for part in read())
        against = -others(logits, token).logsumexp(-1)
        penalty = np.full(states.shape[1], START_RIDGE * len(states) * float(states.square().mean()))
        row = fit_logistic(states.numpy(), right.numpy(), penalty, offset=against.numpy())
        head[token] = torch.tensor(row, dtype=head.dtype, device=head.device)


def save(out: Path, model: Any, tokenizer: Any, card: GraceCard, *, dtype: torch.dtype) -> None:
    """Write a plain Hugging Face directory with ``grace.json``; adapters are merged and kept beside it in ``adapter``.

    Its generation configuration suppresses the confidence token, so that it is never drawn.
    """
    if hasattr(model, "merge_and_unload"):
        model.save_pretrained(out / "adapter", save_embedding_layers=False)  # the token's rows are in the adapter
        model = model.merge_and_unload()
    if isinstance(model, Grown):
        model, dtype = model.merged(), torch.float32  # the base's norms are scaled, which bfloat16 would round
    model.generation_config.suppress_tokens = [card.token_id]
    model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_card(out, card)
