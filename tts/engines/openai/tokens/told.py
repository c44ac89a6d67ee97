"""Tokens that a server returns by id and bytes beside their log-probabilities, as llama.cpp's does.

No tokenizer is needed: the bytes spell a text, and the ids stand behind the prompt's text in a request that continues
it, so that a draw continues exactly the tokens that were drawn. A token that ends samples is known once a sample has
ended with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from tts.engines.base import Chunk, Meter
from tts.engines.openai.answers.logprobs import Token
from tts.engines.openai.tokens.exactness import END_TEXTS
from tts.engines.streaming import StreamedSample
from tts.engines.text import Ids
from tts.errors import UnsupportedError
from tts.types import Alternative, End, Sample, Trace

_ENDS = {b"", *(text.encode() for text in END_TEXTS)}
"""The bytes of tokens that may end samples: servers leave special tokens out of texts, or spell them."""


class ToldTokens:
    """The tokens that the servers of a model have returned.

    Attributes:
        ends: those that ended a sample.
    """

    def __init__(self) -> None:
        """Start without a token."""
        self.ends: set[int] = set()
        self._bytes: dict[int, bytes] = {}

    def add(self, tokens: Iterable[Token]) -> None:
        """Keep the bytes of tokens and of their alternatives."""
        for token in tokens:
            self._bytes.update(zip(token.ids, token.spelled, strict=True))

    def text(self, prefix_ids: Ids, tokens: Sequence[int], prefix: str) -> str:
        """Return the text of a sample, which begins with its prefix.

        Raises:
            UnsupportedError: a token that no server has returned.
        """
        whole = self._spelled((*prefix_ids, *tokens))
        return whole if whole.startswith(prefix) else prefix + self._spelled(tokens)

    def _spelled(self, tokens: Iterable[int]) -> str:
        try:
            return b"".join([self._bytes[token] for token in tokens]).decode(errors="replace")
        except KeyError as missing:
            raise UnsupportedError(
                f"a prefix has token {missing.args[0]}, which the server has not returned: continue samples of its own"
            ) from None

    def ended(self, prefix: Sample | None, ends: Collection[int]) -> Chunk | None:
        """Return what a prefix whose last token ends samples lacks: text and no token; None for any other prefix."""
        if prefix is None or not prefix.token_ids or prefix.token_ids[-1] not in ends:
            return None
        return Chunk(self.text(prefix.token_ids, (), prefix.text)[len(prefix.text) :], (), end=End.STOP)

    def is_step(self, token: int) -> bool:
        """Return whether a token ends a line."""
        return b"\n" in self._bytes[token]

    def whole(self, sample: StreamedSample[int], end: End | None, meter: Meter, notify: Callable[[str], None]) -> bool:
        """Return whether all tokens of a sample have come in, and keep the one that ended it as one that ends samples.

        Args:
            sample: the sample.
            end: why it ended.
            meter: of its request, with the tokens that the server counted.
            notify: receives a sentence where some are missing.
        """
        if meter.estimated or not sample.tokens or meter.drawn != len(sample.tokens):
            notify(
                "the server does not return every token of some samples, such as those with characters of several "
                "tokens: no draw continues them, and their texts stay unseen"
            )
            return False
        if end is End.STOP and self._bytes[sample.tokens[-1]] in _ENDS:
            self.ends.add(sample.tokens[-1])
        return True

    def followed(self, trace: Trace, *, full: bool) -> Trace:
        """Return a trace with those of its alternatives that are known to go on or to end a sample.

        A token without text may be either until a sample has ended with it.

        Args:
            trace: of a whole sample.
            full: whether no token fits behind the last one, so that its alternatives are those that end a sample.
        """

        def kept(found: tuple[Alternative, ...], *, last: bool) -> tuple[Alternative, ...]:
            return tuple(one for one in found if one[0] in self.ends or not (last or self._bytes[one[0]] in _ENDS))

        size = len(trace.alternatives)
        alternatives = [kept(found, last=full and at == size) for at, found in enumerate(trace.alternatives, 1)]
        return replace(trace, alternatives=tuple(alternatives))
