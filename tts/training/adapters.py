"""The trained weights of a model: new tokens, adapters or grown parts, and their optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from tts.errors import InputError
from tts.models.loading import quiet_peft
from tts.training.grow import grow
from tts.training.muon import Muon
from tts.training.schedule import Schedule


def refuse_tokens(tokenizer: Any, texts: Sequence[str]) -> None:
    """Refuse a tokenizer that has one of the tokens to add.

    Raises:
        InputError: naming the token.
    """
    vocabulary = tokenizer.get_vocab()
    for text in texts:
        if text in vocabulary:
            raise InputError(
                f"the base model's tokenizer already has the token {text!r}: start from a model without it, "
                "or give another recipe.token"
            )


def add_tokens(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Append special tokens to vocabulary and model.

    Returns:
        Their ids.

    Raises:
        InputError: the tokenizer has one of them already.
    """
    refuse_tokens(tokenizer, texts)
    tokenizer.add_special_tokens({"additional_special_tokens": list(texts)}, replace_extra_special_tokens=False)
    tokens = [int(token) for token in tokenizer.convert_tokens_to_ids(list(texts))]
    if max(tokens) >= model.get_input_embeddings().weight.shape[0]:  # many models have rows to spare
        model.resize_token_embeddings(max(tokens) + 1, mean_resizing=False)
    return tokens


def is_tied(model: Any) -> bool:
    """Return whether the input and output embeddings share one matrix."""
    tied: bool = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    return tied


def adapted(model: Any, schedule: Schedule, tokens: Sequence[int]) -> Any:
    """Return the model with trained parts: adapters and the tokens' rows, every weight, or grown parts.

    Raises:
        InputError: peft is not installed, or the model cannot be grown.
    """
    if schedule.method == "full":
        return model
    if schedule.method == "grow":
        return grow(model, schedule.grow, tokens, seed=schedule.seed)
    check_installed(schedule)
    from peft import LoraConfig, get_peft_model

    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    rows = [names[id(model.get_input_embeddings())]]
    if not is_tied(model):
        rows.append(names[id(model.get_output_embeddings())])
    config = LoraConfig(
        r=schedule.lora.rank,
        lora_alpha=schedule.lora.alpha,
        lora_dropout=schedule.lora.dropout,
        target_modules="all-linear" if schedule.lora.layers is None else _last(model, schedule.lora.layers),
        trainable_token_indices={name: list(tokens) for name in rows} if tokens else None,
        task_type="CAUSAL_LM",
    )
    with quiet_peft():
        return get_peft_model(model, config)


def _last(model: Any, layers: int) -> list[str]:
    """Return the names of the linear modules of a model's last layers."""
    some = model.base_model.layers[-layers:]
    inside = {id(part) for part in some.modules() if isinstance(part, torch.nn.Linear)}
    return [name for name, part in model.named_modules() if id(part) in inside]


def check_installed(schedule: Schedule) -> None:
    """Refuse adapters where no package for them is installed.

    Raises:
        InputError: peft is not installed.
    """
    if schedule.method == "lora" and find_spec("peft") is None:
        raise InputError("recipe.method=lora needs peft, which is not installed: pip install 'tts-rerank[hf]'")


def trainable(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Return the names and values of the trained weights."""
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


def optimisers(model: Any, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Return AdamW, or Muon for the matrices of the layers and AdamW for the rest, at their peak rates."""
    weights = dict(trainable(model))
    ends = {id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings())}
    rows = getattr(model, "rows", None)  # of a grown model's tokens: each row is independent, so no matrix for Muon
    ends |= {id(rows)} if rows is not None else set()
    matrices = [w for w in weights.values() if w.ndim == 2 and id(w) not in ends] if schedule.muon_learning_rate else []
    taken = {id(weight) for weight in matrices}
    rest = [weight for weight in weights.values() if id(weight) not in taken]
    adamw = torch.optim.AdamW(rest, lr=schedule.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
    return [adamw, Muon(matrices, lr=schedule.muon_learning_rate)] if matrices else [adamw]
