"""Features of stacking: their definitions, and one sentence for what a trace or a list of names lacks."""

from __future__ import annotations

import math

import pytest

from tts.errors import InputError, UnsupportedError
from tts.scorers.stacking.features import BY_NAME, FEATURES, FINECE_FEATURES, measure, select
from tts.types import Sample, Trace


def test_features_are_their_definitions() -> None:
    trace = Trace(logprobs=(-1.0, -3.0, -0.5), watched={7: (0.2, 0.5, 1.0)}, steps=(True, False, False))
    least = math.log(0.2 / 0.8)
    (row,) = measure([Sample(trace=trace)]).tolist()
    assert dict(zip(FEATURES, row, strict=True)) == pytest.approx(
        {
            "grace": math.log((1 - 1e-6) / 1e-6),
            "grace_min": least,
            "grace_step": least,
            "mean_logprob": -1.5,
            "total_logprob": -4.5,
            "log_tokens": math.log(3),
            "least_logprob": -3.0,
            "mean_logprob_root": -math.sqrt(1.5),
            "total_logprob_root": -math.sqrt(4.5),
            "least_logprob_root": -math.sqrt(3.0),
        }
    )
    assert measure([Sample(trace=trace)], ("log_tokens", "grace_min")).tolist() == [[math.log(3), least]]


def test_no_samples_have_no_rows() -> None:
    assert measure([]).shape == (0, len(FEATURES))


def test_features_are_chosen_by_name_each_once() -> None:
    assert [feature.name for feature in select(FINECE_FEATURES)] == list(FINECE_FEATURES)
    assert set(FEATURES) | {"finece"} == set(BY_NAME)
    for names in ((), ("grace", "grace"), ("grace", "gracious")):
        with pytest.raises(InputError, match=r"stacking takes different features of grace, grace_min, .*, got"):
            select(names)


def test_a_trace_without_the_signal_is_named_with_the_feature() -> None:
    with pytest.raises(UnsupportedError, match="score stacked takes feature mean_logprob: "):
        measure([Sample()], ("mean_logprob",))
