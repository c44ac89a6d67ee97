"""The bundled models: the stories they were trained on, their tokenizer, their recipes and their weights."""

from __future__ import annotations

from pathlib import Path

from tts.errors import InputError

GROWN_FROM = {"grace": "tiny", "finece": "grace"}
"""The bundled model that each of the others is stored as a difference to."""


def weights(name: str = "tiny") -> Path:
    """Return the directory of a bundled model, as ``AutoModelForCausalLM`` and vLLM load it.

    Args:
        name: "tiny", the reasoner; "grace", the same with a confidence token; or "finece", the same with value tokens,
            which reads the parts that "grace" grew. The latter two are stored as differences and assembled in the
            user's cache on first use (see :mod:`tts.models.delta`).

    Raises:
        InputError: this installation came without its data files, or the cache cannot be written.
    """
    folder = Path(__file__).parent / "weights" / "tiny"
    if not (folder / "model.safetensors").is_file():
        raise InputError(f"{folder}: the bundled model is missing: reinstall, or train one with `tts train tiny`")
    if name == "tiny":
        return folder
    from tts.models.delta import unpack

    return unpack(weights(GROWN_FROM[name]), folder.with_name(name))
