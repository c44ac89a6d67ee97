"""The bundled reasoner: the stories it was trained on, its tokenizer, its recipe and its weights."""

from __future__ import annotations

from pathlib import Path

from tts.errors import InputError


def weights() -> Path:
    """The directory of the bundled model, as ``AutoModelForCausalLM`` and vLLM load it.

    Raises:
        InputError: this installation came without its data files.
    """
    folder = Path(__file__).parent / "model"
    if not (folder / "model.safetensors").is_file():
        raise InputError(f"{folder}: the bundled model is missing: reinstall, or train one with `tts train tiny`")
    return folder
