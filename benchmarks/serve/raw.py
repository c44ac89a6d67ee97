"""Raw sockets that no client of HTTP opens: cut bodies, slow senders, wrong lengths, NULs, surrogates, and the like."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable

from benchmarks.serve.process import HEAD, HOST, LENGTH

PATHS = ("/v1/chat/completions", "/v1/score", "/v1/decisions")
BODY = json.dumps({"model": "fake", "messages": [{"role": "user", "content": "What is number 1 ?"}]}).encode()
HANG_S = 30.0
AT_ONCE = 200
SLOW = 0.05
"""The share of the slow senders; each takes seconds."""
Parts = list[bytes | float]
"""Bytes to send, and seconds to wait between them."""


def _head(rng: random.Random, length: int | str | None, *more: bytes) -> bytes:
    lines = [b"POST %b HTTP/1.1" % rng.choice(PATHS).encode(), b"Host: localhost", b"Content-Type: application/json"]
    lines += [*more, *([] if length is None else [f"Content-Length: {length}".encode()])]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _junk(rng: random.Random, most: int) -> bytes:
    return rng.randbytes(rng.randrange(1, most))


def cut_body(rng: random.Random) -> Parts:
    """A body that ends early."""
    return [_head(rng, len(BODY)) + BODY[: rng.randrange(len(BODY))]]


def slow_sender(rng: random.Random) -> Parts:
    """A request in parts with pauses, one byte at a time or the head alone."""
    whole, parts = _head(rng, len(BODY)) + BODY, list[bytes | float]()
    at = rng.randrange(1, len(whole))
    for byte in whole[at : at + rng.randrange(1, 20)]:
        parts += [bytes([byte]), rng.uniform(0.05, 0.3)]
    return [whole[:at], 0.2, *parts]


def wrong_length(rng: random.Random) -> Parts:
    """A length that is another, none, several, or no number."""
    length = rng.choice([0, 1, len(BODY) - 1, len(BODY) + 1, 10**9, 10**30, -1, "abc", "", "1, 2", "0x10", "+5", "٣"])
    more = [b"Content-Length: 7"] if rng.random() < 0.2 else []
    return [_head(rng, length, *more) + BODY]


def nuls(rng: random.Random) -> Parts:
    """NUL bytes in the head or in the body."""
    whole = bytearray(_head(rng, len(BODY)) + BODY)
    for _ in range(rng.randrange(1, 5)):
        whole[rng.randrange(len(whole))] = 0
    return [bytes(whole)]


def surrogates(rng: random.Random) -> Parts:
    """Halves of characters, as JSON escapes and as bytes."""
    half = rng.choice([b"\\ud800", b"\\udfff\\ud800", b"\xed\xa0\x80", b"\xff\xfe", b"\\u00", b"\\ud83d\\u0000"])
    body = BODY.replace(rng.choice([b"What", b"user", b"fake", b"model"]), half)
    return [_head(rng, len(body)) + body]


def deep_json(rng: random.Random) -> Parts:
    """JSON that is nested deep."""
    depth, one = rng.choice([30, 33, 1000, 100_000]), rng.choice([b"[", b'{"a":', b'[{"a":'])
    body = one * depth
    return [_head(rng, len(body)) + body]


def pipelined(rng: random.Random) -> Parts:
    """Several requests at once, the last one cut."""
    whole = _head(rng, len(BODY)) + BODY
    return [whole * rng.randrange(1, 4) + whole[: rng.randrange(len(whole))]]


def huge_head(rng: random.Random) -> Parts:
    """A header, a path or a number of headers beyond every limit."""
    size = rng.choice([10_000, 70_000, 1_000_000])
    if rng.random() < 0.3:
        return [b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"]
    return [_head(rng, len(BODY), *(b"X-%d: %b" % (n, b"a" * 100) for n in range(size // 100))) + BODY]


def http2(rng: random.Random) -> Parts:
    """The opening of another protocol."""
    tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    opening = rng.choice(
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", tls, b"SSH-2.0-x\r\n", b"\x05\x01\x00", b"GET / HTTP/9\r\n\r\n"]
    )
    return [opening + _junk(rng, 40)]


def chunked(rng: random.Random) -> Parts:
    """Chunks whose sizes are wrong, or beside a length."""
    size = rng.choice([b"%x" % len(BODY), b"zz", b"-1", b"ffffffffffffffffff", b"", b"5;x=" + b"a" * 50_000])
    both = [b"Content-Length: 5"] if rng.random() < 0.3 else []
    end = rng.choice([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"\r\n"])
    return [_head(rng, None, b"Transfer-Encoding: chunked", *both) + size + b"\r\n" + BODY + b"\r\n" + end]


def noise(rng: random.Random) -> Parts:
    """Bytes of no protocol, or a whole request with some of its bytes changed."""
    if rng.random() < 0.3:
        return [_junk(rng, 3000)]
    whole = bytearray(_head(rng, len(BODY)) + BODY)
    for _ in range(rng.randrange(1, 8)):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    return [bytes(whole)]


KINDS: tuple[Callable[[random.Random], Parts], ...] = (
    cut_body, wrong_length, nuls, surrogates, deep_json, pipelined, huge_head, http2, chunked, noise,
)  # fmt: skip


async def raw_sockets(port: int, number: int, seed: int) -> Counter[str]:
    """Return the outcomes of raw sockets: "status N", "closed", or "hang".

    Args:
        port: the server's.
        number: of sockets.
        seed: of what they send.
    """
    rng, ends, waiting = random.Random(seed), Counter[str](), list[Parts]()
    for _ in range(number):
        waiting.append((slow_sender if rng.random() < SLOW else rng.choice(KINDS))(rng))
    halves = [rng.random() < 0.2 for _ in waiting]

    async def worker() -> None:
        while waiting:
            ends[await _sent(port, waiting.pop(), halves.pop())] += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return ends


async def _sent(port: int, parts: Parts, end_early: bool) -> str:
    """Return the outcome of one socket."""
    try:
        async with asyncio.timeout(HANG_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                for part in parts:
                    if isinstance(part, float):
                        await asyncio.sleep(part)
                    else:
                        writer.write(part)
                        await writer.drain()
                if end_early:
                    writer.write_eof()
                head = await reader.readuntil(b"\r\n\r\n")
                if (length := LENGTH.search(head)) is not None:
                    await reader.readexactly(int(length[1]))
                status = HEAD.match(head)
                return "no HTTP" if status is None else f"status {int(status[1])}"
            finally:
                writer.close()
    except TimeoutError:
        return "hang"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return "closed"
