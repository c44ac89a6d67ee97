"""The tokens of a choice with their log-probabilities, in every shape that servers send, chats and completions alike.

A token is one position, not its text: two tokens of the same text keep a log-probability each. What is null, missing,
infinite or the sentinel -9999 is unknown: NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SENTINEL = -9999.0
"""The log-probability that stands for "not among the most probable tokens" (OpenAI, vLLM)."""
UNKNOWN = math.nan
_SAME = 1e-4
"""The most that two statements of one log-probability differ by."""


@dataclass(frozen=True, slots=True)
class Token:
    """One drawn token.

    Attributes:
        text: its text; where the server names tokens by their ids, "token_id:17".
        logprob: its log-probability, NaN where it is unknown.
        others: text and log-probability of the other tokens at its position, as far as they are known.
    """

    text: str
    logprob: float = UNKNOWN
    others: tuple[tuple[str, float], ...] = ()

    @property
    def known(self) -> list[float]:
        """The known log-probabilities at its position, its own among them."""
        own = () if math.isnan(self.logprob) else (self.logprob,)
        return [*own, *(logprob for _, logprob in self.others)]


def read_tokens(logprobs: Any, text: str) -> tuple[Token, ...]:
    """Return the tokens that a choice's ``logprobs`` tells.

    Args:
        logprobs: the field of a choice; anything.
        text: the choice's text, which a bare number belongs to.
    """
    if isinstance(logprobs, int | float) and not isinstance(logprobs, bool):
        return (Token(text, _number(logprobs)),) if text else ()
    if isinstance(logprobs, list):  # without the object around it
        logprobs = {"content": logprobs}
    if not isinstance(logprobs, dict):
        return ()
    content = logprobs.get("content")
    if isinstance(content, list):
        return tuple(_token(one) for one in content if isinstance(one, dict))
    texts = _list(logprobs.get("tokens"))
    values, beside = _list(logprobs.get("token_logprobs")), _list(logprobs.get("top_logprobs"))
    return tuple(
        _joined(str(one or ""), _bytes(None), _at(values, i), _alternatives(_at(beside, i)))
        for i, one in enumerate(texts)
    )


def token_id(token: str) -> int:
    """Return the id of a token that the server names by its id."""
    return int(token.removeprefix("token_id:"))


Alternative = tuple[str, tuple[int, ...] | None, float]


def _token(one: Mapping[str, Any]) -> Token:
    text = one.get("token")
    if not one.get("top_logprobs"):
        return Token(text if isinstance(text, str) else "", _number(one.get("logprob")))
    others = _alternatives(one.get("top_logprobs"))
    return _joined(text if isinstance(text, str) else "", _bytes(one.get("bytes")), one.get("logprob"), others)


def _joined(text: str, spelled: tuple[int, ...] | None, value: Any, alternatives: list[Alternative]) -> Token:
    """Return a token with its alternatives, without itself among them."""
    logprob = _number(value)
    rest, found = [], False
    for other, its_bytes, its in alternatives:
        same = other == text and (spelled is None or its_bytes is None or spelled == its_bytes)
        if same and not found and abs(its - logprob) <= _SAME:
            found = True
        elif not math.isnan(its):
            rest.append((other, its))
    return Token(text, logprob, tuple(rest))


def _alternatives(given: Any) -> list[Alternative]:
    if isinstance(given, dict):
        return [(str(text), None, _number(value)) for text, value in given.items()]
    found = [one for one in _list(given) if isinstance(one, dict)]
    return [(str(one.get("token") or ""), _bytes(one.get("bytes")), _number(one.get("logprob"))) for one in found]


def _bytes(given: Any) -> tuple[int, ...] | None:
    return tuple(given) if isinstance(given, list) and all(isinstance(one, int) for one in given) else None


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _at(values: Sequence[Any], i: int) -> Any:
    return values[i] if i < len(values) else None


def _number(value: Any) -> float:
    if type(value) is float and SENTINEL < value <= 0.0:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return UNKNOWN
    if value <= SENTINEL or value > _SAME:
        return UNKNOWN
    return min(0.0, float(value))
