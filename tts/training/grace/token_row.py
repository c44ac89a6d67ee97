"""The first rows of the confidence token, which start its probability near the base rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.logistic import fit_logistic
from tts.training.adapters import is_tied
from tts.training.grace.losses import others

START_RIDGE = 1 / 256
"""Penalty on the token's first row for each place of the fit, in units of a hidden state's mean square."""


@torch.no_grad()
def start_row(model: Any, read: Callable[[], tuple[Tensor, Tensor, Tensor]], token: int) -> None:
    """Set the token's rows so that its probability starts as a probe's, near the base rate.

    From a probability near 1e-6 a squared error has no gradient. The output row is the ridge-penalised logistic
    regression of correctness on the last hidden states, offset by the log-sum-exp of all other logits there. A separate
    input row starts as the mean of all rows.

    Args:
        model: with the token's rows.
        read: computes last hidden states where confidences are read, [n, width], logits there, [n, vocab], and whether
            the response is right, [n].
        token: id of the confidence token.
    """
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    embedding[token] = 0.0
    embedding[token] = embedding.mean(0)
    for _ in range(1 + is_tied(model)):  # a tied row changes the states that it is fitted on
        states, logits, right = (part.double().cpu() for part in read())
        against = -others(logits, token).logsumexp(-1)
        penalty = np.full(states.shape[1], START_RIDGE * len(states) * float(states.square().mean()))
        row = fit_logistic(states.numpy(), right.numpy(), penalty, offset=against.numpy())
        head[token] = torch.tensor(row, dtype=head.dtype, device=head.device)
