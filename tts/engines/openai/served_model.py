"""A model at a server: its name, the server's features, and its tokenizer if the configuration names one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tts.engines.openai.features import ServerFeatures
from tts.engines.special_tokens import end_ids, suppressed_ids
from tts.engines.text import Ids, PromptEncoder
from tts.errors import InputError, first_line
from tts.prompts import Prompt


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model at a server.

    Attributes:
        name: its name at the server.
        features: the features that all of its servers have.
        encoder: its tokenizer and prompt; None sends texts or chat messages.
        suppressed: ids of tokens that are never drawn; empty without an encoder.
        ends: ids of tokens that end a sample; empty without an encoder.
    """

    name: str
    features: ServerFeatures
    encoder: PromptEncoder | None = None
    suppressed: Ids = ()
    ends: frozenset[int] = frozenset()


def load_served_model(name: str, features: ServerFeatures, *, tokenizer: str | None, prompt: Prompt) -> ServedModel:
    """Return a model at a server, with its tokenizer if there is one and the servers take token ids.

    Args:
        name: the model's name at the server.
        features: the features that all of its servers have.
        tokenizer: a model's directory, or its name on the hub.
        prompt: turns a problem into the model's input.

    Raises:
        InputError: no such tokenizer.
    """
    if tokenizer is None or not features.token_ids:
        return ServedModel(name, features)
    from transformers import AutoTokenizer, GenerationConfig

    folder = Path(tokenizer).expanduser()
    source = str(folder) if folder.is_dir() else tokenizer
    try:
        loaded = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"engine.openai.tokenizer {tokenizer} cannot be loaded ({first_line(error)}): give a model's directory, or "
            "its name on the hub"
        ) from None
    try:
        generation = GenerationConfig.from_pretrained(source)
    except OSError:  # a model may come without
        generation = GenerationConfig()  # type: ignore[no-untyped-call]
    vocabulary = len(loaded)
    return ServedModel(
        name,
        features,
        PromptEncoder(loaded, prompt, context=features.context, vocabulary=vocabulary, name=tokenizer),
        suppressed_ids(generation.suppress_tokens, vocabulary),
        end_ids(generation.eos_token_id, loaded),
    )
