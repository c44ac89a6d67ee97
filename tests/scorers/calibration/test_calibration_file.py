"""A calibration file gives back the map it was given, and only to what it was fitted on."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.scorers.calibration.calibration_file import (
    Provenance,
    load_calibration,
    load_reference,
    model_name,
    sampling_text,
    save_calibration,
)
from tts.scorers.calibration.maps import fit_map
from tts.scorers.calibration.reference import Reference

MAP = fit_map("platt", [-1.0, -0.5, -0.2, -0.1], [False, True, False, True])
HERE = Provenance("tiny@1", "mean_logprob", "Q: {question}", "raw", "temperature=0.8 top_p=1.0 top_k=0", "own draws")


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
        (json.dumps({"format": "tts-calibration-2", "provenance": {}, "map": {}}), "is no calibration file"),
        (
            json.dumps({"format": "tts-calibration-2", "provenance": dataclasses.asdict(HERE), "map": {"kind": "x"}}),
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


def test_a_file_of_an_earlier_version_is_to_be_fitted_anew(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"format": "tts-calibration-1", "provenance": {}, "map": {}}))
    with pytest.raises(InputError, match="is a tts-calibration-1 and must be a tts-calibration-2: fit it anew"):
        load_calibration(tmp_path / "c.json", HERE)


def test_sampling_has_one_text_whether_read_from_a_run_or_from_an_engine() -> None:
    text = "temperature=1.0 top_p=1.0 top_k=0"
    assert sampling_text(dataclasses.asdict(Sampling(temperature=1.0, seed=7))) == text
    assert sampling_text({"temperature": 1, "top_p": 1, "top_k": 0, "max_tokens": 9, "dtype": "float32"}) == text
    assert sampling_text({"temperature": 0.25}) == "temperature=0.25"
    assert sampling_text({"imported": "jsonl"}) == ""
    assert (model_name("tiny", ""), model_name("tiny", "1")) == ("tiny", "tiny@1")


def test_the_reference_travels_with_the_map(tmp_path: Path) -> None:
    path, reference = tmp_path / "c.json", Reference.of([0.1 + 0.2, 0.1], [-0.5])
    save_calibration(path, MAP, HERE)
    assert load_reference(path, HERE) is None
    save_calibration(path, MAP, HERE, reference)
    assert load_reference(path, HERE) == reference
    with pytest.raises(InputError, match="fitted for source 'own draws' and used for 'bare'"):
        load_reference(path, dataclasses.replace(HERE, source="bare"))
    data = json.loads(path.read_text())
    for broken in ([], {"scores": ["x"], "logprobs": []}, {"scores": [0.1], "logprobs": [float("nan")]}):
        path.write_text(json.dumps({**data, "reference": broken}))
        with pytest.raises(InputError, match=r"c.json: scores|c.json: logprobs"):
            load_reference(path, HERE)
