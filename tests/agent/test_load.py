"""A tenth of the benchmark of the runner under load, on the bundled GrACE model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

import tts
from benchmarks.agent import load
from tts.engines.loop import LOOP


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tts.close()


@pytest.mark.slow
def test_cancels_at_every_stage_leave_nothing_and_no_token_is_lost() -> None:
    found = LOOP.run(load.cancels(100))
    assert ": 0 rows, places or tasks left" in found and "difference 0" in found
    assert "24 of the 24 others have the same tokens" in found
    assert int(re.findall(r"(\d+) of them cancelled", found)[0]) > 50


@pytest.mark.slow
def test_a_new_question_begins_within_the_time_of_one_sample() -> None:
    found = LOOP.run(load.new_question(12))
    first, longest = (float(re.findall(pattern, found)[0]) for pattern in (r"after ([\d.]+) s", r"([\d.]+) s at most"))
    assert first <= longest
