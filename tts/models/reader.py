"""Loading of a model that is read for its hidden states, without its language head, and the texts that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tts.errors import InputError, first_line
from tts.models.loading import quiet
from tts.models.states import StateReader

AUXILIARY_CONTEXT = 512
"""The most tokens that an auxiliary model reads where its configuration names no context."""


def load_reader(
    source: Path | str, *, revision: str | None = None, device: str, dtype: str, layer: int, shared: bool
) -> StateReader:
    """Load a model to read states from.

    Args:
        source: a directory, or a name on the hub.
        revision: revision of a name on the hub; None takes the newest.
        device: cpu, cuda or mps.
        dtype: float32, bfloat16 or float16.
        layer: as :class:`~tts.models.states.StateReader` takes it.
        shared: whether texts of one prompt share a row, which needs a causal model with full attention.

    Raises:
        InputError: there is no such model, or it has no such layer.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    options = {"revision": revision} if revision else {}
    try:
        with quiet():
            model: Any = AutoModel.from_pretrained(source, dtype=getattr(torch, dtype), **options)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"model {source} cannot be read ({first_line(error):.200}): give the directory of a transformers model"
        ) from None
    return StateReader(model.to(device).eval(), layer=layer, shared=shared)


class TextEncoder:
    """The tokens that an auxiliary model reads of a question and a response."""

    def __init__(self, folder: Path | str, context: int | None) -> None:
        """Load the tokenizer of a directory.

        Args:
            folder: the directory.
            context: the most tokens of question and response together; None takes ``AUXILIARY_CONTEXT``.

        Raises:
            InputError: the directory has no tokenizer.
        """
        from transformers import AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"model {folder} has no tokenizer ({first_line(error):.200}): give the directory of a transformers "
                "model with its tokenizer"
            ) from None
        self._context = context or AUXILIARY_CONTEXT

    def item(self, question: str, text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the tokens of a question with a line break, and of a text behind it.

        A text that is too long loses its beginning, as its end has the answer; a question that fills the context loses
        its beginning too. Neither is ever without a token.
        """
        prompt = self._encode(f"{question}\n")[-(self._context - 1) :]
        ids = self._encode(text)
        return prompt or (0,), ids[-(self._context - len(prompt)) :] or (0,)

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)
