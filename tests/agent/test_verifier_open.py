"""A verifier from a configuration: its files hold for one model, scorer, prompt, sampling, source and way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import tts
from tts.agent.opening import configured, open_parts
from tts.errors import InputError
from tts.scorers.calibration.calibration_file import BARE, Provenance, save_calibration
from tts.scorers.calibration.maps import CalibrationMap
from tts.scorers.calibration.promise_file import Promise, save_promise
from tts.scorers.calibration.reference import Reference

FAKE = {"kind": "fake", "model": "fake", "scorer": "watched"}
QUESTION = "What is number 3 ?"
TEXT = "step 0 slip 0 \nstep 1 slip 0 \nstep 2 slip 0 \nstep 3 slip 0 \n#### 0"
MAP = CalibrationMap("platt", (2.0, -1.0))
REFERENCE = Reference((0.1, 0.9), (-0.2, -0.1))


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tts.close()


def provenance(source: str = "own draws", **settings: object) -> Provenance:
    config, _ = configured("test", None, None, "watched", {"kind": "fake", "model": "fake", **settings})
    return open_parts(config).provenance(source)


def promise(of: Provenance, how: str) -> Promise:
    return Promise(0.1, 0.1, 0.5, how, 400, 0.5, of, REFERENCE)


def write(folder: Path, **keys: str) -> Path:
    save_calibration(folder / "read.json", MAP, provenance(), REFERENCE)
    save_calibration(folder / "draw.json", MAP, provenance(BARE), REFERENCE, how="draw(4)")
    save_promise(folder / "promise-read.json", promise(provenance(), "read"))
    save_promise(folder / "promise-draw.json", promise(provenance(BARE), "draw(4)"))
    lines = {
        "engine": "{kind: fake, model: fake}",
        "scorer": "watched",
        "draws": "4",
        "calibration": "{read: read.json, draw: draw.json}",
        "promise": "{read: promise-read.json, draw: promise-draw.json}",
        **keys,
    }
    path = folder / "agent.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return path


def test_a_configuration_brings_calibrations_and_promises_for_both_ways(tmp_path: Path) -> None:
    verifier = tts.Verifier.open(write(tmp_path))
    read, drawn = verifier.score_many([(QUESTION, TEXT), (QUESTION, "17")])
    assert (read.how, read.calibrated, read.promise) == ("read", True, "kept")
    assert (drawn.how, drawn.calibrated, drawn.promise, drawn.accept) == ("draw(4)", True, "kept", False)
    assert read.p_correct is not None is not drawn.p_correct
    assert isinstance(read, tts.Verdict)


def test_without_files_nothing_is_calibrated_or_promised() -> None:
    read, drawn = tts.Verifier.open(**FAKE).score_many([(QUESTION, TEXT), (QUESTION, "17")])
    for verdict in (read, drawn):
        assert (verdict.p_correct, verdict.accept, verdict.promise, verdict.calibrated) == (None, None, "none", False)


@pytest.mark.parametrize(
    ("keys", "field", "theirs", "ours"),
    [
        ({"engine": "{kind: fake, model: fake, temperature: 1.2}"}, "sampling", "temperature=0.8", "temperature=1.2"),
        ({"source": "another writer"}, "source", "'own draws'", "'another writer'"),
        ({"task": "{template: 'Q: {question} A:'}"}, "prompt_template", "question", "Q: {question} A:"),
        ({"scorer": "constant"}, "scorer", "'watched'", "'constant'"),
        ({"draws": "5"}, "how", "draw(4)", "draw(5)"),
    ],
)
@pytest.mark.parametrize("kind", ["calibration", "promise"])
def test_files_of_other_circumstances_are_refused_with_both_values(
    tmp_path: Path, kind: str, keys: dict[str, str], field: str, theirs: str, ours: str
) -> None:
    other = {"calibration": "promise", "promise": "calibration"}[kind]
    path = write(tmp_path, **{other: "{}"}, **keys)
    with pytest.raises(InputError) as error:
        tts.Verifier.open(path)
    assert theirs in str(error.value) and ours in str(error.value) and "\n" not in str(error.value)


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    save_promise(tmp_path / "promise-read.json", promise(replace(provenance(), model="tiny"), "read"))
    with pytest.raises(InputError, match="fitted for model 'tiny' and used for 'fake'"):
        tts.Verifier.open(path)
