"""The measurement of many clients, at a tenth of its time: no answer is lost, doubled or another request's."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_many_clients_lose_and_swap_no_answer() -> None:
    pytest.importorskip("fastapi")
    from benchmarks.serve.clients import clients

    rows = clients(0.1).splitlines()
    assert rows[1].endswith("lost 0, swapped or wrong 0") and "status" not in rows[1], rows
    assert rows[3] == "a question afterwards: answered"
