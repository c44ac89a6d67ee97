"""The shared pools load as what their description says; skipped where they are absent."""

from __future__ import annotations

import time

import pytest

from tests.support.data import data_file
from tts.pool import describe, load_pool

# name, questions, samples, fewest and most of a question, single-draw accuracy, confidence
EXPECTED = [
    ("svamp_codex_pot30", 999, 29_970, 30, 30, 0.798, None),
    ("math-l5_claude_conf32", 119, 3_786, 25, 32, 0.834, (0.0, 0.99)),
    ("gsm8k_csqa_claude_conf12", 100, 1_200, 12, 12, 0.9025, (0.6, 1.0)),
    ("math_qwen2.5-math_rm8", 100, 800, 8, 8, 0.91, (-4.28125, 6.09375)),
    ("gsm8k_zeroeval_multimodel", 1_319, 57_398, 43, 44, 0.8778, None),
]


@pytest.mark.parametrize("expected", EXPECTED, ids=[row[0] for row in EXPECTED])
def test_shared_pool(expected: tuple[str, int, int, int, int, float, tuple[float, float] | None]) -> None:
    name, questions, samples, fewest, most, accuracy, confidence = expected
    path = data_file(f"pools/{name}.jsonl.gz")
    began = time.perf_counter()
    pool = load_pool(path)
    assert time.perf_counter() - began < 10  # about half a second for the largest, on an idle machine
    found = describe(pool)
    assert (found["questions"], found["samples"]) == (questions, samples)
    assert (found["samples_min"], found["samples_max"]) == (fewest, most)
    assert found["accuracy"] == pytest.approx(accuracy, abs=5e-4)
    assert found["has_confidence"] is (confidence is not None) and found["tokens_mean"] is None
    if confidence is not None:
        assert (found["confidence_min"], found["confidence_max"]) == confidence
    graded = [pair for entry in pool.entries for pair in zip(entry.samples, entry.correct, strict=True)]
    assert all(correct is False for sample, correct in graded if sample.answer is None)
