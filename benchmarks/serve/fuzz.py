"""Requests that are wrong in any way against a ``tts serve`` process: none is answered with status 500, none hangs.

The cases come from the server's own description (schemathesis; half of them as described, half not), from a generator
of faults in whole requests, and from raw sockets. Each is made from a seed.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
import warnings
from collections import Counter
from typing import Any

from benchmarks.serve.faults import Faults
from benchmarks.serve.process import HOST, ServeProcess
from benchmarks.serve.raw import HANG_S, raw_sockets

SEED = 20261129
CASES, FAULTS, SOCKETS = 10_000, 10_000, 2000
SHARES = {"POST /v1/chat/completions": 0.35, "POST /v1/decisions": 0.1, "POST /v1/score": 0.5}
"""Of the described cases by operation; the rest go to the paths without a body, where few cases differ."""
ARGUMENTS = ("engine.kind=fake", "engine.model=fake", "scorer=watched", "budget=4", "draws=3")
LIMITS = ("serve.limits.budget=8", "serve.limits.body_s=5")


def fuzz(fraction: float) -> str:
    """Return the row; the full one takes 6 to 12 minutes.

    Args:
        fraction: of the cases and sockets.
    """
    rows = [f"seed {SEED}; a hang is an answer that takes over {HANG_S:g} s"]
    with ServeProcess(*ARGUMENTS, *LIMITS) as server:
        rows += _described(server, round(CASES * fraction))
        print("fuzz: faults in whole requests", file=sys.stderr)
        rows.append(_line("faults in whole requests", _faults(server.port, round(FAULTS * fraction))))
        print("fuzz: raw sockets", file=sys.stderr)
        ends = asyncio.run(raw_sockets(server.port, round(SOCKETS * fraction), SEED))
        rows.append(_line("raw sockets", ends))
        rows.append(f"the server afterwards: {'answers' if _answers(server.port) else 'DOES NOT ANSWER'}")
    return "\n".join(rows)


def _line(name: str, ends: Counter[str]) -> str:
    shown = ", ".join(f"{end} {n}" for end, n in sorted(ends.items()))
    return f"{name}: {ends.total()} cases, status 500: {ends['status 500']}, hangs: {ends['hang']} ({shown})"


def _faults(port: int, number: int) -> Counter[str]:
    """Return the outcomes of requests with faults, over one connection."""
    faults, ends = Faults(SEED), Counter[str]()
    connection = http.client.HTTPConnection(HOST, port, timeout=HANG_S)
    for _ in range(number):
        path, body = faults.request()
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            ends[f"status {answer.status}"] += 1
        except TimeoutError:
            ends["hang"] += 1
            connection.close()
        except (OSError, http.client.HTTPException):
            ends["closed"] += 1
            connection.close()
    connection.close()
    return ends


def _described(server: ServeProcess, number: int) -> list[str]:
    """Return the rows of the cases from the server's description."""
    from schemathesis import openapi

    described = json.loads(_get(server.port, "/openapi.json")[1])
    operations = [found.ok() for found in openapi.from_dict(described).get_all_operations()]
    named = {operation.label: operation for operation in operations}
    bodies = [named[label] for label in SHARES]
    others = [operation for operation in operations if operation.label not in SHARES]
    rows, total, missed = [], Counter[str](), number
    for operation in [*others, *bodies]:
        share = SHARES.get(operation.label, (1 - sum(SHARES.values())) / len(others))
        wanted = missed if operation is bodies[-1] else round(number * share)
        print(f"fuzz: {operation.label}, {wanted} described cases", file=sys.stderr)
        as_described, other = _operation(server, operation, wanted)
        missed -= as_described.total() + other.total()
        total += as_described + other
        for kind, ends in (("as described", as_described), ("otherwise", other)):
            if ends:
                rows.append(f"  {operation.label}, {kind}: {dict(sorted(ends.items()))}")
    return [_line("described cases (schemathesis)", total), *rows]


def _operation(server: ServeProcess, operation: Any, number: int) -> tuple[Counter[str], Counter[str]]:
    """Return the outcomes of an operation's cases, as it is described and otherwise.

    Where few cases differ, they come again.
    """
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode

    found: list[Counter[str]] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        ends, wanted = Counter[str](), number // 2 if found and found[0] else number - number // 2
        found.append(ends)
        for turn in range(100):
            if (left := wanted - ends.total()) <= 0:
                break
            try:
                ends += _drawn(server, operation.as_strategy(generation_mode=mode), left, SEED + turn)
            except Unsatisfiable:
                break
    return found[0], found[1]


def _drawn(server: ServeProcess, cases: Any, most: int, number: int) -> Counter[str]:
    """Return the outcomes of at most this many cases of a strategy, which is drawn from with this seed."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    ends = Counter[str]()

    @seed(number)
    @settings(
        max_examples=most, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(cases)
    def send(case: Any) -> None:
        if ends.total() < most:
            ends[_called(server, case)] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        send()
    return ends


def _called(server: ServeProcess, case: Any) -> str:
    """Return the outcome of one case; an error that has not the described shape is an outcome of its own."""
    import requests

    began = time.perf_counter()
    try:
        answer = case.call(base_url=f"http://{HOST}:{server.port}", timeout=HANG_S)
    except requests.Timeout:
        return "hang"
    except requests.RequestException:
        return "closed"
    if time.perf_counter() - began > HANG_S:
        return "hang"
    if answer.status_code >= 400 and case.method != "HEAD":
        error = json.loads(answer.text).get("error", {})
        if error.keys() != {"message", "type", "param", "code"}:
            return f"status {answer.status_code} of another shape"
    return f"status {answer.status_code}"


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=HANG_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def _answers(port: int) -> bool:
    """Return whether the server takes questions and answers one."""
    connection = http.client.HTTPConnection(HOST, port, timeout=HANG_S)
    body = json.dumps({"model": "fake", "messages": [{"role": "user", "content": "What is number 1 ?"}]})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status == 200 and _get(port, "/readyz")[0] == 200
