"""What a model says of its tokens: which end a sample, and which are never drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tts.engines.text import Ids
from tts.errors import InputError


def end_ids(named: int | Sequence[int] | None, tokenizer: Any) -> frozenset[int]:
    """Ids of the tokens that end a sample, by the generation configuration's ``eos_token_id`` and by the tokenizer.

    Raises:
        InputError: neither names one.
    """
    found = {tokenizer.eos_token_id, *([named] if isinstance(named, int) else named or ())} - {None}
    if not found:
        raise InputError("the model names no end-of-sequence token: set eos_token_id in its generation config")
    return frozenset(found)


def suppressed_ids(named: Sequence[int] | None, vocabulary: int) -> Ids:
    """Ids of the tokens that are never drawn, the generation configuration's ``suppress_tokens``, in rising order.

    Raises:
        InputError: ids that the model, which has so many tokens, does not have, or all that it has.
    """
    ids = tuple(sorted(set(named or ())))
    if ids and (ids[0] < 0 or ids[-1] >= vocabulary or len(ids) == vocabulary):
        raise InputError(
            f"the model's generation config suppresses tokens {ids[0]} to {ids[-1]} ({len(ids)} in all) and the model "
            f"has {vocabulary}, from 0 on: suppress_tokens must name some of them"
        )
    return ids
