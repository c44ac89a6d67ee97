"""Given texts read by vLLM: the signals of their tokens are those of the pass that drew them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.engines.vllm.cases import PROBLEMS, Served, vllm  # noqa: E402
from tts.engines.base import Meter  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.types import Signals  # noqa: E402


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    """The bundled model at temperature 0.8."""
    with asyncio.Runner() as runner:
        served = Served(vllm("tiny", Sampling(temperature=0.8, max_tokens=200)), runner)
        yield served
        served.engine.close()


def test_log_probabilities_of_own_draws_are_read_again(plain: Served) -> None:
    wanted = Signals(logprobs=True)
    for problem in PROBLEMS[:4]:
        drawn = plain.run(plain.one(problem, signals=wanted))
        meter = Meter()
        trace = plain.run(plain.engine.read(problem, drawn.text, wanted, meter, token_ids=drawn.token_ids, ended=True))
        assert np.allclose(trace.logprobs, drawn.trace.logprobs, atol=1e-3)
        assert meter.prompt + meter.prompt_cached >= len(drawn.token_ids) and meter.drawn <= 1
