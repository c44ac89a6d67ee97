"""The tokens of a choice with their log-probabilities, in every shape that servers send, chats and completions alike.

A token is one position, not its text: two tokens of the same text keep a log-probability each. What is null, missing,
infinite or the sentinel -9999 is unknown: NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
        ids: its id and those of the others, where the server returns them beside texts (llama.cpp); empty elsewhere.
        spelled: the bytes of each of these.
    """

    text: str
    logprob: float = UNKNOWN
    others: tuple[tuple[str, float], ...] = ()
    ids: tuple[int, ...] = ()
    spelled: tuple[bytes, ...] = ()

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
        _joined(_Named(str(one or ""), _at(values, i)), _alternatives(_at(beside, i))) for i, one in enumerate(texts)
    )


def token_id(token: str) -> int:
    """Return the id of a token that the server names by its id."""
    return int(token.removeprefix("token_id:"))


class _Named(NamedTuple):
    """A token as a server names it."""

    text: str
    value: Any
    spelled: bytes | None = None
    id: int | None = None


def _named(one: Mapping[str, Any]) -> _Named:
    text, number = one.get("token"), one.get("id")
    return _Named(
        text if isinstance(text, str) else "",
        one.get("logprob"),
        _bytes(one.get("bytes")),
        number if type(number) is int and number >= 0 else None,
    )


def _token(one: Mapping[str, Any]) -> Token:
    if one.get("top_logprobs") or "id" in one:
        return _joined(_named(one), _alternatives(one.get("top_logprobs")))
    text = one.get("token")
    return Token(text if isinstance(text, str) else "", _number(one.get("logprob")))


def _joined(own: _Named, alternatives: list[_Named]) -> Token:
    """Return a token with its alternatives, without itself among them."""
    logprob = _number(own.value)
    rest: list[_Named] = []
    found = False
    for other in alternatives:
        its = _number(other.value)
        if not found and _same(own, other) and abs(its - logprob) <= _SAME:
            found = True
        elif not math.isnan(its):
            rest.append(other._replace(value=its))
    ids = [one.id for one in (own, *rest) if one.id is not None]
    spelled = [one.spelled for one in (own, *rest) if one.spelled is not None]
    known = len(ids) == len(spelled) == len(rest) + 1
    return Token(
        own.text,
        logprob,
        tuple([(one.text, one.value) for one in rest]),
        tuple(ids) if known else (),
        tuple(spelled) if known else (),
    )


def _same(own: _Named, other: _Named) -> bool:
    if own.id is not None and other.id is not None:
        return own.id == other.id
    return other.text == own.text and (own.spelled is None or other.spelled is None or own.spelled == other.spelled)


def _alternatives(given: Any) -> list[_Named]:
    if isinstance(given, dict):
        return [_Named(str(text), value) for text, value in given.items()]
    return [_named(one) for one in _list(given) if isinstance(one, dict)]


def _bytes(given: Any) -> bytes | None:
    whole = isinstance(given, list) and all(type(one) is int and 0 <= one < 256 for one in given)
    return bytes(given) if whole else None


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
