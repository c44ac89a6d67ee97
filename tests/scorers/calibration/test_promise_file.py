"""A promise file gives back the promise it was given, and only to the circumstances and the way it was fitted for."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from tts.errors import InputError
from tts.scorers.calibration.calibration_file import BARE, Provenance, load_calibration
from tts.scorers.calibration.promise_file import Promise, decision_score, load_promise, save_promise
from tts.scorers.calibration.reference import Reference
from tts.types import Decision

HERE = Provenance("tiny@1", "grace", "{question}\n", sampling="temperature=0.8 top_p=1.0 top_k=0", source=BARE)
MADE = Promise(0.1, 0.05, 0.1 + 0.2, "draw(8)", 1000, 0.51, HERE, Reference((0.1, 0.9), (-0.7, -0.2)))


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    save_promise(tmp_path / "p.json", MADE)
    assert load_promise(tmp_path / "p.json", HERE, "draw(8)") == MADE


def test_a_score_at_the_threshold_is_let_through_and_a_missing_one_is_not() -> None:
    assert MADE.accepts(MADE.threshold) and not MADE.accepts(0.3) and not MADE.accepts(None)


@pytest.mark.parametrize("field", [*(f.name for f in dataclasses.fields(Provenance)), "how"])
def test_another_provenance_or_way_is_refused_with_both_values(tmp_path: Path, field: str) -> None:
    save_promise(tmp_path / "p.json", MADE)
    other = HERE if field == "how" else dataclasses.replace(HERE, **{field: "other"})
    ours = MADE.how if field == "how" else getattr(HERE, field)
    with pytest.raises(InputError, match=re.escape(f"fitted for {field} {ours!r} and used for 'other': fit a promise")):
        load_promise(tmp_path / "p.json", other, "other" if field == "how" else MADE.how)


def test_a_broken_or_another_file_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    save_promise(path, MADE)
    with pytest.raises(InputError, match="is no calibration file"):
        load_calibration(path, HERE, "draw(8)")
    whole = json.loads(path.read_text())
    for key, value in (("alpha", 2), ("delta", "x"), ("threshold", float("nan")), ("questions", None)):
        path.write_text(json.dumps({**whole, "promise": {**whole["promise"], key: value}}))
        with pytest.raises(InputError, match="the promise is broken: fit it again"):
            load_promise(path, HERE, "draw(8)")
    path.write_text(json.dumps({key: value for key, value in whole.items() if key != "reference"}))
    with pytest.raises(InputError, match="the promise is broken: fit it again"):
        load_promise(path, HERE, "draw(8)")
    path.write_text(json.dumps({**whole, "format": "tts-calibration-2"}))
    with pytest.raises(InputError, match="is no promise file: fit one with `tts calibrate --promise alpha"):
        load_promise(path, HERE, "draw(8)")


def test_a_decision_is_scored_by_its_probability_else_by_its_share() -> None:
    assert decision_score(Decision("1", (), "budget", p_correct=0.4, vote_share=0.9)) == 0.4
    assert decision_score(Decision("1", (), "budget", vote_share=0.9)) == 0.9
    assert decision_score(Decision(None, (), "budget")) is None
