"""Decisions of a comparison are those of the vectorised replay in recorded order, and stand in the JSON on request."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.comparison.decided import decisions_of
from evals.comparison.paired import Comparison
from evals.comparison.regret import with_causes
from evals.comparison.settings import Settings
from evals.replay.arrays import PoolArrays
from evals.replay.replay import replay
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG
from tests.cli.cases import FAST, POOL, Tts, strict_json
from tts.pool import write_jsonl

NAMES = ("self_consistency", "esc", "cges", "best_of_n", "adaptive_consistency", "oracle", "grace_es")


@pytest.mark.parametrize("calibrate", [None, "platt"])
def test_they_are_those_of_the_replay_in_recorded_order(calibrate: str | None) -> None:
    arrays = PoolArrays.of(synthetic_pool(questions=20, samples=8))
    rows = [CATALOG[name] for name in NAMES]
    comparison = Comparison.of(arrays, Settings(6, calibrate=calibrate), rows, fitted=calibrate is not None)
    candidates = [[Candidate(row.build(6), row.scores) for row in rows]] * len(comparison.folds)
    decided = decisions_of(comparison, candidates)
    for fold, scores in zip(comparison.folds, comparison.scores, strict=True):
        orders = np.tile(np.arange(6), (len(fold.scored), 1, 1))
        replayed = decide(arrays, candidates[0], orders, scores=scores, rows=fold.scored)
        for outcome, decisions in zip(replayed, decided, strict=True):
            found = [decisions[q] for q in fold.scored]
            assert [d.correct for d in found] == outcome.correct[:, 0].tolist()
            assert [len(d.samples) for d in found] == outcome.used[:, 0].tolist()
            assert outcome.tokens is not None and [d.tokens for d in found] == outcome.tokens[:, 0].tolist()
            assert [d.answer is None for d in found] == outcome.abstained[:, 0].tolist()
    estimated = {name: {d.p_correct is None for d in of} for name, of in zip(NAMES, decided, strict=True)}
    assert estimated["cges"] == {calibrate is None} and estimated["oracle"] == {True}


def test_causes_are_those_that_the_replay_counts() -> None:
    arrays = PoolArrays.of(synthetic_pool(questions=60, samples=8))
    rows = [CATALOG[name] for name in (*NAMES, "first_sample")]
    comparison = Comparison.of(arrays, Settings(6, decided=tuple(range(5, 60))), rows, fitted=False)
    candidates = [with_causes(Candidate(row.build(6), row.scores), 6) for row in rows]
    places, [scores] = np.arange(5, 60), comparison.scores
    orders = np.tile(np.arange(6), (60, 1, 1))
    replayed = replay(arrays, candidates, orders, scores=scores, rows=places)
    for outcome, decisions in zip(replayed, decisions_of(comparison, [candidates]), strict=True):
        assert [one.id for one in decisions] == list(arrays.ids[5:]) and outcome.causes is not None
        counted = Counter(one.cause for one in decisions)
        assert counted["unsolved"] == outcome.causes.unsolved
        assert counted["not_selected"] == outcome.causes.not_selected
        assert counted["stopped_early"] == (outcome.causes.stopped_early or 0)
        assert counted["gained"] == (outcome.causes.gained or 0)
        assert all((one.cause in (None, "gained")) == one.correct for one in decisions)


def test_the_json_has_them_on_request(tts: Tts, tmp_path: Path) -> None:
    pool, target = tmp_path / "p.jsonl", tmp_path / "c.json"
    write_jsonl(POOL, pool)
    refused = tts("compare", pool, *FAST, "--decisions")
    assert refused.status == 2 and "give json=FILE or format=json" in refused.err
    ran = tts(
        "compare", pool, *FAST, "strategies=esc,cges,mass_certificate", "budget=5", "--decisions", "--json", target
    )
    assert ran.status == 0, ran.err
    for row in strict_json(target)["strategies"]:
        again = tts("decide", pool, f"strategy={row['name']}", "budget=5", "--quiet")
        shown: list[dict[str, Any]] = [json.loads(line) for line in again.out.splitlines()]
        for ours, theirs in zip(row["decisions"], shown, strict=True):
            keys = {"id", "answer", "samples", "stopped_by", "p_correct", "certified"}
            assert {key: ours[key] for key in keys & ours.keys()} == {key: theirs[key] for key in keys & theirs.keys()}
            assert ("masses" in ours) == (row["name"] == "mass_certificate")
            assert ours.get("masses", {}) == pytest.approx(theirs.get("masses", {}))
