"""Checks of recorded samples: each fault is named by its field, and a sound sample has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tts.pool.check import sample_fault, text_fault
from tts.types import Sample, Trace, Usage

SOUND = Sample("text", "4", token_ids=(1, 2), trace=Trace(watched={7: (0.5, 0.5)}), usage=Usage(delivered=2))


@pytest.mark.parametrize(
    ("change", "correct", "field"),
    [
        ({"index": -1}, True, "index"),
        ({"index": 2**63}, True, "index"),
        ({"answer": ""}, False, "answer"),
        ({"answer": None}, True, "correct"),
        ({"answer": "\ud800"}, False, "answer"),
        ({"text": "\ud800"}, False, "text"),
        ({"confidence": float("nan")}, False, "confidence"),
        ({"usage": Usage(aborted=-1)}, False, "usage.aborted"),
        ({"given": 3}, False, "given"),
        ({"token_ids": (2**31,)}, False, "token ids"),
        ({"trace": Trace(owners={"finece": (7,)})}, False, "owner"),
        ({"finished_s": float("inf")}, False, "finished_s"),
        ({"reasoning": "\ud800"}, False, "reasoning"),
    ],
)
def test_a_fault_names_its_field(change: dict[str, object], correct: bool, field: str) -> None:
    fault = sample_fault(replace(SOUND, **change), correct)  # type: ignore[arg-type]
    assert fault is not None and fault.startswith(field)


def test_a_sound_sample_has_no_fault() -> None:
    assert sample_fault(SOUND, True) is None
    assert sample_fault(replace(SOUND, answer=None), False) is None
    assert text_fault("é 😀") is None
