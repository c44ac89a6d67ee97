"""What a model says of its tokens: which end a sample, and which are never drawn."""

from __future__ import annotations

from typing import Any

from tts.engines.drawing import Ids
from tts.errors import InputError


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids of the tokens that end a sample, from the generation configuration and the tokenizer.

    Raises:
        InputError: neither names one.
    """
    given = model.generation_config.eos_token_id if model.generation_config is not None else None
    found = {tokenizer.eos_token_id, *(given if isinstance(given, list) else [given])} - {None}
    if not found:
        raise InputError("the model names no end-of-sequence token: set eos_token_id in its generation config")
    return frozenset(found)


def suppressed_ids(model: Any) -> Ids:
    """Ids of the tokens that are never drawn, from the generation configuration, in rising order.

    Raises:
        InputError: ids that the model does not have, or all that it has.
    """
    given = model.generation_config.suppress_tokens if model.generation_config is not None else None
    ids, vocabulary = tuple(sorted(set(given or ()))), model.get_output_embeddings().weight.shape[0]
    if ids and (ids[0] < 0 or ids[-1] >= vocabulary or len(ids) == vocabulary):
        raise InputError(
            f"the model's generation config suppresses tokens {ids[0]} to {ids[-1]} ({len(ids)} in all) and the model "
            f"has {vocabulary}, from 0 on: suppress_tokens must name some of them"
        )
    return ids
