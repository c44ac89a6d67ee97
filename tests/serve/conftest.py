"""Servers that the tests of a module share; no test changes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from tests.support.gateway import LocalGateway, local_gateway


@pytest.fixture(scope="module")
def fake() -> Iterator[LocalGateway]:
    """A server in front of the fake engine."""
    with local_gateway("engine.kind=fake") as server:
        yield server
