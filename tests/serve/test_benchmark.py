"""The measurements of the gateway, at a tenth of their size or less: no answer is lost, wrong, or drawn twice."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("fastapi")


def test_many_clients_lose_and_swap_no_answer() -> None:
    from benchmarks.serve.clients import clients

    rows = clients(0.1).splitlines()
    outcomes = [row for row in rows if row.startswith("requests by outcome")]
    assert len(outcomes) == 2, rows
    assert all(row.endswith("lost 0, swapped or wrong 0") and "status" not in row for row in outcomes), rows
    assert "a question afterwards: answered" in rows


def test_no_fuzzed_request_is_a_fault_of_the_server() -> None:
    pytest.importorskip("schemathesis")
    from benchmarks.serve.fuzz import fuzz

    rows = fuzz(0.1).splitlines()
    cases = [row for row in rows if " cases, status 500: " in row]
    assert len(cases) == 3 and all("cases, status 500: 0, hangs: 0 (" in row for row in cases), rows
    assert "of another shape" not in "".join(rows) and rows[-1] == "the server afterwards: answers", rows


def test_killed_gateways_draw_nothing_twice_and_ended_ones_answer() -> None:
    from benchmarks.serve.kills import kills

    again, beyond, ended = kills(0.1).splitlines()[1:]
    assert again == "draws for questions that were answered before: 0; answers that differ from the first: 0"
    assert beyond == "draws beyond those that the pool lacked: 0; questions without an answer: 0"
    assert "connections without an answer: 0; exit statuses {0: 1}" in ended


def test_a_gateway_carries_samples_of_a_scripted_upstream() -> None:
    from benchmarks.serve.capacity import capacity

    rows = capacity(0.01)
    assert len(re.findall("an event a token, [12] ", rows)) == 4
