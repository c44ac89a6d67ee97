"""Special tokens of a model: those that end a sample, those that are never drawn, and those that a text merely spells.

A question or an answer that spells a special token, such as ``</s>`` or a confidence token, must not become that token.
:meth:`PlainText.guard` marks each such spelling; a marked text goes through templates unharmed, and
:meth:`PlainText.encode` reads the marked spellings as text and all other special tokens as tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from tts.errors import InputError
from tts.pool.check import text_fault

Ids = tuple[int, ...]
OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Noncharacters of Unicode around the number of a marked special token."""
_MARK = re.compile(f"{OPEN}(\\d*){CLOSE}")


class PlainText:
    """A tokenizer that tells special tokens of a template from those that a text merely spells."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a Hugging Face tokenizer."""
        self._tokenizer = tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {})
        found = {str(token.content): int(number) for number, token in added.items() if token.special}
        self._specials = dict(sorted(found.items(), key=lambda item: -len(item[0])))  # the longest match wins
        self._names = list(self._specials)
        spelled = "|".join(map(re.escape, self._names))
        self._spelled = re.compile(f"({spelled})") if spelled else None
        self._forbidden = set(found.values()) - {getattr(tokenizer, "unk_token_id", None)}

    def guard(self, text: str) -> str:
        """Return a text with a mark in place of each special token that it spells."""
        text = text.replace(OPEN, f"{OPEN}{CLOSE}")
        if self._spelled is None:
            return text
        return self._spelled.sub(lambda match: f"{OPEN}{self._names.index(match[0])}{CLOSE}", text)

    def encode(self, guarded: str, *, begin: bool = False) -> Ids:
        """Return the token ids of a text with marks.

        Args:
            guarded: a text; special tokens are tokens, and marked ones are plain text.
            begin: whether it begins a sequence, so that the tokenizer's own first tokens go before it.

        Raises:
            InputError: it holds half of a character, which no tokenizer takes.
        """
        if fault := text_fault(guarded):
            raise InputError(f"the text {fault}: give valid Unicode text")
        if OPEN not in guarded:
            return tuple(self._tokenizer(guarded, add_special_tokens=begin).input_ids)
        ids = list(self._first_ids) if begin else []
        for number, piece in enumerate([guarded] if self._spelled is None else self._spelled.split(guarded)):
            if piece in self._specials:
                ids.append(self._specials[piece])
            elif piece:
                ids += self._plain(piece, first=not number)
        return tuple(ids)

    def _plain(self, guarded: str, *, first: bool) -> list[int]:
        """Return the token ids of a text whose special tokens are all marked; ``first`` where a text begins there."""
        spelled = _MARK.sub(self._spelling, guarded)
        ids = self._tokens(spelled) if first else self._apart("", spelled)
        if self._forbidden.isdisjoint(ids):
            return ids
        # A unigram vocabulary holds its special tokens as pieces: read each spelling in two parts.
        broken = _MARK.sub(
            lambda match: f"{self._spelling(match)[:1]}{CLOSE}{OPEN}{self._spelling(match)[1:]}", guarded
        )
        parts = broken.split(f"{CLOSE}{OPEN}")
        ids = self._apart(*(parts if first else ("", *parts)))
        return ids if self._forbidden.isdisjoint(ids) else [token for part in parts for token in self._tokens(part)]

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    def _apart(self, *parts: str) -> list[int]:
        """Return the token ids of a text, none of which spans two parts and none of which only begins a text."""
        if not getattr(self._tokenizer, "is_fast", False):
            return [token for part in parts for token in self._tokens(part)]
        places = set(accumulate((len(part) + 1 for part in parts[:-1]), initial=-1)) - {-1}
        found = self._tokenizer(
            OPEN.join(parts), add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        )
        spans = zip(found.input_ids, found.offset_mapping, strict=True)
        return [token for token, (start, end) in spans if not set(range(start, max(end, start + 1))) <= places]

    def _spelling(self, match: re.Match[str]) -> str:
        return self._names[int(match[1])] if match[1] else OPEN

    @cached_property
    def _first_ids(self) -> Ids:
        """The tokens that the tokenizer puts before a text."""
        whole, bare = (list(self._tokenizer("a", add_special_tokens=own).input_ids) for own in (True, False))
        starts = (at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        return tuple(whole[: next(starts, 0)])


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
