"""A scripted server of OpenAI's interface, over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.local_server import LocalServer, running

Body = dict[str, Any]
WORDS = ("We ", "add. ", "\n", "#### ", "7")


class RefusalError(Exception):
    """An answer with another status."""

    def __init__(self, status: int, message: str = "no", **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


class Scripted(LocalServer):
    """Answers completions with :data:`WORDS`, unless ``meet`` raises or returns other events.

    Attributes:
        seen: the bodies of all requests.
        keys: the keys that came with them.
        broken: connections that clients closed early.
    """

    def __init__(self, *, model: str = "m", strict: bool = False) -> None:
        super().__init__(Handler)
        self.model, self.strict = model, strict
        self.seen: list[Body] = []
        self.keys: set[str] = set()
        self.broken = self.running = self.running_most = 0
        self.meet: Callable[[Body], Iterator[bytes] | None] = lambda body: None


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.server.keys.add(self.headers.get("Authorization", ""))
        self._json(200, {"object": "list", "data": [{"id": self.server.model, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        server.seen.append(body)
        counted = 1
        server.running += counted
        server.running_most = max(server.running, server.running_most)
        try:
            if body["model"] != server.model:
                raise RefusalError(404, f"The model `{body['model']}` does not exist.")
            if server.strict and set(body) & {"return_token_ids", "include_stop_str_in_output"}:
                raise RefusalError(400, "Unrecognized request argument supplied: return_token_ids")
            pieces = server.meet(body)
            if not body.get("stream"):
                self._json(200, answer(body))
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for piece in pieces if pieces is not None else stream(body):
                if b"[DONE]" in piece:  # the client may ask again before this thread goes on
                    server.running, counted = server.running - 1, 0
                self.wfile.write(piece)
                self.wfile.flush()
        except RefusalError as refusal:
            self._json(refusal.status, {"error": {"message": str(refusal)}}, **refusal.headers)
        except (BrokenPipeError, ConnectionResetError):
            server.broken += 1
        finally:
            server.running -= counted

    def _json(self, status: int, content: Any, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def logprobs(words: tuple[str, ...]) -> Body:
    return {
        "tokens": list(words),
        "token_logprobs": [-0.5] * len(words),
        "top_logprobs": [{word: -0.5, "other": -1.5} for word in words],
        "text_offset": [0] * len(words),
    }


def usage(drawn: int) -> Body:
    return {"prompt_tokens": 11, "completion_tokens": drawn, "total_tokens": 11 + drawn}


def answer(body: Body) -> Body:
    words = WORDS[: body["max_tokens"]]
    choice = {"index": 0, "text": "".join(words), "finish_reason": "length", "logprobs": None}
    if body.get("logprobs") is not None:
        choice["logprobs"] = logprobs(words)
    return {"id": "x", "object": "text_completion", "created": 0, "model": "m", "choices": [choice], "usage": usage(1)}


def event(**content: Any) -> bytes:
    whole = {"id": "x", "object": "text_completion", "created": 0, "model": "m", **content}
    return f"data: {json.dumps(whole)}\n\n".encode()


def stream(body: Body, *, pause: float = 0.0, until: int = 99) -> Iterator[bytes]:
    """The events of a streamed answer; after ``until`` words the connection is closed in the middle."""
    words = WORDS[: body["max_tokens"]]
    for number, word in enumerate(words[:until]):
        time.sleep(pause)
        choice: Body = {"index": 0, "text": word, "finish_reason": None, "logprobs": None}
        if body.get("logprobs") is not None:
            choice["logprobs"] = logprobs((word,))
        if number == len(words) - 1:
            choice["finish_reason"] = "stop" if len(words) == len(WORDS) else "length"
        yield event(choices=[choice])
    if until >= len(words):
        yield event(choices=[], usage=usage(len(words)))
        yield b"data: [DONE]\n\n"


def serving(**how: Any) -> AbstractContextManager[Scripted]:
    return running(Scripted(**how))
