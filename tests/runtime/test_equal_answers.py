"""Equal answers are one vote live as in a replay: early stopping, gates and beams count groups and not spellings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strategies.catalog import CATALOG
from tests.engines.cases import calmly
from tts.answers import merge
from tts.answers.meaning.equality import Pairwise
from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import FakeEngine
from tts.engines.replay import ReplayEngine
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import BaseScorer
from tts.types import End, Problem, Sample

PROBLEM = Problem("q", "?", "a")
NAMES = ("self_consistency", "adaptive_consistency", "esc", "confidence_gated_self_consistency", "cges", "best_of_n")


class Scripted(FakeEngine):
    """Draws given answers in turn, three tokens each."""

    def __init__(self, answers: Sequence[str]) -> None:
        super().__init__()
        self.answers, self.drawn = answers, 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.drawn += 1
        request.meter.drawn += 3
        yield Chunk(self.answers[request.index], (1, 2, 3), end=End.STOP)


class ByNumber(BaseScorer):
    """A confidence that depends on the number of the draw alone."""

    name = "by_number"

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        return np.array([0.3 + 0.6 * ((7 * s.index) % 10) / 10 for s in samples])


def play(name: str, engine: Scripted, equality: Pairwise, **options: Any) -> Result:
    strategy = CATALOG[name].build(8, CATALOG[name].example)
    playing = run_all(
        strategy, [PROBLEM], engine, extract=lambda _, text: text or None, scorer=ByNumber(), equality=equality,
        options=Options(**options),
    )  # fmt: skip
    [result] = calmly(playing)
    return result


@given(
    answers=st.lists(st.sampled_from("abcdef"), min_size=8, max_size=8),
    pairs=st.sets(st.sampled_from([(a, b) for a in "abcdef" for b in "abcdef" if a < b]), max_size=4),
    name=st.sampled_from(NAMES),
)
def test_a_live_run_decides_as_its_replay(answers: list[str], pairs: set[tuple[str, str]], name: str) -> None:
    engine, equality = Scripted(answers), Pairwise("text", lambda a, b: (a, b) in pairs)
    live = play(name, engine, equality)
    drawn = answers[: engine.drawn]
    merged = merge(drawn, kind="text", equal=equality.check)
    confidences = asyncio.run(ByNumber().score(PROBLEM, [Sample(index=i) for i in range(len(drawn))], None))
    samples = [
        Sample(answer=merged.classes[label], index=i, confidence=float(confidence))
        for i, (label, confidence) in enumerate(zip(merged.labels, confidences, strict=True))
    ]
    strategy = CATALOG[name].build(8, CATALOG[name].example)
    [replayed] = asyncio.run(run_all(strategy, [PROBLEM], ReplayEngine({"q": samples})))
    a, b = live.decision, replayed.decision
    assert (a.answer, a.reason, a.vote_share, len(a.samples)) == (b.answer, b.reason, b.vote_share, len(b.samples))
    assert [s.answer for s in a.samples] == [s.answer for s in b.samples]
    assert a.usage is not None and a.usage.generated == 3 * engine.drawn
    assert a.usage.delivered == 3 * len(a.samples)
    assert a.answer is not None and set(live.spellings) == {
        answer for answer, label in zip(drawn, merged.labels, strict=True) if merged.classes[label] == a.answer
    }


def test_a_bridge_ends_the_question_where_its_replay_ends() -> None:
    bridge = {("a", "c"), ("b", "c")}
    result = play("esc", Scripted("abcabcab"), Pairwise("text", lambda a, b: (a, b) in bridge))
    assert result.decision.answer == "a" and set(result.spellings) == {"a", "b", "c"}


def test_comparisons_do_not_block_the_event_loop() -> None:
    """Other tasks run while a pair is compared."""

    def slow(a: str, b: str) -> bool:
        time.sleep(0.05)
        return {a, b} == {"a", "c"}

    async def watched() -> tuple[Result, int]:
        ticks, done = 0, asyncio.Event()

        async def tick() -> None:
            nonlocal ticks
            while not done.is_set():
                ticks += 1
                await asyncio.sleep(0.005)

        ticking = asyncio.create_task(tick())
        strategy = CATALOG["self_consistency"].build(4)
        [result] = await run_all(
            strategy, [PROBLEM], Scripted("abca"), extract=lambda _, text: text, equality=Pairwise("text", slow)
        )
        done.set()
        await ticking
        return result, ticks

    result, ticks = asyncio.run(watched())
    assert result.decision.answer == "a" and result.decision.vote_share == 0.75 and ticks > 5


def test_grading_may_be_prepared_without_joining_answers() -> None:
    asked = []

    def equal(a: str, b: str) -> bool:
        asked.append((a, b))
        return True

    result = play("self_consistency", Scripted("abababbb"), Pairwise("text", equal), join_answers=False)
    assert result.decision.answer == "b" and not asked  # without a cache there are no grades
