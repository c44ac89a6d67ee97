"""A calibration file gives back the map it was given, and only to what it was fitted on."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from tts.errors import InputError
from tts.scorers.calibration.calibration_file import Provenance, load_calibration, save_calibration
from tts.scorers.calibration.maps import fit_map

MAP = fit_map("platt", [-1.0, -0.5, -0.2, -0.1], [False, True, False, True])
HERE = Provenance("tiny@1", "mean_logprob", "Q: {question}", "raw")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    save_calibration(path, MAP, HERE)
    save_calibration(path, MAP, HERE)
    assert load_calibration(path, HERE) == MAP
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]
    with pytest.raises(InputError, match="cannot write"):
        save_calibration(tmp_path / "none" / "c.json", MAP, HERE)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Provenance)])
def test_another_provenance_is_refused_with_the_field_and_both_values(tmp_path: Path, field: str) -> None:
    save_calibration(tmp_path / "c.json", MAP, HERE)
    other = dataclasses.replace(HERE, **{field: "other"})
    sentence = f"fitted for {field} {getattr(HERE, field)!r} and used for 'other'"
    with pytest.raises(InputError, match=re.escape(sentence)):
        load_calibration(tmp_path / "c.json", other)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is no JSON"),
        ("[]", "is no calibration file"),
        ("{}", "is no calibration file"),
        (json.dumps({"format": "tts-calibration-1", "provenance": {}, "map": {}}), "is no calibration file"),
        (
            json.dumps({"format": "tts-calibration-1", "provenance": dataclasses.asdict(HERE), "map": {"kind": "x"}}),
            "c.json: ",
        ),
    ],
)
def test_a_broken_file_gets_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_calibration(tmp_path / "c.json", HERE)


def test_a_missing_file_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_calibration(tmp_path / "c.json", HERE)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no JSON"):
        load_calibration(tmp_path / "bytes", HERE)
