"""The schemas of the command line refuse unusable settings in one sentence each."""

from __future__ import annotations

from typing import Any

import pytest

from evals.config import MAX_RESAMPLES, CompareConfig, RunConfig, SampleConfig
from tts.errors import InputError


def test_the_defaults_are_usable() -> None:
    assert (CompareConfig().permutations, SampleConfig().samples, RunConfig().budget) == (200, 8, 8)


@pytest.mark.parametrize(
    ("schema", "values", "sentence"),
    [
        (CompareConfig, {"answers": "nubmer"}, "kind of answers 'nubmer'"),
        (CompareConfig, {"calibrate": "plat"}, "unknown calibration 'plat'"),
        (CompareConfig, {"seed": -1}, "seed must be at least 0, got -1"),
        (CompareConfig, {"permutations": 0}, f"permutations must be from 1 to {MAX_RESAMPLES}, got 0"),
        (CompareConfig, {"replicates": MAX_RESAMPLES + 1}, "replicates must be from 1 to"),
        (SampleConfig, {"samples": 0}, "samples must be at least 1, got 0"),
        (RunConfig, {"budget": 0}, "budget must be at least 1, got 0"),
        (RunConfig, {"lookahead": -1}, "lookahead must be at least 0, got -1"),
        (RunConfig, {"concurrency": 0}, "concurrency must be at least 1, got 0"),
        (RunConfig, {"margin": 1.0}, r"margin must be in \[0, 1\) as a fraction"),
        (RunConfig, {"calibrate": "platt"}, r"give scorer\.name too"),
        (RunConfig, {"calibrate": "platt", "scorer": {"name": "constant"}}, "give fit=POOL too"),
        (
            RunConfig,
            {"calibrate": "platt", "fit": "p.sqlite", "scorer": {"name": "constant", "calibration": "m.json"}},
            "scorer.calibration and calibrate were both given",
        ),
    ],
)
def test_unusable_settings_are_refused(schema: type, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        schema(**values)
