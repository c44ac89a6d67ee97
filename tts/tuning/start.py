"""Where a training starts: the base model in float32, perhaps as it was grown before, and its tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tts.engines.config import BUNDLED, EngineConfig
from tts.engines.quiet import quiet
from tts.errors import InputError
from tts.tiny import weights
from tts.tuning.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Start:
    """What is trained, its tokenizer, and the precision that the base's weights are kept in."""

    model: Any
    tokenizer: Any
    dtype: torch.dtype


def start(engine: EngineConfig, schedule: Schedule) -> Start:
    """Load what a training starts from.

    Args:
        engine: names the base model.
        schedule: says how it is trained; where it grows upon a model, that is loaded instead.

    Raises:
        InputError: there is no model to grow upon, or it was not grown from this base.
    """
    source = engine.folder or engine.model
    given = {"revision": engine.revision} if engine.revision else {}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(source, **given)
        dtype = AutoConfig.from_pretrained(source, **given).dtype or torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **given)
        if schedule.method == "grow" and schedule.grow.upon is not None:
            model = _grown(model, schedule.grow.upon)
    return Start(model, tokenizer, dtype)


def _grown(base: Any, name: str) -> Any:
    """A model that was grown from a base, without the tokens that it says its confidence by."""
    folder = weights(name) if name in BUNDLED else Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise InputError(f"recipe.grow.upon {name}: no model there; give a directory, or one of {', '.join(BUNDLED)}")
    grown: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    mine, its = (model.get_input_embeddings().weight.detach() for model in (base, grown))
    rows, width = mine.shape
    if not (
        grown.config.model_type == base.config.model_type
        and its.shape[0] >= rows
        and its.shape[1] > width
        and torch.equal(its[:rows, :width], mine)
        and not its[:rows, width:].any()
    ):
        raise InputError(f"recipe.grow.upon {name} was not grown from the base model: give null, or one that was")
    if its.shape[0] > rows:
        grown.resize_token_embeddings(rows)
    return grown
