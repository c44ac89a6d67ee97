"""Decisions on recorded samples are those of a live run, also where answers turn out to be equal on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.catalog import CATALOG
from tests.runtime.test_equal_answers import NAMES, PROBLEM, Scripted, play
from tts.answers.meaning.equality import Pairwise
from tts.engines.replay import ReplayEngine
from tts.errors import InputError
from tts.runtime.driver import run_all
from tts.runtime.recorded import decide
from tts.types import Sample


def recorded(answers: Sequence[str]) -> list[Sample]:
    """The samples that the live run records: read, scored, and not merged."""
    return [
        Sample(text, text or None, confidence=0.3 + 0.6 * ((7 * i) % 10) / 10 if text else 0.0, index=i)
        for i, text in enumerate(answers)
    ]


@pytest.mark.parametrize("name", NAMES)
@given(answers=st.lists(st.sampled_from(["", "a", "b", "c", "d", "ab", "cd"]), min_size=8, max_size=8))
def test_the_recording_of_a_live_run_decides_as_it_did(name: str, answers: list[str]) -> None:
    equality = Pairwise("text", lambda one, other: bool(set(one) & set(other)))  # "ab" joins a and b
    live = play(name, Scripted(answers), equality)
    strategy = CATALOG[name].build(8, CATALOG[name].example)
    recording = ReplayEngine({PROBLEM.id: recorded(answers)})
    [again] = asyncio.run(run_all(strategy, [PROBLEM], recording, equality=equality))
    for part in ("answer", "p_correct", "vote_share", "reason"):
        assert getattr(again.decision, part) == getattr(live.decision, part), part
    assert [s.index for s in again.decision.samples] == [s.index for s in live.decision.samples]
    assert again.spellings == live.spellings


def test_a_strategy_that_asks_for_more_is_refused() -> None:
    with pytest.raises(InputError, match=r"asked for sample 2 of problem 'q' and the recording has 1"):
        decide(CATALOG["esc"].build(2), PROBLEM, recorded(["a"]))
