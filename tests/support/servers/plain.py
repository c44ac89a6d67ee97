"""A plain server of OpenAI's interface, completions and chats, streamed and whole; quirks override its methods."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from tests.support.local_server import LocalServer, running

Body = dict[str, Any]
WORDS = ("We ", "add.", "\n", "#### ", "5")
KNOWN = set(
    [
        "model",
        "messages",
        "prompt",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "n",
        "stream",
        "stream_options",
        "stop",
        "seed",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "presence_penalty",
        "frequency_penalty",
        "user",
        "response_format",
        "tools",
    ]
)


class RefusalError(Exception):
    """An answer with another status; its content is JSON, or bytes as they are."""

    def __init__(self, status: int, content: Any = "no", **headers: str) -> None:
        super().__init__(content)
        self.status, self.headers = status, headers
        self.content = {"error": {"message": content}} if isinstance(content, str) else content


class PlainServer:
    """The interface as OpenAI documents it, without log-probabilities unless they are asked for.

    Attributes:
        words: the tokens of each reply.
        seen: the bodies of all requests.
        keys: the keys that came with requests.
    """

    words: ClassVar[tuple[str, ...]] = WORDS
    reason: ClassVar[str | None] = "stop"
    ends: ClassVar[bytes] = b"data: [DONE]\n\n"
    path: ClassVar[str] = "/v1"
    content_type: ClassVar[str] = "text/event-stream"
    zipped: ClassVar[bool] = False

    def __init__(self) -> None:
        self.seen: list[Body] = []
        self.keys: set[str] = set()

    def models(self) -> Any:
        """Return the list of models, or raise a refusal."""
        return {"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "x"}]}

    def check(self, body: Body) -> None:
        """Raise a refusal of a request."""

    def number(self, body: Body) -> int:
        """Return the number of a request, from 0 on, whatever other requests came in meanwhile."""
        return next(number for number, other in enumerate(self.seen) if other is body)

    def choice(self, body: Body, number: int, *, whole: bool = False) -> Body:
        """Return the choice of an event, or of a whole answer."""
        words = self.words if whole else self.words[number : number + 1]
        reason = self.reason if whole or number == len(self.words) - 1 else None
        told = self.logprobs(words, body) if body.get("logprobs") is not None else None
        choice: Body = {"index": 0, "finish_reason": reason, "logprobs": told}
        if "prompt" in body:
            return {**choice, "text": "".join(words)}
        return {**choice, "message" if whole else "delta": self.message("".join(words))}

    def message(self, text: str) -> Any:
        """Return a chat's message, or the next part of it."""
        return {"role": "assistant", "content": text}

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        """Return the log-probabilities of tokens."""
        if "prompt" in body:
            others = [{word: -0.1, "x": -3.0, "y": -5.0} for word in words] if body["logprobs"] else None
            return {"tokens": list(words), "token_logprobs": [-0.1] * len(words), "top_logprobs": others}
        top = [{"token": "x", "logprob": -3.0, "bytes": [120]}, {"token": "y", "logprob": -5.0, "bytes": [121]}]
        return {"content": [self.token(word, top if body.get("top_logprobs") else []) for word in words]}

    def token(self, word: str, top: list[Body]) -> Any:
        """Return one token of a chat's log-probabilities."""
        own = {"token": word, "logprob": -0.1, "bytes": list(word.encode())}
        return {**own, "top_logprobs": [own, *top] if top else []}

    def usage(self) -> Any:
        """Return the usage of a request."""
        return {"prompt_tokens": 11, "completion_tokens": len(self.words), "total_tokens": 11 + len(self.words)}

    def wrapped(self, choices: Any, **more: Any) -> Body:
        """Return the JSON around choices."""
        return {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices, **more}

    def events(self, body: Body) -> Iterator[Any]:
        """Yield the events of a stream: objects, or bytes as they are."""
        for number in range(len(self.words)):
            yield self.wrapped([self.choice(body, number)])
        if (body.get("stream_options") or {}).get("include_usage"):
            yield self.wrapped([], usage=self.usage())

    def answer(self, body: Body) -> Any:
        """Return a whole answer."""
        return self.wrapped([self.choice(body, 0, whole=True)], usage=self.usage())

    def framed(self, data: Any) -> bytes:
        """Return the bytes of an event."""
        return data if isinstance(data, bytes) else f"data: {json.dumps(data)}\n\n".encode()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answered(self._models)

    def do_POST(self) -> None:
        self._answered(self._drawn)

    def _answered(self, answer: Any) -> None:
        self.server.script.keys.add(self.headers.get("Authorization", ""))
        try:
            answer()
        except RefusalError as refusal:
            self._send(refusal.status, refusal.content, **refusal.headers)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _models(self) -> None:
        self._check_path()
        self._send(200, self.server.script.models())

    def _check_path(self) -> None:
        if not self.path.startswith(self.server.script.path + "/"):
            raise RefusalError(404, {"detail": "Not Found"})

    def _drawn(self) -> None:
        script, body = self.server.script, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._check_path()
        script.seen.append(body)
        script.check(body)
        if not body.get("stream"):
            self._send(200, script.answer(body))
            return
        self.send_response(200)
        self.send_header("Content-Type", script.content_type)
        if script.zipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        pieces = (script.framed(data) for data in script.events(body))
        if script.zipped:
            self.wfile.write(gzip.compress(b"".join(pieces) + script.ends))
            return
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        self.wfile.write(script.ends)

    def _send(self, status: int, content: Any, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "text/html" if data.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(LocalServer):
    def __init__(self, script: PlainServer, **address: Any) -> None:
        super().__init__(_Handler, **address)
        self.script = script


def serving(script: PlainServer, **address: Any) -> AbstractContextManager[_Server]:
    """Serve a script while a block runs, at a free port unless ``host`` and ``port`` say otherwise."""
    return running(_Server(script, **address))
