"""Special tokens of a model: the tokens that end a sample, and the tokens that are never drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tts.engines.text import Ids
from tts.errors import InputError


def end_ids(named: int | Sequence[int] | None, tokenizer: Any) -> frozenset[int]:
    """Return the ids of the tokens that end a sample: the generation configuration's and the tokenizer's.

    Args:
        named: ``eos_token_id`` of the generation configuration.
        tokenizer: the model's tokenizer.

    Raises:
        InputError: neither names one.
    """
    found = {tokenizer.eos_token_id, *([named] if isinstance(named, int) else named or ())} - {None}
    if not found:
        raise InputError("the model names no end-of-sequence token: set eos_token_id in its generation config")
    return frozenset(found)


def end_of_text(ends: frozenset[int], tokenizer: Any) -> int:
    """Return the token that ends a text which the model is to have ended: the tokenizer's own where it is one.

    Args:
        ends: the tokens that end a sample, as :func:`end_ids` returns them.
        tokenizer: the model's tokenizer.
    """
    own = tokenizer.eos_token_id
    return int(own) if own in ends else min(ends)


def readable(suppressed: Ids) -> frozenset[str]:
    """Return the columns of a trace that the log-probabilities of a prompt give.

    Those of a model with suppressed tokens are none of the distribution that draws.
    """
    return frozenset({"steps", "probe"} if suppressed else {"logprobs", "top", "steps", "probe"})


def suppressed_ids(named: Sequence[int] | None, vocabulary: int) -> Ids:
    """Return the ids of the tokens that are never drawn, in rising order.

    Args:
        named: ``suppress_tokens`` of the generation configuration.
        vocabulary: the number of the model's tokens.

    Raises:
        InputError: an id outside the vocabulary, or every id in it.
    """
    ids = tuple(sorted(set(named or ())))
    if ids and (ids[0] < 0 or ids[-1] >= vocabulary or len(ids) == vocabulary):
        raise InputError(
            f"the model's generation config suppresses tokens {ids[0]} to {ids[-1]} ({len(ids)} in all) and the model "
            f"has {vocabulary}, from 0 on: suppress_tokens must name some of them"
        )
    return ids
