"""Servers that several tests ask; no test changes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from tests.support.gateway import Gateway, gateway


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server in front of the fake engine."""
    with gateway(tmp_path_factory.mktemp("serve"), "engine.kind=fake") as server:
        yield server
