"""LoRA adapters, merged into their base: a directory that every part of the package reads."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from tts.errors import InputError, first_line
from tts.models.cache import cached
from tts.models.loading import quiet, quiet_peft
from tts.models.resolve import ADAPTER, fingerprint, identity, resolve

LOG = logging.getLogger(__name__)


def base_of(folder: Path) -> str:
    """Return the name of the model that an adapter was trained on.

    Raises:
        InputError: the adapter's configuration does not have it.
    """
    try:
        name = json.loads((folder / ADAPTER).read_text())["base_model_name_or_path"]
        if not isinstance(name, str) or not name.strip():
            raise ValueError("base_model_name_or_path is empty")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"engine.model {folder}: {ADAPTER} does not name the adapter's base ({first_line(error)}): write its "
            "directory or hub name into base_model_name_or_path"
        ) from None
    return name


def merged(folder: Path) -> Path:
    """Return the directory of an adapter's model, which is merged in the user's cache on first use.

    Weights are float32, so that nothing of the adapter is rounded away: four bytes a weight. Tokenizer, chat template
    and cards are the adapter's own where it has them.

    Raises:
        InputError: the base is not to be found, the adapter is of another base, or the cache cannot be written.
    """
    name = base_of(folder)
    try:
        base = resolve(name)
        mark = "-".join(part for part in (fingerprint(folder), identity(name)[1]) if part)
    except InputError as error:
        raise InputError(
            f"engine.model {folder}: its base {name} is not here ({error}); write its directory or hub name into "
            f"base_model_name_or_path of {ADAPTER}"
        ) from None
    return cached(
        f"{folder.resolve().name}-{mark}",
        lambda out: _write(folder, name, base, out),
        what=f"the model of the adapter {folder}",
    )


def _write(folder: Path, name: str, base: str | Path, out: Path) -> None:
    LOG.warning("merging the adapter %s into %s, once", folder, name)
    model, tokenizer = _read(folder, name, base)
    with quiet():
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
    for path in folder.glob("*.json"):
        if path.name != ADAPTER and not (out / path.name).exists():
            shutil.copyfile(path, out / path.name)


def _read(folder: Path, name: str, base: str | Path) -> tuple[Any, Any]:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    own = (folder / "tokenizer_config.json").is_file()
    try:
        with quiet(), quiet_peft():
            tokenizer = AutoTokenizer.from_pretrained(folder if own else base)
            model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
            rows = model.get_input_embeddings().weight.shape[0]
            if len(tokenizer) > rows:
                model.resize_token_embeddings(len(tokenizer))
            return PeftModel.from_pretrained(model, folder).merge_and_unload(safe_merge=True), tokenizer
    except Exception as error:  # peft and transformers raise whatever a wrong file leads to
        raise InputError(
            f"engine.model {folder}: the adapter does not fit its base {name} ({first_line(error):.200}): write the "
            f"base that it was trained on into base_model_name_or_path of {ADAPTER}"
        ) from None
