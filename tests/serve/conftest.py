"""Servers that the tests of a module share; no test changes them. Without the extra ``serve`` there are no tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.gateway import LocalGateway, local_gateway

collect_ignore_glob = ["*"] if find_spec("fastapi") is None or find_spec("uvicorn") is None else []


@pytest.fixture(autouse=True)
def same_log() -> Iterator[None]:
    """Leave the handlers of the log as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="module")
def fake() -> Iterator[LocalGateway]:
    """A server in front of the fake engine."""
    with local_gateway("engine.kind=fake") as server:
        yield server
