"""The log-probabilities that vLLM reports are those of the tree that it draws from, where the engine passes them on."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("vllm.v1", reason="vLLM is not installed here: make test-vllm")

from tests.engines.mass.tree import END, random_model, tokenizer, tree
from tts.engines.base import Request
from tts.engines.sampling import Sampling, SamplingChange
from tts.engines.streams import collected, together
from tts.engines.vllm.engine import VllmEngine
from tts.errors import UnsupportedError
from tts.prompts import Prompt
from tts.types import TOKENS, End, Problem, Sample, Signals

PROBLEM = Problem("p", "12")
EXACT = Signals(processed=True)
PLAIN, NARROW = Sampling(1.0, max_tokens=4), Sampling(0.7, top_p=0.9, top_k=3, max_tokens=4)
SIZE = 64
"""Of the model's vectors: vLLM's attention on a CPU takes no smaller heads."""


@contextmanager
def engine(folder: Path, sampling: Sampling, suppressed: tuple[int, ...] = (), **options: Any) -> Iterator[Any]:
    """Yield an engine, and the function that draws a hundred samples from it."""
    random_model(suppressed, hidden_size=SIZE).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    with warnings.catch_warnings(), asyncio.Runner() as runner:
        warnings.simplefilter("ignore")
        made = VllmEngine.load(folder, prompt=Prompt(), sampling=sampling, seeded=True, options=options)

        def draw(signals: Signals = EXACT, prefixes: Any = (None,) * 100, **more: Any) -> list[Sample]:
            change = [SamplingChange(seed=seed, **more) for seed in range(len(prefixes))]
            asked = [
                Request(PROBLEM, prefix=prefix, signals=signals, sampling=how, until=TOKENS(2 if prefix is None else 9))
                for prefix, how in zip(prefixes, change, strict=True)
            ]
            return runner.run(together([collected(made, request) for request in asked]))

        def whole(signals: Signals = EXACT, **more: Any) -> list[Sample]:
            """Samples of two tokens, continued."""
            begun = draw(signals, **more)
            going = [sample for sample in begun if sample.end is End.BOUNDARY]
            return [s for s in begun if s.end is not End.BOUNDARY] + draw(signals, tuple(going), **more)

        try:
            yield made, whole
        finally:
            made.close()


def check(samples: list[Sample], made: Any, sampling: Sampling, suppressed: tuple[int, ...] = ()) -> None:
    model = random_model(suppressed, hidden_size=SIZE)
    found = tree(model, made.prompt_ids(PROBLEM), sampling, suppressed, of_kept=True)
    assert len({sample.token_ids for sample in samples}) > 3 and sum(found.values()) == pytest.approx(1)
    for sample in samples:
        assert sum(sample.trace.processed) == pytest.approx(math.log(found[sample.token_ids]), abs=1e-3)
        assert (sample.logprob is not None) == (sample.token_ids[-1] == END) == (sample.end is End.STOP)


@pytest.mark.parametrize("suppressed", [(), (2,)])
def test_at_temperature_one_the_log_probabilities_are_those_of_the_tree(
    tmp_path: Path, suppressed: tuple[int, ...]
) -> None:
    with engine(tmp_path, PLAIN, suppressed) as (made, whole):
        assert made.capabilities.processed and made.capabilities.logprobs
        check(whole(), made, PLAIN, suppressed)
        assert all(sample.logprob is None and not sample.trace.processed for sample in whole(temperature=0.7))
        assert {sample.logprob for sample in whole(temperature=0.0)} <= {0.0, None}


def test_processed_ones_are_those_of_the_tree_and_stand_for_no_others(tmp_path: Path) -> None:
    with engine(tmp_path, NARROW, logprobs_mode="processed_logprobs") as (made, whole):
        able = made.capabilities
        assert able.processed and not able.logprobs and not able.watch_tokens and able.top == 0
        samples = whole(EXACT | Signals(logprobs=True))
        check(samples, made, NARROW)
        assert all(sample.trace.logprobs == () for sample in samples)
        plain = whole(EXACT | Signals(logprobs=True), temperature=1.0, top_p=1.0)
        assert all(sample.trace.processed for sample in plain)
        with pytest.raises(UnsupportedError, match=r"leave logprobs_mode out, or draw at temperature 1"):
            whole(Signals(watch=(3,)))
