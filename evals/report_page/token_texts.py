"""The texts of a sample's tokens, from the tokenizer of the model that drew it, where that lies on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tts.engines.config import EngineConfig
from tts.errors import TTSError
from tts.pool import Run
from tts.types import Sample, content_ids

Decode = Callable[[Sequence[int]], str]
LOCAL = ("transformers", "vllm")
"""The kinds of engines whose stored configuration names a model on this machine."""
HALF = "\ufffd"
"""The text that a tokenizer returns for a part of a character."""


def decoder_of(run: Run) -> tuple[Decode | None, str]:
    """Return the decoder of the model of a run, or None with the reason in a sentence.

    A stored configuration names a directory or a bundled model; nothing is fetched, and no model is loaded.

    Args:
        run: the run, as its pool records it.
    """
    stored = run.config.get("engine")
    kind = stored.get("kind") if isinstance(stored, Mapping) else None
    if not isinstance(stored, Mapping) or kind not in LOCAL:
        return None, f"the tokenizer of {run.key.model or 'the model'} is not on this machine"
    try:
        import tokenizers
    except ImportError:
        return None, "texts of tokens need the package tokenizers (the extra hf)"
    try:
        engine = EngineConfig(kind=kind, model=str(stored.get("model")))
        folder = engine.folder
        if folder is None or not (folder / "tokenizer.json").is_file():
            return None, f"the tokenizer of {run.key.model} is not on this machine"
        loaded: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except (TTSError, OSError, ValueError) as error:
        return None, f"the tokenizer of {run.key.model} cannot be read: {error}"
    return lambda ids: str(loaded.decode(list(ids), skip_special_tokens=True)), ""


def token_texts(sample: Sample, decode: Decode) -> list[str] | None:
    """Return the text of each token of a sample, which together are its text; None where they are not.

    The token that ended the sample has no text. Of tokens that share a character, the last one has it.

    Args:
        sample: with its token ids.
        decode: returns the text of token ids.
    """
    ids = content_ids(sample)
    if not ids or min(ids) < 0:
        return None
    texts: list[str] = []
    begin = shown = 0  # a token is decoded behind those of the one before it, on which its text may depend
    try:
        for end in range(1, len(ids) + 1):
            before, now = decode(ids[begin:shown]), decode(ids[begin:end])
            whole = end == len(ids) or (len(now) > len(before) and not now.endswith(HALF))
            texts.append(now[len(before) :] if whole else "")
            begin, shown = (shown, end) if whole else (begin, shown)
    except (OverflowError, TypeError, ValueError):  # ids that the tokenizer does not have
        return None
    return texts if "".join(texts) == sample.text else None
