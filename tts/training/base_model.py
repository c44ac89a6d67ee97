"""Where a training starts: the base model in float32, perhaps as it was grown before, and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tts.engines.config import EngineConfig
from tts.errors import InputError, first_line
from tts.models.bundled import weights
from tts.models.loading import quiet
from tts.models.resolve import BUNDLED, fingerprint
from tts.training.schedule import Schedule


@dataclass(frozen=True, slots=True)
class BaseModel:
    """What is trained, its tokenizer, and the precision that the base's weights are kept in.

    Attributes:
        model: what is trained.
        tokenizer: the base's.
        dtype: of the base's weights.
        upon: fingerprint of the model that is grown upon, by the key "upon"; empty where that is the base alone.
    """

    model: Any
    tokenizer: Any
    dtype: torch.dtype
    upon: Mapping[str, str]


def start(engine: EngineConfig, schedule: Schedule) -> BaseModel:
    """Load what a training starts from.

    Args:
        engine: names the base model.
        schedule: says how it is trained; where it grows upon a model, that is loaded instead.

    Raises:
        InputError: there is no model to grow upon, it cannot be read, or it was not grown from this base.
    """
    upon: dict[str, str] = {}
    source = engine.folder or engine.model
    given = {"revision": engine.revision} if engine.revision else {}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(source, **given)
        dtype = AutoConfig.from_pretrained(source, **given).dtype or torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **given)
        if schedule.upon is not None:
            folder = _folder(schedule.upon)
            model = _grown(model, schedule.upon, folder, words=len(tokenizer))
            upon["upon"] = fingerprint(folder)
    return BaseModel(model, tokenizer, dtype, upon)


def check_start(engine: EngineConfig, schedule: Schedule) -> None:
    """Refuse a model that cannot be grown upon, before anything is drawn for the training.

    Raises:
        InputError: as :func:`start`.
    """
    if schedule.upon is not None:
        start(engine, schedule)


def _folder(name: str) -> Path:
    folder = weights(name) if name in BUNDLED else Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise InputError(f"recipe.grow.upon {name}: no model there; give a directory, or one of {', '.join(BUNDLED)}")
    return folder


def _grown(base: Any, name: str, folder: Path, *, words: int) -> Any:
    """A model that was grown from a base of so many words, without the tokens that it says its confidence by."""
    try:
        grown: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        why = first_line(error)
        raise InputError(f"recipe.grow.upon {name} cannot be read ({why:.200}): train it again, or give null") from None
    if not _is_grown(grown, base, words):
        raise InputError(f"recipe.grow.upon {name} was not grown from the base model: give null, or one that was")
    rows = base.get_input_embeddings().weight.shape[0]
    if grown.get_input_embeddings().weight.shape[0] > rows:
        grown.resize_token_embeddings(rows)
    return grown


def _is_grown(grown: Any, base: Any, words: int) -> bool:
    """Whether a model is wider than the base and has its words, which write to its channels alone, and its neurons."""
    mine, its = (model.get_input_embeddings().weight.detach() for model in (base, grown))
    rows, width = mine.shape
    if not (
        grown.config.model_type == base.config.model_type
        and its.shape[0] >= rows
        and its.shape[1] > width
        and grown.config.num_hidden_layers >= base.config.num_hidden_layers
        and torch.equal(its[:words, :width], mine[:words])
        and not its[:words, width:].any()
    ):
        return False
    theirs = dict(grown.named_parameters())
    neurons = [(key, w) for key, w in base.named_parameters() if key.endswith(("gate_proj.weight", "up_proj.weight"))]
    return all(torch.equal(theirs[key][: w.shape[0], : w.shape[1]], w) for key, w in neurons)
