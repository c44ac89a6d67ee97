"""A scripted server of OpenAI's interface for draws: answers of 300 tokens, streamed as vLLM streams them.

Its answers are bytes that were made before, so that it costs little beside the gateway that reads them. Every answer
has the number of its request, and ends in it: a draw that was made twice shows. It runs as a process of its own:
python -m benchmarks.serve.upstream PORT [--tokens 300] [--seconds 0.5] [--writes 30].
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import psutil

HOST, MODEL = "127.0.0.1", "scripted"
TOKENS, SECONDS, WRITES = 300, 0.5, 30
"""Tokens of an answer, the seconds in which it streams, and the number of times that it sends a part."""
ANSWERS = 5
"""Different final answers; the k-th question's draws are mostly of the same one."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LISTED = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "max_model_len": 4096}]}).encode()


class Script:
    """The answers as bytes, one list of parts for each form that is asked for."""

    def __init__(self, tokens: int, writes: int) -> None:
        """Take the size of an answer."""
        self._tokens, self._writes = tokens, writes
        self._made: dict[tuple[int, int, int], list[bytes]] = {}

    def parts(self, answer: int, interval: int, top: int) -> list[bytes]:
        """Return the parts of an answer, each with the events of some tokens.

        Args:
            answer: the number that it ends with.
            interval: the tokens of one event, >= 1.
            top: the most probable tokens of each position; -1 for no log-probabilities.
        """
        key = (answer, interval, top)
        if key not in self._made:
            events = [_framed(event) for event in self._events(*key)]
            size = max(1, -(-len(events) // self._writes))
            self._made[key] = [b"".join(events[at : at + size]) for at in range(0, len(events), size)]
        return self._made[key]

    def _events(self, answer: int, interval: int, top: int) -> list[bytes]:
        words = [f" w{number % 97}" for number in range(self._tokens - 3)] + ["\n", "#### ", str(answer)]
        events = [_event({"role": "assistant", "content": ""}, None, None, 0)]
        for at in range(0, len(words), interval):
            part = words[at : at + interval]
            logprobs = None if top < 0 else {"content": [_token(word, top) for word in part]}
            finish = "stop" if at + interval >= len(words) else None
            events.append(_event({"content": "".join(part)}, logprobs, finish, min(at + interval, len(words))))
        events.append(_json(choices=[], usage=_usage(len(words))))
        return [*events, b"[DONE]"]


def _json(**fields: Any) -> bytes:
    head = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1750000000, "model": MODEL}
    return json.dumps({**head, **fields}, separators=(",", ":")).encode()


def _usage(drawn: int) -> dict[str, int]:
    return {"prompt_tokens": 40, "total_tokens": 40 + drawn, "completion_tokens": drawn}


def _event(delta: dict[str, Any], logprobs: Any, finish: str | None, drawn: int) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish, "stop_reason": None}
    return _json(choices=[{**choice, "token_ids": None}], usage=_usage(drawn))


def _token(word: str, top: int) -> dict[str, Any]:
    """Return a position as vLLM describes it: the drawn token is the most probable one."""
    own = {"token": word, "logprob": -0.105360515, "bytes": list(word.encode())}
    others = [{"token": f" o{n}", "logprob": -2.302585 - n, "bytes": list(f" o{n}".encode())} for n in range(1, top)]
    return {**own, "top_logprobs": [own, *others][:top]}


def _framed(data: bytes) -> bytes:
    """Return an event as one chunk of a chunked body."""
    line = b"data: " + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(line), line)


class Answering(asyncio.Protocol):
    """One connection: requests one after the other, each answered in parts over some time."""

    drawn, aborted = 0, 0
    """Answers that were begun, and those whose client left before their end."""

    def __init__(self, script: Script, pause_s: float) -> None:
        """Take the answers, and the seconds between parts."""
        self._script, self._pause_s = script, pause_s
        self._text, self._parts = b"", iter(())
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End an answer that is under way."""
        if self._timer is not None:
            self._timer.cancel()
            Answering.aborted += 1

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is whole."""
        self._text += data
        head, found, body = self._text.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        self._text = b""
        if head.startswith(b"GET"):
            counts = json.dumps({"drawn": Answering.drawn, "aborted": Answering.aborted}).encode()
            content = counts if head.startswith(b"GET /counts") else LISTED
            answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            self._transport.write(answer % (len(content), content))
            return
        asked = json.loads(body)
        Answering.drawn += 1
        answer = hash(str(asked["messages"])) % ANSWERS if Answering.drawn % 3 else Answering.drawn % ANSWERS
        top = int(asked.get("top_logprobs") or 0) if asked.get("logprobs") else -1
        self._parts = iter(self._script.parts(answer, int(asked.get("stream_interval") or 1), top))
        self._transport.write(HEAD)
        self._send()

    def _send(self) -> None:
        part = next(self._parts, None)
        self._transport.write(b"0\r\n\r\n" if part is None else part)
        again = None if part is None else asyncio.get_running_loop().call_later(self._pause_s, self._send)
        self._timer = again


def asked_counts(url: str) -> dict[str, int]:
    """Return the counts of a server: answers that were begun, and those whose client left."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/counts") as answer:
        found: dict[str, int] = json.load(answer)
    return found


class UpstreamProcess:
    """The server as a process on a free port.

    Attributes:
        url: ends with /v1.
    """

    def __init__(self, *options: str) -> None:
        """Start it, and return once it accepts connections."""
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "benchmarks.serve.upstream", str(port), *options]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.url = f"http://{HOST}:{port}/v1"
        self._seen = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def processor_s(self) -> float:
        """The seconds of processor time that the process has used."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)


async def serve(port: int, script: Script, pause_s: float) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Answering(script, pause_s), HOST, port, backlog=4096
    )
    print("ready", flush=True)
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="tokens of an answer")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="in which an answer streams")
    parser.add_argument("--writes", type=int, default=WRITES, help="parts in which it is sent")
    options = parser.parse_args(arguments)
    asyncio.run(serve(options.port, Script(options.tokens, options.writes), options.seconds / options.writes))


if __name__ == "__main__":
    main()
