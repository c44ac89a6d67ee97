"""Words that a model has no token for: it reads its unknown token in place of each, so that it does not see them."""

from __future__ import annotations

from tts.errors import UnsupportedError


def unknown_words(engine: object, text: str) -> list[str]:
    """Return the distinct words of a text that a model has no token for, in their order.

    Special tokens that the text spells are plain text, as the engine reads them.

    Args:
        engine: an engine; one without a tokenizer at hand, or whose tokenizer has a token for every text, knows all.
        text: valid Unicode text.
    """
    try:
        tokenizer = getattr(getattr(engine, "encoder", None), "tokenizer", None)
    except UnsupportedError:  # a server, which has the tokenizer itself
        return []
    if tokenizer is None or tokenizer.unk_token_id is None or not tokenizer.is_fast:
        return []
    read = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
    words = [
        text[start:end].strip() or repr(text[start:end])
        for token, (start, end) in zip(read["input_ids"], read["offset_mapping"], strict=True)
        if token == tokenizer.unk_token_id
    ]
    return list(dict.fromkeys(words))


def listed(words: list[str], most: int = 5) -> str:
    """Return the first of some words as a list in one line, each of at most 20 characters."""
    first = ", ".join(word if len(word) <= 20 else f"{word[:20]}..." for word in words[:most])
    return first + (", ..." if len(words) > most else "")
