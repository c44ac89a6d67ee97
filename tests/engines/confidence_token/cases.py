"""A run on the model of the confidence token."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS  # noqa: E402
from tts.runtime.driver import Options, Result, run_all  # noqa: E402
from tts.types import Signals  # noqa: E402

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
TOKEN = "<CNF>"
MANY = [(problem, index) for problem in PROBLEMS for index in range(3)]


def run(engine: Any, strategy: Any, **options: Any) -> list[Result]:
    """Play it live; every answer is the same."""
    scorer, signals = options.pop("scorer", None), options.pop("signals", Signals())
    how = Options(**options)
    playing = run_all(strategy, PROBLEMS, engine, extract=lambda p, t: "1", scorer=scorer, signals=signals, options=how)
    return asyncio.run(playing)
