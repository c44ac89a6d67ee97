"""Models to fine-tune: read with their tokenizer, given adapters, and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from tts.errors import InputError, TTSError, first_line
from tts.models.loading import quiet_peft
from tts.models.resolve import resolve

LORA_ALPHA = 32
"""Adapters are scaled by this over their rank."""
RECORD = "training.json"
"""The settings and the log of a training, in the directory of its model and of its adapters."""


def load(name: str, *, chat: bool) -> tuple[Any, Any]:
    """Return a model in float32 and its tokenizer.

    Args:
        name: a directory, GGUF file or hub name.
        chat: keep the tokenizer's chat template, or give it that of the model that a bare one was made of; without,
            it has none.

    Raises:
        InputError: the model is not there, or has no chat template where one is wanted.
    """
    logging.set_verbosity_error()
    base = resolve(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"--base {name} cannot be read ({first_line(error):.200}): make smollm2") from None
    if not chat:
        tokenizer.chat_template = None  # it is no chat model any more
    elif not tokenizer.chat_template:
        tokenizer.chat_template = template_of_origin(Path(base))
    return model, tokenizer


def template_of_origin(base: Path) -> str:
    """Return the chat template of the model that a bare one was made of by this program.

    Raises:
        InputError: the base is no such model, or that model is gone.
    """
    try:
        origin = json.loads((base / RECORD).read_text(encoding="utf-8"))["settings"]["base"]
        template = AutoTokenizer.from_pretrained(resolve(origin)).chat_template
    except (OSError, ValueError, KeyError, TTSError):
        template = None
    if not template:
        raise InputError(f"--base {base} has no chat template: use --form bare")
    return str(template)


def with_adapters(model: Any, rank: int) -> Any:
    """Return the model with adapters on all linear layers but the head, which alone are trained."""
    config = LoraConfig(r=rank, lora_alpha=LORA_ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet_peft():
        return get_peft_model(model, config)


def record_of(folder: Path) -> dict[str, Any]:
    """Return the record of a training of adapters, {settings, log}.

    Raises:
        InputError: it is not there.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if not record["settings"]["lora"]:
            raise ValueError("its training had no --lora")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--adapter {folder} must be a directory that a training with --lora wrote as OUT/adapter "
            f"({first_line(error):.200})"
        ) from None
    return record


def adapted(model: Any, folder: Path) -> Any:
    """Return the model with adapters that were trained before.

    Raises:
        InputError: they cannot be read, or are of another model.
    """
    try:
        with quiet_peft():
            return PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"--adapter {folder} cannot be read ({first_line(error):.200})") from None


def save(folder: Path, model: Any, tokenizer: Any, record: dict[str, Any]) -> None:
    """Write a model, its tokenizer and the record of its training.

    Adapters are rounded to bfloat16, written into ``adapter`` with the record, and merged into the base in float32.
    """
    text = json.dumps(record, indent=1)
    if isinstance(model, PeftModel):
        adapters = folder / "adapter"
        config = model.peft_config["default"]
        config.base_model_name_or_path = record["settings"]["base"]
        config.save_pretrained(str(adapters))
        state = {name: weight.bfloat16().contiguous() for name, weight in get_peft_model_state_dict(model).items()}
        save_file(state, adapters / "adapter_model.safetensors")
        (adapters / RECORD).write_text(text, encoding="utf-8")
        base, _ = load(record["settings"]["base"], chat=False)
        model = adapted(base, adapters).merge_and_unload()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / RECORD).write_text(text, encoding="utf-8")
