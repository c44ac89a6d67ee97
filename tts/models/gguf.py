"""GGUF files of llama.cpp, converted to a model's directory, which every part of the package reads."""

from __future__ import annotations

import logging
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.errors import InputError, UnsupportedError, first_line
from tts.models.cache import cached
from tts.models.loading import quiet

if TYPE_CHECKING:
    import torch

LOG = logging.getLogger(__name__)
MAGIC = b"GGUF"


def dequantized(path: Path, mark: str) -> Path:
    """Return the directory of a GGUF file's model, which is converted in the user's cache on first use.

    Args:
        path: the file.
        mark: its fingerprint, which is part of the directory's name.

    Raises:
        InputError: as :func:`convert`, or the cache cannot be written.
        UnsupportedError: as :func:`convert`.
    """
    return cached(f"{path.stem}-{mark}", lambda out: convert(path, out), what=f"the model of {path}")


def convert(path: Path, out: Path) -> None:
    """Write a GGUF file's model into a directory, with the tokenizer and the chat template of the file.

    Quantised weights become float16 numbers (float32 where one is too large for that): two bytes a weight.

    Raises:
        InputError: no GGUF file, or one that is cut short.
        UnsupportedError: an architecture that transformers does not read, or the package gguf is not installed.
    """
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise InputError(f"engine.model {path}: no GGUF file (it does not begin with GGUF): download it again")
    if find_spec("gguf") is None:
        raise UnsupportedError(
            f"engine.model {path}: reading a GGUF file needs the package gguf: pip install 'tts-rerank[hf]', or in "
            "the clone pip install -e '.[hf]'"
        )
    model, tokenizer = _read(path)
    model.hf_quantizer = None  # else it refuses to be saved
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.to(_dtype(model))
    with quiet():
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)


def _read(path: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        _check_whole(path)
        LOG.warning("converting %s to a model's directory, once", path)
        with quiet(), redirect_stderr(StringIO()):  # gguf's own progress bar
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
            model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    except (InputError, UnsupportedError):
        raise
    except Exception as error:  # transformers and gguf raise whatever a broken file leads to
        if "not supported" in str(error):
            raise UnsupportedError(f"engine.model {path}: {first_line(error)}: give a model of another form") from None
        # For any failure of a tokenizer, transformers without protobuf reports that protobuf is missing.
        hidden = error.__context__ if isinstance(error, ImportError) else None
        why = first_line(hidden or error)
        raise InputError(
            f"engine.model {path}: cannot be read ({why:.200}): download it again, or give the model's directory"
        ) from None
    return model, tokenizer


def _check_whole(path: Path) -> None:
    """Refuse a file that ends before its last tensor does."""
    from gguf import GGUFReader

    size = path.stat().st_size
    try:
        end = max((int(tensor.data_offset) + int(tensor.n_bytes) for tensor in GGUFReader(path).tensors), default=0)
    except (ValueError, IndexError, OverflowError):
        end = size + 1
    if not 0 < end <= size:
        raise InputError(f"engine.model {path}: the file is cut short, or holds no model: download it again")


def _dtype(model: Any) -> torch.dtype:
    import torch

    largest = max(float(weight.detach().abs().max()) for weight in model.parameters())
    return torch.float16 if largest <= torch.finfo(torch.float16).max else torch.float32
