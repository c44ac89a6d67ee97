"""The model side: a token more, a row for it that starts at the base rate, adapters, and the finished directory."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tts.errors import InputError
from tts.grace.card import Card, write_card
from tts.grace.losses import others
from tts.grace.recipe import Recipe


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
def start_row(model: Any, hidden: Callable[[], tuple[Tensor, Tensor]], rate: float, token: int) -> None:
    """Set the token's rows so that its probability starts near the base rate.

    From a probability near 1e-6 a squared error has no gradient. The output row is the least row (ridge regression)
    whose logit exceeds the log-sum-exp of all others by the base rate's log-odds. An input row of its own starts as the
    mean of all.

    Args:
        model: with the token's rows.
        hidden: computes last hidden states where the confidence is read, [n, width], and logits there, [n, vocab].
        rate: share of right responses, in (0, 1).
        token: id of the confidence token.
    """
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    embedding[token] = 0.0
    embedding[token] = embedding.mean(0)
    for _ in range(1 + is_tied(model)):  # where the row is read as well, what it is changes what follows it
        states, logits = (part.double() for part in hidden())
        wanted = others(logits, token).logsumexp(-1) + math.log(rate / (1 - rate))
        gram = states.T @ states
        gram += 0.01 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        head[token] = torch.linalg.solve(gram, states.T @ wanted).to(head.dtype)


def adapted(model: Any, recipe: Recipe, token: int) -> Any:
    """The model with what the recipe trains: adapters and the token's rows, or every weight.

    Raises:
        InputError: peft is not installed, or finds no layer to adapt.
    """
    if recipe.method == "full":
        return model
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


def save(out: Path, model: Any, tokenizer: Any, card: Card, *, dtype: torch.dtype) -> None:
    """Write a plain Hugging Face directory with ``grace.json``; adapters are merged and kept beside it in ``adapter``.

    Its generation configuration suppresses the confidence token, so that it is never drawn.
    """
    if hasattr(model, "merge_and_unload"):
        model.save_pretrained(out / "adapter", save_embedding_layers=False)  # the token's rows are in the adapter
        model = model.merge_and_unload()
    model.generation_config.suppress_tokens = [card.token_id]
    model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_card(out, card)
