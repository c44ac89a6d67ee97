"""One question's draws: delivered in order, numbered once, aborted and charged when they are not used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import InputError, UnsupportedError
from tts.runtime.options import Options
from tts.runtime.scoring import needs_score, with_scores
from tts.runtime.session import Session, is_cancelled
from tts.scorers.base import BaseScorer, Scorer
from tts.scorers.controls import ConstantScorer
from tts.types import STEP, Draw, End, Problem, Sample, Signals, Usage

T = TypeVar("T")
[ONE] = FakeEngine.problems(1)


class Fixed(BaseScorer):
    """Returns the given values."""

    name = "fixed"

    def __init__(self, *values: float) -> None:
        self.values = values

    async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
        return self.values


def within(
    work: Callable[[Session], Awaitable[T]],
    *,
    scorer: Scorer | None = None,
    engine: FakeEngine | None = None,
    budget: int = 8,
    **options: Any,
) -> tuple[T, Session]:
    async def play() -> tuple[T, Session]:
        session = Session(
            ONE,
            engine or FakeEngine(),
            extract=extract,
            scorer=scorer,
            budget=budget,
            options=Options(**options),
            signals=Signals(),
        )
        async with session:
            found = await work(session)
            await session.abort_pending()
        return found, session

    return asyncio.run(play())


@pytest.mark.parametrize("lookahead", [0, 2])
def test_numbers_follow_the_order_of_submission(lookahead: int) -> None:
    async def work(session: Session) -> list[int]:
        return [s.index for n in (1, 3, 2) for s in await session.samples(Draw(n))]

    numbers, session = within(work, lookahead=lookahead)
    assert numbers == list(range(6))
    assert session.aborted == min(lookahead, 8 - 6)


def test_look_ahead_stops_at_the_budget_and_a_draw_beyond_it_is_still_served() -> None:
    engine = FakeEngine()

    async def work(session: Session) -> list[Sample]:
        return await session.samples(Draw(3))

    samples, session = within(work, engine=engine, budget=2, lookahead=5)
    assert (len(samples), session.aborted) == (3, 0)
    assert session.usage.delivered == engine.drawn


def test_another_boundary_aborts_the_draws_ahead_and_reuses_their_numbers() -> None:
    engine = FakeEngine()

    async def work(session: Session) -> list[Sample]:
        return [*await session.samples(Draw(1)), *await session.samples(Draw(1, until=STEP))]

    (whole, step), session = within(work, engine=engine, lookahead=2)
    assert (whole.index, step.index) == (0, 1) and step.end is End.BOUNDARY and step.answer is None
    assert session.aborted == 4
    assert session.usage.delivered + session.usage.aborted == engine.drawn


@pytest.mark.parametrize("lookahead", [0, 2])
def test_a_draw_of_several_prefixes_continues_each_of_them_at_the_same_time(lookahead: int) -> None:
    engine = FakeEngine()

    async def work(session: Session) -> tuple[list[Sample], list[Sample]]:
        beams = await session.samples(Draw(2, until=STEP))
        return beams, await session.samples(Draw.of([beams[1], beams[0], beams[1]]))

    (beams, found), session = within(work, engine=engine, lookahead=lookahead)
    assert [sample.index for sample in found] == [2, 3, 4]
    for sample, beam in zip(found, (beams[1], beams[0], beams[1]), strict=True):
        assert sample.given == len(beam.token_ids) > 0 and sample.token_ids[: sample.given] == beam.token_ids
        assert sample.text.startswith(beam.text)
    assert session.usage.delivered + session.usage.aborted == engine.drawn


def test_scores_are_one_each_and_probabilities() -> None:
    def score(*values: float) -> list[Sample]:
        async def work(session: Session) -> list[Sample]:
            return await session.samples(Draw(2))

        return within(work, scorer=Fixed(*values))[0]

    assert [s.confidence for s in score(0.25, 1.0)] == [0.25, 1.0]
    with pytest.raises(UnsupportedError, match=r"scorer fixed gave scores of shape \(1,\) for 2 samples"):
        score(0.5)
    with pytest.raises(UnsupportedError, match=r"scorer fixed gave 1\.5 for draw 1 .* calibrate raw scores first"):
        score(0.5, 1.5)


def test_only_samples_that_need_a_score_get_one_and_share_its_cost() -> None:
    old, failed, new = Sample(confidence=0.2), Sample(end=End.FAILED), Sample(usage=Usage(delivered=3))
    assert [needs_score(s) for s in (old, failed, new)] == [False, False, True]
    found = with_scores([old, new, failed, new], [0.5, 0.6], Usage(scorer_prefill=5))
    assert [s.confidence for s in found] == [0.2, 0.5, None, 0.6]
    assert [s.usage.scorer_prefill for s in found if s.usage is not None] == [3, 2]
    assert found[0] is old and found[2] is failed


def test_a_draw_that_fails_in_every_attempt_is_charged_and_shown() -> None:
    engine = FakeEngine(fails=lambda request: True)

    async def work(session: Session) -> list[Sample]:
        return await session.samples(Draw(1))

    ([sample], session) = within(work, engine=engine, scorer=ConstantScorer(), retries=1, backoff_s=0.0)
    assert sample.end is End.FAILED and sample.confidence is None and sample.error
    assert session.usage.aborted == engine.drawn == 6 and session.usage.delivered == 0


def test_a_swallowed_cancellation_is_noticed() -> None:
    async def scenario() -> bool:
        async def swallow() -> bool:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return is_cancelled()
            return False

        task = asyncio.create_task(swallow())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(scenario())


@pytest.mark.parametrize("option", ["concurrency", "lookahead", "min_in_flight", "retries", "backoff_s"])
def test_options_out_of_range_are_refused(option: str) -> None:
    with pytest.raises(InputError, match=f"driver option {option} must be at least"):
        Options(**{option: -1})
