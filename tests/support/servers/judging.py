"""Servers that answer by what they are asked: a model under test, and judges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.servers.plain import Body, PlainServer


def asked(body: Body) -> str:
    """Return what a request asks last."""
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


class Replies(PlainServer):
    """Replies as a function of the whole body says; one event a word."""

    def __init__(self, reply: Callable[[Body, int], str]) -> None:
        super().__init__()
        self.reply = reply

    def events(self, body: Body) -> Iterator[Any]:
        """Yield the words of one reply."""
        words = re.findall(r"\s*\S+", self.reply(body, self.number(body)))
        for i, word in enumerate(words):
            reason = "stop" if i == len(words) - 1 else None
            told = self.logprobs((word,), body) if body.get("logprobs") is not None else None
            text = {"text": word} if "prompt" in body else {"delta": self.message(word)}
            yield self.wrapped([{"index": 0, "finish_reason": reason, "logprobs": told, **text}])
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 11, "completion_tokens": len(words), "total_tokens": 11 + len(words)}
            yield self.wrapped([], usage=usage)
