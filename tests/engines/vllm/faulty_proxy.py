"""A proxy in front of a real server that injects the faults of networks and overloaded servers."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler

from tests.support.local_server import LocalServer, running

FAULTS = ("busy", "half", "slow", "malformed")
SLOW = 8.0
"""Seconds without a byte."""


class Faulty(LocalServer):
    """Passes requests on; each POST takes the next of ``faults``: one of :data:`FAULTS`, or "" for none.

    "busy" is refused with 429 and not passed on; "half" breaks off after the first event of a stream; "slow" sends
    nothing for a while after it; "malformed" has an event in the middle that is no JSON.

    Attributes:
        met: the faults that were met, in order.
    """

    def __init__(self, port: int) -> None:
        super().__init__(Handler)
        self.upstream = port
        self.faults: Iterator[str] = iter(())
        self.met: list[str] = []
        self.taking = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Faulty

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._pass(None, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.taking:
            fault = next(self.server.faults, "")
            if fault:
                self.server.met.append(fault)
        if fault == "busy":
            self.send_response(429)
            self.send_header("Retry-After", "0.1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            self._pass(body, fault)

    def _pass(self, body: bytes | None, fault: str) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=120)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.end_headers()  # without a length: the end of the answer is the end of the connection
            for number, line in enumerate(answer):
                if number >= 2 and fault == "half":
                    return
                if number == 2 and fault == "slow":
                    time.sleep(SLOW)
                if number == 2 and fault == "malformed":
                    self.wfile.write(b'data: {"choices": [\n\n')
                self.wfile.write(line)
                self.wfile.flush()
        finally:
            upstream.close()


def meddling(port: int) -> AbstractContextManager[Faulty]:
    return running(Faulty(port))
