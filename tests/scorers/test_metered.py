"""Every pass of a scorer is charged, and an engine that cannot do what a scorer asks is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.engines.base import Capabilities, Meter, Prefix
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError, UnsupportedError
from tts.scorers.metered import ROLLOUTS, MeteredEngine, rollout
from tts.types import Problem, Sample, Usage

ONE = Problem("q", "what is it ?", "7")


class Metered(FakeEngine):
    """Charges a known amount for a pass, and may then break."""

    def __init__(self, *, breaks: bool = False) -> None:
        super().__init__()
        self.breaks = breaks

    async def score(self, prefixes: Any, tokens: Any, meter: Meter, **how: Any) -> Any:
        meter.prompt, meter.prompt_cached, meter.drawn = 10, 3, 2
        if self.breaks:
            raise EngineError("the pass broke")
        return np.zeros((len(prefixes), len(tokens)))


def test_every_pass_is_charged_to_the_scorer() -> None:
    engine = MeteredEngine(Metered())

    async def twice() -> None:
        await engine.score([Prefix(ONE)], [1, 2])
        values = await engine.score([Prefix(ONE), Prefix(ONE, "a")], [1])
        assert values.shape == (2, 1)

    asyncio.run(twice())
    assert engine.usage == Usage(scorer_prefill=2 * 13, scorer_decode=2 * 2)


def test_a_pass_that_broke_is_charged_too() -> None:
    engine = MeteredEngine(Metered(breaks=True))
    with pytest.raises(EngineError, match="the pass broke"):
        asyncio.run(engine.score([Prefix(ONE)], [1]))
    assert engine.usage == Usage(scorer_prefill=13, scorer_decode=2)


def test_an_engine_that_cannot_score_is_refused_before_it_is_asked() -> None:
    class Blind(Metered):
        capabilities = Capabilities(watch_tokens=True)

    engine = MeteredEngine(Blind())
    with pytest.raises(UnsupportedError, match="this engine cannot score a prefix: use a scorer that reads signals"):
        asyncio.run(engine.score([Prefix(ONE)], [1]))
    assert engine.usage == Usage()


def test_recorded_samples_have_no_model_to_ask() -> None:
    engine = MeteredEngine(None)
    assert not engine.adapters
    for ask in (lambda: engine.encode("a"), lambda: engine.prompt_ids(ONE)):
        with pytest.raises(UnsupportedError, match="there is no model here to read a text with"):
            ask()


def test_an_engine_without_prompt_tokens_refuses_to_give_them() -> None:
    with pytest.raises(UnsupportedError, match=r"engine\.kind=fake has no prompt tokens"):
        MeteredEngine(FakeEngine()).prompt_ids(ONE)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.data())
def test_no_two_rollouts_of_a_question_share_a_number(one: int, other: int, nodes: int, data: st.DataObject) -> None:
    nodes_of = st.integers(0, nodes - 1)
    a, b = data.draw(nodes_of), data.draw(nodes_of)
    same = rollout(Sample(index=one), a, nodes) == rollout(Sample(index=other), b, nodes)
    assert same == ((one, a) == (other, b))
    assert rollout(Sample(index=one), a, nodes) >= ROLLOUTS
