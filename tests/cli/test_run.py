"""``tts run``: strategies share their draws, the ledger adds up, fits use other questions, the table is right."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig
from evals.live.hooks import Silent
from evals.live.plan import plan
from evals.live.pool_run import open_cache, run_key
from evals.live.runner import play
from evals.tasks import load_task
from strategies.catalog import CATALOG
from tests.cli.cases import FAKE, TASK, Tts, drawn_now
from tts.config import load_config
from tts.engines.fake.engine import FakeEngine
from tts.engines.replay import ReplayEngine
from tts.pool import PoolStore, load_pool
from tts.runtime.driver import run_all
from tts.types import Usage

STRATEGIES = "strategies=[esc,self_consistency,first_sample]"


def live(config: RunConfig, path: Path) -> tuple[Any, FakeEngine, Any]:
    """Play in this process, with an engine whose counters can be read."""

    task, engine = load_task(config.task), FakeEngine(seed=config.engine.seed)
    todo = plan(config, task, model="fake", revision="")
    with PoolStore.create_or_open(path) as store:
        key = run_key(config.engine, task, model="fake", revision="")
        _, memory = open_cache(store, key, task, {}, signals=todo.signals, scorer=todo.scorer)
        return asyncio.run(play(config, todo, task, engine, memory, watch=Silent())), engine, memory


def test_strategies_share_their_draws_and_the_pool_is_the_ledger(tmp_path: Path) -> None:
    config = load_config(RunConfig, [], [*FAKE, *TASK, "budget=6", "strategies=[cges,esc]", "scorer.name=watched"])
    played, engine, memory = live(config, tmp_path / "p.sqlite")
    pool = load_pool(tmp_path / "p.sqlite")
    longest = [
        max(len(results[i].decision.samples) for results in (played[0].results, played[1].results)) for i in range(10)
    ]
    assert [len(entry.samples) for entry in pool.entries] == longest
    assert memory.stored == sum(longest)
    total = sum((s.usage for e in pool.entries for s in e.samples if s.usage is not None), Usage())
    assert (total.prompt, total.prompt_cached, total.delivered) == (engine.prompt, engine.prompt_cached, engine.drawn)
    for one in played:
        for result, entry in zip(one.results, pool.entries, strict=True):
            n = len(result.decision.samples)
            spent = sum((s.usage for s in entry.samples[:n] if s.usage is not None), Usage())
            assert result.decision.usage == spent  # what it cost, whoever drew it
    first = [len(r.decision.samples) for r in played[0].results]
    assert [r.cached for r in played[0].results] == [0] * 10
    assert [r.cached for r in played[1].results] == [
        min(a, len(r.decision.samples)) for a, r in zip(first, played[1].results, strict=True)
    ]


def test_the_ledger_of_a_fresh_run_is_the_engines(tmp_path: Path) -> None:
    config = load_config(RunConfig, [], [*FAKE, *TASK, "budget=6", "strategies=[esc]", "lookahead=2"])
    [played], engine, _ = live(config, tmp_path / "p.sqlite")
    total = sum((r.decision.usage for r in played.results if r.decision.usage is not None), Usage())
    assert (total.prompt, total.prompt_cached) == (engine.prompt, engine.prompt_cached)
    assert total.delivered + total.aborted == engine.drawn
    assert sum(r.aborted for r in played.results) > 0


def test_replaying_the_pool_gives_the_decisions_sample_for_sample(tts: Tts, tmp_path: Path) -> None:
    path, target = tmp_path / "p.sqlite", tmp_path / "j.json"
    names = ["esc", "cges", "self_consistency", "grace_es", "best_of_n", "adaptive_consistency"]
    arguments = (*FAKE, "task.questions=25", "budget=8", f"strategies=[{','.join(names)}]", "scorer.name=watched")
    assert tts("run", *arguments, f"out={path}", "--json", target).status == 0
    pool, found = load_pool(path), json.loads(target.read_text())
    recording = ReplayEngine({entry.problem.id: entry.samples for entry in pool.entries})
    problems = [entry.problem for entry in pool.entries]
    for row in found["strategies"]:
        replayed = asyncio.run(run_all(CATALOG[row["name"]].build(8), problems, recording))
        for result, decision in zip(replayed, row["decisions"], strict=True):
            assert (result.problem.id, result.decision.answer, result.decision.reason) == (
                decision["id"],
                decision["answer"],
                decision["reason"],
            )
            assert [s.index for s in result.decision.samples] == decision["samples"]
            assert result.decision.usage is not None
            assert result.decision.usage.delivered == decision["usage"]["delivered"]
        assert row["accuracy"] == pytest.approx(sum(d["correct"] for d in row["decisions"]) / 25)


def test_run_goes_on_with_what_sample_drew(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    assert drawn_now(tts("sample", *FAKE, *TASK, "samples=3", f"out={path}")) == (30, 30)
    assert drawn_now(tts("run", *FAKE, *TASK, "budget=5", f"out={path}")) == (50, 20)
    assert drawn_now(tts("run", *FAKE, "task.questions=12", "budget=5", f"out={path}")) == (60, 10)


def test_another_scorer_draws_nothing_and_its_scores_stand_beside_the_first(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    base = ("run", *FAKE, "task.questions=4", "budget=3", "strategies=[grace_sc]", f"out={path}")
    assert drawn_now(tts(*base, "scorer=watched")) == (12, 12)
    for value in (0.5, 0.25):
        assert drawn_now(tts(*base, f"scorer={{name: constant, value: {value}}}")) == (12, 0)
    with PoolStore.read(path) as store:
        [run] = store.runs()
        assert run.scorers == ("watched", "constant", "constant-2")
        assert store.scorers()["constant-2"] == {"name": "constant", "value": 0.25}
    assert load_pool(path).scored_by == "constant-2"
    assert {s.confidence for e in load_pool(path, scorer="constant").entries for s in e.samples} == {0.5}
    said = tts("compare", path, "--strategies", "grace_sc", "permutations=2").err
    assert f"{path}: scores of constant-2; it also holds watched, constant" in " ".join(said.split())


def test_another_reading_draws_nothing_and_reads_the_samples_anew(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    base = ("run", *FAKE, "task.questions=2", "budget=2", f"out={path}")
    assert drawn_now(tts(*base)) == (4, 4)
    strict = load_pool(path)
    assert drawn_now(tts(*base, "task.extract=flexible")) == (4, 0)
    with PoolStore.read(path) as store:
        assert [run.reading for run in store.runs()] == ["flexible"]
    assert drawn_now(tts(*base)) == (4, 0)
    assert load_pool(path).entries == strict.entries


@pytest.mark.parametrize("change", ["engine.temperature=0.7", "task.template=Q: {question}"])
def test_what_makes_draws_other_draws_makes_another_run(tts: Tts, tmp_path: Path, change: str) -> None:
    path = tmp_path / "p.sqlite"
    base = ("run", *FAKE, "task.questions=2", "budget=2", f"out={path}")
    assert drawn_now(tts(*base)) == (4, 4)
    assert drawn_now(tts(*base, change)) == (4, 4)
    assert drawn_now(tts(*base, "engine.max_batch_size=2", "lookahead=1", "strategies=[first_sample]")) == (4, 0)
    with PoolStore.read(path) as store:
        runs = store.runs()
    assert len(runs) == 2
    assert runs[0].config["budget"] == 2
    assert runs[0].versions["python"]
    assert runs[1].key != runs[0].key


def test_parameters_and_a_map_are_fitted_on_other_questions(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    path, target = tmp_path / "p.sqlite", tmp_path / "j.json"
    arguments = ("run", *FAKE, *TASK, "budget=6", "strategies=[grace_es,reasc,pandora,cisc]", "scorer.name=watched")
    ran = tts(*arguments, f"fit={calibration}", "calibrate=platt", f"out={path}", "--json", target)
    assert ran.status == 0
    assert "fitted on other questions: grace_es: tau=" in ran.out
    rows = {row["name"]: row for row in json.loads(target.read_text())["strategies"]}
    assert rows["reasc"]["params"].keys() >= {"gate", "mean", "scale"}
    assert rows["pandora"]["params"].keys() >= {"value"}
    with PoolStore.read(path) as store:
        assert store.scorers()["watched"]["calibration"]["kind"] == "platt"  # type: ignore[index]
    # the same again: the same map, so the same run, and nothing is drawn
    again = tts(*arguments, f"fit={calibration}", "calibrate=platt", f"out={path}")
    assert drawn_now(again)[1] == 0


def test_what_is_scored_is_never_fitted_on(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    arguments = ("run", *FAKE, "strategies=[grace_es]", "scorer.name=watched", f"fit={calibration}")
    ran = tts(*arguments, "task.split=calibration", "task.questions=3", f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 2
    assert re.search(r"cal\.sqlite holds 3 of the questions that are scored, 'story-calibration-0' for one: ", ran.err)


def test_the_table_has_one_line_a_strategy_with_its_reasons(tts: Tts, tmp_path: Path) -> None:
    ran = tts("run", *FAKE, *TASK, "budget=6", STRATEGIES, f"out={tmp_path / 'p.sqlite'}")
    numbers = r"\d+\.\d +\[\d+\.\d, \d+\.\d\] +\d\.\d +\d+ +-?\d+\.\d +[+-]\d.* too few"
    assert re.search(rf"^esc +{numbers} +\d\.\d{{3}} +\w+ \d+", ran.out, re.M)
    assert re.search(r"^self_consistency .* 6\.0 .*budget 10", ran.out, re.M)
    assert re.search(r"^first_sample .* 1\.0 .*budget 10", ran.out, re.M)


def test_all_plays_what_can_be_played_and_says_why_not_the_rest(tts: Tts, tmp_path: Path) -> None:
    ran = tts("run", *FAKE, "task.questions=3", "budget=3", "strategies=[all]", f"out={tmp_path / 'p.sqlite'}")
    text = " ".join(ran.out.split())
    assert "left out (needs confidences, and there is no scorer: give scorer.name): " in text
    assert "left out (is a control for recorded pools: `tts compare` the pool that this run writes): oracle" in text
    assert "left out (needs top-k confidences, which this engine cannot collect: choose another engine.kind" in text
    assert drawn_now(ran) == (9, 9)
