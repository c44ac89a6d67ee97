"""Servers that fail, and say so in ways of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.servers.plain import Body, PlainServer, RefusalError


class ErrorInside(PlainServer):
    """An error inside of a 200, choices null (NVIDIA/garak#1525)."""

    def events(self, body: Body) -> Iterator[Any]:
        yield {"choices": None, "error": {"message": "upstream is out of memory", "code": 502}}


class ErrorEvent(PlainServer):
    """An error as an event of its own (TGI, SGLang)."""

    def events(self, body: Body) -> Iterator[Any]:
        yield b'event: error\ndata: {"error": "Model is overloaded", "error_type": "overloaded"}\n\n'


class EmptyChoices(PlainServer):
    """``choices: []`` and nothing else."""

    def events(self, body: Body) -> Iterator[Any]:
        yield self.wrapped([])

    def answer(self, body: Body) -> Any:
        return self.wrapped([])


class Quota(PlainServer):
    """429 for an empty account, which no further attempt fills (instructlab/eval#39)."""

    def check(self, body: Body) -> None:
        error = {"message": "You exceeded your current quota, please check your plan.", "code": "insufficient_quota"}
        raise RefusalError(429, {"error": error})


class Refuses(PlainServer):
    """400 to everything (dimagi/open-chat-studio#4590)."""

    def check(self, body: Body) -> None:
        raise RefusalError(400, "this deployment is\x1b[31m paused\x1b[0m until Monday.\nTraceback (most recent call)")


class WrongKey(PlainServer):
    """401 for each request."""

    def check(self, body: Body) -> None:
        raise RefusalError(401, "Incorrect API key provided")


class LacksModel(PlainServer):
    """404 for a model that it lacks."""

    def models(self) -> Any:
        return {"data": [{"id": "llama"}, {"id": "qwen"}]}

    def check(self, body: Body) -> None:
        raise RefusalError(404, f"The model `{body['model']}` does not exist.")


class ProxyPage(PlainServer):
    """A proxy's page instead of an answer."""

    def check(self, body: Body) -> None:
        page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
        raise RefusalError(200, page)


class DiesInTheMiddle(PlainServer):
    """Each answer breaks off."""

    ends = b""

    def events(self, body: Body) -> Iterator[Any]:
        if self.number(body) < 2:
            yield from super().events(body)
        else:
            yield self.wrapped([{"index": 0, "delta": {"content": "We "}, "finish_reason": None}])


class WithoutV1(PlainServer):
    """The routes have no /v1."""

    path = ""
