"""The tokens of texts that hold other people's words: special tokens in those words are plain text.

A question or an answer that spells a special token, such as ``</s>`` or a confidence token, must not become that token.
:meth:`PlainText.guard` marks each such spelling; a marked text goes through templates unharmed, and
:meth:`PlainText.encode` reads the marked spellings as text and all other special tokens as tokens.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import accumulate
from typing import Any

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
        """
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
