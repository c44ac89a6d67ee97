"""Servers whose model draws its replies from a known distribution, and tells the log-probability of each token.

A reply is written as tokens, calls in the form of a chat template, and a token has the probability that the replies
which go on with it have among those that begin alike. Subclasses tell less, as servers do that leave tokens out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from tests.support.servers.calling import CallingServer, Calls, written
from tests.support.servers.plain import KNOWN, Body

END = "<|im_end|>"
PIECE = 6
"""Characters in a token of arguments."""


@dataclass(frozen=True)
class Piece:
    """One token, and the part of the message that it becomes; without one it marks something."""

    token: str
    delta: Body
    marks: bool = False


class WeightedServer(CallingServer):
    """Draws each reply of a request with tools from weighted ones, and tells all of its tokens, the last among them.

    Attributes:
        odds: the replies with their probabilities, which sum to one.
    """

    further = "#### 5"

    def __init__(self, *odds: tuple[float, str | Calls], seed: int = 0) -> None:
        super().__init__()
        self._rng = random.Random(seed)
        self.weigh(*odds)

    def weigh(self, *odds: tuple[float, str | Calls]) -> None:
        """Draw from these replies from now on."""
        self.odds = odds
        self._written = [(p, self.pieces(reply)) for p, reply in odds]

    def check(self, body: Body) -> None:
        """Take the fields that switch filters off, too."""
        assert set(body) <= KNOWN | {"tool_choice", "parallel_tool_calls", "top_k", "min_p", "repetition_penalty"}, body

    def pick(self) -> int:
        """Return the number of the next reply."""
        return self._rng.choices(range(len(self.odds)), cum_weights=[*accumulate(p for p, _ in self.odds)])[0]

    def pieces(self, reply: str | Calls) -> list[Piece]:
        """Return a reply as tokens."""
        found = []
        if isinstance(reply, str):
            words = reply.split(" ")
            found += [Piece(text, {"content": text}) for text in (*(f"{word} " for word in words[:-1]), words[-1])]
        else:
            for index, (name, arguments) in enumerate(reply):
                call = {"tool_calls": [{"index": index, **self.whole(index, name, "")}]}
                found += [Piece("<tool_call>", {}, marks=True), Piece(f'{{"name": "{name}", "arguments": ', call)]
                text = written(arguments)
                for at in range(0, len(text), PIECE):
                    part = {"arguments": text[at : at + PIECE]}
                    found.append(Piece(text[at : at + PIECE], {"tool_calls": [{"index": index, "function": part}]}))
                found.append(Piece("}</tool_call>", {}, marks=True))
        return [*found, Piece(END, {}, marks=True)]

    def told(self, pieces: list[Piece]) -> list[Piece]:
        """Return the tokens that are told; others come without log-probabilities."""
        return pieces

    def counted(self, pieces: list[Piece]) -> int:
        """Return the number of drawn tokens that is reported."""
        return len(pieces)

    def logprob(self, pieces: list[Piece], at: int) -> float:
        """Return the log-probability of a token of a reply."""

        def mass(length: int) -> float:
            begun = [one.token for one in pieces[:length]]
            return sum(p for p, other in self._written if [one.token for one in other[:length]] == begun)

        return math.log(mass(at + 1) / mass(at)) if mass(at + 1) else 0.0

    def events(self, body: Body) -> Iterator[Any]:
        """Yield one event a token."""
        pieces = self._written[self.pick()][1] if "tools" in body else self.pieces(self.further)
        told, calls = self.told(pieces), any("tool_calls" in one.delta for one in pieces)
        for at, one in enumerate(pieces):
            last = at == len(pieces) - 1
            choice: Body = {"index": 0, "delta": one.delta, "finish_reason": None}
            if last:
                choice["finish_reason"] = "tool_calls" if calls else "stop"
            if body.get("logprobs") and any(one is other for other in told):
                token = {"token": one.token, "logprob": self.logprob(pieces, at), "bytes": None, "top_logprobs": []}
                choice["logprobs"] = {"content": [token]}
            yield self.wrapped([choice])
        if (body.get("stream_options") or {}).get("include_usage"):
            drawn = self.counted(pieces)
            yield self.wrapped([], usage={"prompt_tokens": 11, "completion_tokens": drawn, "total_tokens": 11 + drawn})


class TextAlone(WeightedServer):
    """Tells the tokens of texts, those of calls not (OpenAI; here with the token that ends a text)."""

    def told(self, pieces: list[Piece]) -> list[Piece]:
        if any("tool_calls" in one.delta for one in pieces):
            return [one for one in pieces if "content" in one.delta]
        return pieces


class WithoutMarks(WeightedServer):
    """Leaves out the tokens that only mark a call (vLLM without ``return_token_ids``)."""

    def told(self, pieces: list[Piece]) -> list[Piece]:
        return [one for one in pieces if not one.marks or one.token == END]


class CountsTold(TextAlone):
    """Tells and counts the tokens of texts and the one that ends a reply."""

    def told(self, pieces: list[Piece]) -> list[Piece]:
        return [one for one in pieces if "content" in one.delta or one.token == END]

    def counted(self, pieces: list[Piece]) -> int:
        return len(self.told(pieces))


class WithoutUsage(WeightedServer):
    """Reports no usage."""

    def events(self, body: Body) -> Iterator[Any]:
        yield from (event for event in super().events(body) if event["choices"])


class HidesThoughts(WeightedServer):
    """Counts thoughts that it neither sends nor tells."""

    def counted(self, pieces: list[Piece]) -> int:
        return len(pieces) + 20


class Silent(WeightedServer):
    """Tells nothing of requests with tools."""

    def told(self, pieces: list[Piece]) -> list[Piece]:
        return [] if any("tool_calls" in one.delta for one in pieces) else pieces
