"""The counters of a fake engine beside the tokens of a ledger."""

from __future__ import annotations

from tts.engines.fake.engine import FakeEngine
from tts.types import Usage


def counted(engine: FakeEngine) -> tuple[int, int, int, int]:
    return engine.drawn, engine.prompt, engine.prompt_cached, engine.scored


def booked(spent: Usage) -> tuple[int, int, int, int]:
    drawn = spent.delivered + spent.aborted + spent.scorer_decode
    return drawn, spent.prompt, spent.prompt_cached, spent.scorer_prefill
