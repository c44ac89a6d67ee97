"""The speed of an engine is found from the times of its samples, and gives each strategy's seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evals.comparison.speed import Speed, fit_speed
from tests.cli.cases import Tts
from tts.errors import InputError
from tts.pool import Entry, Pool, write_jsonl
from tts.types import Problem, Sample, Usage

TRUE = Speed(prompt_s=0.0001, step_s=0.02, row_s=0.0005, in_flight=16.0)


def timed(questions: int = 12, samples: int = 4) -> Pool:
    """A pool whose samples took the time that the speed gives, at different numbers of rows."""
    rng = random.Random(1)
    entries = []
    for q in range(questions):
        drawn = []
        for index in range(samples):
            rows, prompt, tokens = rng.choice([2.0, 8.0, 16.0, 32.0]), rng.randrange(20, 90), rng.randrange(30, 200)
            share = prompt * TRUE.prompt_s + tokens * (TRUE.step_s / rows + TRUE.row_s)
            usage = Usage(prompt=prompt, delivered=tokens)
            drawn.append(Sample("4", "4", index=index, usage=usage, in_flight=rows, machine_s=share))
        entries.append(Entry(Problem(f"q{q}", "?", "4"), tuple(drawn), (True,) * samples))
    return Pool("made up", "", tuple(entries))


def test_the_parts_of_the_speed_are_found_again() -> None:
    found = fit_speed(timed(), 16.0)
    assert found is not None
    assert (found.prompt_s, found.step_s, found.row_s) == pytest.approx((TRUE.prompt_s, TRUE.step_s, TRUE.row_s))
    assert found.price.generated == pytest.approx(1e6 * (0.02 / 16 + 0.0005))


def test_a_pool_without_times_has_no_speed() -> None:
    assert fit_speed(Pool("", "", (Entry(Problem("q", "?", "4"), (Sample("4", "4"),), (True,)),))) is None
    with pytest.raises(InputError, match=r"in_flight must be at least 1, got 0\.5"):
        fit_speed(timed(), 0.5)


def test_compare_plots_seconds_where_the_pool_has_times(tts: Tts, tmp_path: Path) -> None:
    write_jsonl(timed(), tmp_path / "p.jsonl")
    fast = ("--strategies", "esc", "permutations=2", "replicates=50")
    drawn = tts("compare", tmp_path / "p.jsonl", *fast, "--x", "seconds", "--plot", tmp_path / "p.svg", "--wide")
    assert drawn.status == 0, drawn.err
    assert "seconds" in drawn.out
    line = {"id": "q", "question": "?", "gold": "4", "samples": [{"answer": "4"}] * 4}
    (tmp_path / "plain.jsonl").write_text(json.dumps(line) + "\n")
    refused = tts("compare", tmp_path / "plain.jsonl", *fast, "--x", "seconds", "--plot", tmp_path / "q.svg")
    assert (refused.status, refused.out) == (2, "")
    assert "a plot against seconds needs a pool that records times" in refused.err
