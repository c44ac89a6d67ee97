"""Loading of the model that a training starts from: the base, or a model grown from it, in float32."""

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
from tts.training.adapters import check_installed
from tts.training.grow import check_growable
from tts.training.last_states import frozen_layers
from tts.training.schedule import Schedule


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A loaded model, its tokenizer, and the precision of the base's stored weights.

    Attributes:
        model: the model to train.
        tokenizer: the base's tokenizer.
        dtype: precision of the base's stored weights.
        grown_from: the fingerprint of the grown model that ``model`` extends, under the key "grow_base"; empty where
            ``model`` is the base itself.
    """

    model: Any
    tokenizer: Any
    dtype: torch.dtype
    grown_from: Mapping[str, str]


def load_base(engine: EngineConfig, schedule: Schedule) -> BaseModel:
    """Load the model that a training starts from.

    Args:
        engine: names the base model.
        schedule: how the model is trained; with ``grow.base``, that model is loaded in place of the base.

    Raises:
        InputError: ``grow.base`` names no model, cannot be read, or was not grown from this base.
    """
    grown_from: dict[str, str] = {}
    source = engine.folder or engine.model
    options = {"revision": engine.revision} if engine.revision else {}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        dtype = AutoConfig.from_pretrained(source, **options).dtype or torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **options)
        if schedule.grow_base is not None:
            folder = _folder(schedule.grow_base)
            model = _load_grown(model, schedule.grow_base, folder, vocabulary=len(tokenizer))
            grown_from["grow_base"] = fingerprint(folder)
    return BaseModel(model, tokenizer, dtype, grown_from)


def check_base(engine: EngineConfig, schedule: Schedule) -> None:
    """Refuse a base that the method cannot train, before any response is drawn.

    Raises:
        InputError: adapters need a package that is not installed; the model's type or shape cannot be grown; as
            :func:`tts.training.last_states.frozen_layers`; or as :func:`load_base` for ``grow.base``.
    """
    check_installed(schedule)
    if schedule.method == "grow" or schedule.lora.layers is not None:
        options = {"revision": engine.revision} if engine.revision else {}
        try:
            config = AutoConfig.from_pretrained(engine.folder or engine.model, **options)
        except (OSError, ValueError):  # the load that follows names the fault
            return
        frozen_layers(config, schedule)
        if schedule.method == "grow":
            check_growable(config, schedule.grow)
    if schedule.grow_base is not None:
        load_base(engine, schedule)


def _folder(name: str) -> Path:
    folder = weights(name) if name in BUNDLED else Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise InputError(f"recipe.grow.base {name}: no model there; give a directory, or one of {', '.join(BUNDLED)}")
    return folder


def _load_grown(base: Any, name: str, folder: Path, *, vocabulary: int) -> Any:
    """Load a model that was grown from the base, without the rows of its confidence tokens."""
    try:
        grown: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        why = first_line(error)
        raise InputError(f"recipe.grow.base {name} cannot be read ({why:.200}): train it again, or give null") from None
    if not _is_grown(grown, base, vocabulary):
        raise InputError(f"recipe.grow.base {name} was not grown from the base model: give null, or one that was")
    rows = base.get_input_embeddings().weight.shape[0]
    if grown.get_input_embeddings().weight.shape[0] > rows:
        grown.resize_token_embeddings(rows)
    return grown


def _is_grown(grown: Any, base: Any, vocabulary: int) -> bool:
    """Return whether a model is wider than the base, with the base's embeddings and neurons in their first channels."""
    base_rows, grown_rows = (model.get_input_embeddings().weight.detach() for model in (base, grown))
    rows, width = base_rows.shape
    if not (
        grown.config.model_type == base.config.model_type
        and grown_rows.shape[0] >= rows
        and grown_rows.shape[1] > width
        and grown.config.num_hidden_layers >= base.config.num_hidden_layers
        and torch.equal(grown_rows[:vocabulary, :width], base_rows[:vocabulary])
        and not grown_rows[:vocabulary, width:].any()
    ):
        return False
    found = dict(grown.named_parameters())
    neurons = [(key, w) for key, w in base.named_parameters() if key.endswith(("gate_proj.weight", "up_proj.weight"))]
    return all(torch.equal(found[key][: w.shape[0], : w.shape[1]], w) for key, w in neurons)
