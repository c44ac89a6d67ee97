"""Connections that no client makes: slow senders, cut bodies, wrong lengths, large bodies, and no HTTP at all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway import LocalGateway, ask, local_gateway
from tts.serve import connection
from tts.serve.body import check_depth
from tts.serve.errors import ApiError


@pytest.fixture(scope="module")
def hasty() -> Iterator[LocalGateway]:
    with local_gateway("engine.kind=fake", "serve.limits.body_s=0.3", "serve.limits.body_bytes=100000") as server:
        yield server


def sent(server: LocalGateway, *parts: bytes) -> tuple[int, Any]:
    """Send bytes, and return the status and the error's code; (0, None) where the connection is closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        for part in parts:
            one.sendall(part)
        text = b""
        while found := one.recv(65536):
            text += found
            head, _, body = text.partition(b"\r\n\r\n")
            length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            if length and len(body) >= int(length[0].partition(b":")[2]):
                break
    if not text:
        return 0, None
    return int(text.split()[1]), json.loads(text.partition(b"\r\n\r\n")[2]).get("error", {}).get("code")


def head(length: int, *more: str) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json", *more]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"\x00\x01\x02\r\n\r\n",), (400, "invalid_http")),
        ((b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",), (400, "invalid_http")),
        ((head(10), b"{}"), (408, "body_timeout")),
        ((head(2), b"{}"), (400, "missing_field")),
        ((head(200_000), b" " * 200_000), (413, "body_too_large")),
        ((head(10**12), b" " * 1000), (413, "body_too_large")),
        ((head(7), b'{"a":\x00}'), (400, "invalid_json")),
        ((head(4), b"\xff\xfe{}"), (400, "invalid_json")),
        ((head(50_000), b"[" * 50_000), (400, "json_too_deep")),
        ((head(50_000), b'{"a":' * 10_000), (400, "json_too_deep")),
        ((head(5000), b"1" * 5000), (400, "invalid_json")),
    ],
)
def test_bytes_that_no_client_sends_are_answered(hasty: LocalGateway, parts: Any, expected: tuple[int, str]) -> None:
    assert sent(hasty, *parts) == expected
    assert ask(hasty, "GET", "/healthz")[0] == 200


def test_the_head_of_a_request_does_not_take_for_ever(hasty: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.1)
    assert sent(hasty, b"POST /v1/chat") == (0, None)
    assert sent(hasty) == (0, None)


def test_the_depth_is_that_of_brackets_outside_of_texts_in_linear_time() -> None:
    check_depth(b'{"a": "' + b"[" * 1000 + b'"}', 32)
    check_depth(b'{"a": "\\"' + b"[" * 1000 + b'"}', 32)
    check_depth(b"[[]]" * 100, 32)
    check_depth(b'"' + b'\\"[' * 300_000, 32)  # a text without an end
    with pytest.raises(ApiError):
        check_depth(b'{"a": "x", "b": ' + b"[" * 33, 32)
