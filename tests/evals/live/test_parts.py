"""Strategies that name a scorer or a model: which of them share draws, what they are called, and a run of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig
from evals.live.outcome import RunOutcome
from evals.live.parts import plays, split
from evals.live.run_session import run_strategies
from tests.cli.cases import FAKE, Tts
from tts.config import from_mapping, load_config
from tts.errors import InputError

CONSTANT = {"name": "constant", "value": 0.5}
CGES = {"name": "cges", "scorer": CONSTANT}


def config(*strategies: Any, **keys: Any) -> RunConfig:
    return from_mapping(RunConfig, {"strategies": list(strategies), **keys}, "a test")


def outcome(tmp_path: Path, *strategies: Any) -> RunOutcome:
    overrides = [*FAKE, "scorer.name=watched", "questions=4", "budget=3", f"out={tmp_path / 'p.sqlite'}"]
    return run_strategies(load_config(RunConfig, [], [*overrides, f"strategies={json.dumps(strategies)}"]))


def test_strategies_of_one_scorer_and_model_share_a_part_the_own_one_first() -> None:
    guided = {"name": "guided", "beams": {"width": 2}, "scorer": "finece", "model": "finece"}
    parts = split(config(guided, CGES, "esc", {"name": "grace_sc", "scorer": CONSTANT}, scorer={"name": "watched"}))
    assert [part.strategies for part in parts] == [
        ["esc"],
        ["cges", "grace_sc"],
        [{"name": "guided", "beams": {"width": 2}}],
    ]
    assert [part.scorer for part in parts] == [{"name": "watched"}, CONSTANT, {"name": "finece"}]
    assert [part.engine.model for part in parts] == ["tiny", "tiny", "finece"]


def test_a_run_without_such_keys_is_one_part() -> None:
    assert [part.strategies for part in split(config("esc", {"name": "esc", "window": 3, "label": "short"}))] == [
        ["esc", {"name": "esc", "window": 3, "label": "short"}]
    ]


def test_a_fit_pool_is_kept_only_by_the_model_that_drew_it(tts: Tts, tmp_path: Path) -> None:
    pool = tmp_path / "fit.sqlite"
    assert tts("sample", *FAKE, "questions=2", "samples=2", f"out={pool}").status == 0
    fitted = {"scorer": {"name": "constant"}, "calibrate": "platt", "fit": str(pool)}
    same, other = split(config(CGES, {**CGES, "model": "grace"}, **fitted))
    assert (same.fit, same.calibrate) == (str(pool), "platt")
    assert (other.fit, other.calibrate) == (None, None)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"name": "cges", "scorer": 3}, "scorer of strategy cges must be a name or a mapping {name, ...}, got 3"),
        ({"name": "cges", "model": ["a"]}, r"model of strategy cges must be a text, got \['a'\]"),
    ],
)
def test_a_key_of_the_wrong_type_is_refused(entry: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        split(config(entry))


def test_a_run_plays_what_it_names_or_all() -> None:
    assert plays(config(CGES, "esc"), "esc") and plays(config("all"), "esc") and not plays(config(CGES), "esc")


def test_parts_of_one_model_share_draws_and_compare_by_question(tmp_path: Path) -> None:
    found = outcome(tmp_path, "self_consistency", "cges", CGES)
    assert [p.planned.method.name for p in found.played] == [
        "self_consistency",
        "cges",
        "cges(scorer=constant value=0.5)",
    ]
    assert [p.planned.strategy.name for p in found.played] == [p.planned.method.name for p in found.played]
    assert [part.pool.number for part in found.parts] == [1, 1]
    [(run, draws)] = found.runs
    assert (run.drawn, draws.draws) == (12, 12)
    assert [len(p.results) for p in found.played] == [4, 4, 4]
    again = outcome(tmp_path, "self_consistency", CGES)
    assert [part.pool.drawn for part in again.parts] == [0, 0]


def test_a_label_tells_strategies_apart(tmp_path: Path) -> None:
    found = outcome(tmp_path, "cges", {**CGES, "label": "flat"})
    assert [p.planned.method.name for p in found.played] == ["cges", "flat"]
    doubled = [{**CGES, "label": "flat"}, {"name": "esc", "label": "flat"}, {"name": "esc", "window": 2}]
    with pytest.raises(InputError, match="two strategies are called flat"):
        outcome(tmp_path, {"name": "grace_sc", "label": "flat(scorer=constant value=0.5)"}, *doubled)


def test_beams_say_where_their_trees_are_and_that_they_are_drawn_anew(tts: Tts, tmp_path: Path) -> None:
    beams = {"name": "guided", "beams": {"width": 2, "until": {"tokens": 5}}, "scorer": CONSTANT}
    entries = json.dumps(["self_consistency", beams])
    ran = tts("run", *FAKE, "questions=2", "budget=2", f"strategies={entries}", f"out={tmp_path / 'p.sqlite'}")
    text = " ".join(ran.out.split())
    assert "model fake, scorer constant: guided" in text
    assert "holds the trees of guided (" in text
    assert "drawn anew when the command is repeated" in text
