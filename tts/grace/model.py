"""The model side: a token more, a row for it that starts at the base rate, adapters, and the finished directory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.errors import InputError
from tts.grace.card import Card, write_card
from tts.grace.grow import Grown, grow
from tts.grace.losses import others
from tts.grace.recipe import Recipe
from tts.optim import Muon
from tts.scorers.logistic import least_loss

START_RIDGE = 1 / 256
"""Penalty on the first row of the token, for each place it is fitted on, in units of a hidden state's mean square."""


def add_token(model: Any, tokenizer: Any, text: str) -> int:
    """Append the confidence token to vocabulary and model.

    Returns:
        Its id.

    Raises:
        InputError: the tokenizer has it already.
    """
    if text in tokenizer.get_vocab():
        raise InputError(
            f"the base model's tokenizer already has the token {text!r}: start from a model without it, "
            "or give another recipe.token"
        )
    tokenizer.add_special_tokens({"additional_special_tokens": [text]}, replace_extra_special_tokens=False)
    token = int(tokenizer.convert_tokens_to_ids(text))
    if token >= model.get_input_embeddings().weight.shape[0]:  # many models have rows to spare
        model.resize_token_embeddings(token + 1, mean_resizing=False)
    return token


def is_tied(model: Any) -> bool:
    """Whether one matrix holds the rows of input and output."""
    tied: bool = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    return tied


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
        row = least_loss(states.numpy(), right.numpy(), penalty, offset=against.numpy())
        head[token] = torch.tensor(row, dtype=head.dtype, device=head.device)


def adapted(model: Any, recipe: Recipe, token: int) -> Any:
    """The model with what the recipe trains: adapters and the token's rows, every weight, or what it grows.

    Raises:
        InputError: peft is not installed, or the model cannot be grown.
    """
    if recipe.method == "full":
        return model
    if recipe.method == "grow":
        return grow(model, recipe.grow, token, seed=recipe.seed)
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise InputError(
            f"recipe.method=lora needs {error.name}, which is not installed: pip install 'tts-rerank[hf]'"
        ) from None
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    rows = [names[id(model.get_input_embeddings())]]
    if not is_tied(model):
        rows.append(names[id(model.get_output_embeddings())])
    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules="all-linear",
        trainable_token_indices={name: [token] for name in rows},
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft asks the model by a name that transformers is about to drop
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        return get_peft_model(model, config)


def trainable(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Names and weights that are trained."""
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


def optimisers(model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW, or Muon for the matrices of the layers and AdamW for the rest; their rates are the peaks."""
    weights = dict(trainable(model))
    ends = {id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings())}
    matrices = [w for w in weights.values() if w.ndim == 2 and id(w) not in ends] if recipe.muon_rate else []
    taken = {id(weight) for weight in matrices}
    rest = [weight for weight in weights.values() if id(weight) not in taken]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.0)]
    if matrices:
        found.append(Muon(matrices, lr=recipe.muon_rate))
    return found


def save(out: Path, model: Any, tokenizer: Any, card: Card, *, dtype: torch.dtype) -> None:
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
