"""Controls know what they say they know, wrapping keeps what is needed, and every pass of a scorer is charged."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.engines.base import Capabilities, Meter, Prefix
from tts.engines.fake import WATCHED, FakeEngine
from tts.errors import EngineError, UnsupportedError
from tts.scorers.base import Calibrated, ConstantScorer, MeteredEngine, OracleScorer, Scorer
from tts.scorers.watched import WatchedScorer
from tts.types import End, Problem, Sample, Signals, Trace, Usage

ONE = Problem("q", "what is it ?", "7")
SAMPLES = [Sample("a b", "7"), Sample("c", "8"), Sample("d", None), Sample("e", None, end=End.BOUNDARY)]


def scored(scorer: Scorer, problem: Problem = ONE, samples: list[Sample] = SAMPLES) -> Any:
    return asyncio.run(scorer.score(problem, samples, MeteredEngine(FakeEngine())))


@pytest.mark.parametrize(
    "scorer", [ConstantScorer(), OracleScorer(), Calibrated(ConstantScorer(), abs), WatchedScorer()]
)
def test_each_is_a_scorer_and_scores_no_samples(scorer: Any) -> None:
    assert isinstance(scorer, Scorer)
    values = scored(scorer, samples=[])
    assert (values.shape, values.dtype) == ((0,), np.float64)


@given(value=st.floats(0, 1), count=st.integers(0, 5))
def test_the_constant_knows_nothing(value: float, count: int) -> None:
    assert scored(ConstantScorer(value), samples=SAMPLES[:1] * count).tolist() == [value] * count


def test_the_oracle_gives_grades() -> None:
    assert scored(OracleScorer()).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_the_oracle_needs_a_gold_answer() -> None:
    with pytest.raises(UnsupportedError, match="needs a gold answer and problem 'x' has none"):
        scored(OracleScorer(), Problem("x", "?"))


def test_calibrated_maps_the_scores_of_another_and_needs_what_it_needs() -> None:
    scorer = Calibrated(WatchedScorer(), lambda raw: raw**2)
    assert scorer.needs == Signals(watch=(WATCHED,))
    samples = [Sample(trace=Trace(watched={WATCHED: (0.9, p)})) for p in (0.5, 0.1)]
    assert scored(scorer, samples=samples).tolist() == pytest.approx([0.25, 0.01])


class Metered(FakeEngine):
    """Charges a known amount for a pass, and may then break."""

    def __init__(self, *, breaks: bool = False) -> None:
        super().__init__()
        self.breaks = breaks

    async def score(self, prefixes: Any, tokens: Any, meter: Meter) -> Any:
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
    with pytest.raises(UnsupportedError, match="Blind cannot score a prefix: use a scorer that reads signals"):
        asyncio.run(engine.score([Prefix(ONE)], [1]))
    assert engine.usage == Usage()
