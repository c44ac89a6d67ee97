"""The plan of a run: what is fitted on, by whose confidences, and what an engine cannot serve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.config import RunConfig
from evals.live.plan import Plan, PlannedStrategy, check_apart, plan, score_pool
from evals.tasks import load_task
from evals.tasks.config import TaskConfig
from strategies.catalog import CATALOG
from tests.evals.cases import pool_of
from tts.engines.base import Capabilities
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.pool import PoolStore, RunKey
from tts.scorers.asking import PTrue
from tts.scorers.base import Calibrated
from tts.scorers.controls import ConstantScorer
from tts.scorers.trace_scores import TraceScorer
from tts.types import Problem, Sample, Signals, Trace

TASK = load_task(TaskConfig(questions=4))
POOL = pool_of([("1", 0.4), (None, None), ("2", 0.9)])


def config(**more: Any) -> RunConfig:
    return RunConfig(task=TaskConfig(questions=4), engine=EngineConfig(kind="fake"), **more)


def planned(**more: Any) -> Plan:
    return plan(config(**more), TASK, model="fake", revision="")


def confidences(pool: Any) -> list[float | None]:
    return [s.confidence for s in pool.entries[0].samples]


def test_a_scorer_that_needs_no_engine_scores_recorded_samples_again() -> None:
    assert confidences(score_pool(POOL, ConstantScorer(0.3))) == [0.3, None, 0.3]
    traced = tuple(replace(s, trace=Trace(logprobs=(-1.0,))) for s in POOL.entries[0].samples)
    pool = replace(POOL, entries=(replace(POOL.entries[0], samples=traced),))
    assert confidences(score_pool(pool, TraceScorer("mean_logprob"), raw=True)) == [-1.0, None, -1.0]
    assert confidences(score_pool(pool, TraceScorer("mean_logprob")))[0] == pytest.approx(np.exp(-1.0))


def test_a_scorer_that_asks_the_model_is_read_from_the_pool_and_calibrated() -> None:
    assert confidences(score_pool(POOL, PTrue())) == [0.4, None, 0.9]
    assert confidences(score_pool(POOL, Calibrated(PTrue(), lambda c: c**2))) == pytest.approx([0.16, None, 0.81])
    with pytest.raises(InputError, match="has no confidences, and this scorer must ask the model for them"):
        score_pool(pool_of(["1", "2"]), PTrue())


def test_a_score_that_the_pool_lacks_is_refused_with_its_path() -> None:
    with pytest.raises(InputError, match="fit pool memory: trace score entropy reads entropies and sample 0 has none"):
        score_pool(POOL, TraceScorer("entropy"))


def test_nothing_is_fitted_on_what_is_scored_or_on_another_models_samples() -> None:
    check_apart(POOL, TASK, "fake")
    shared = replace(POOL, entries=(replace(POOL.entries[0], problem=TASK.problems[0]),))
    with pytest.raises(InputError, match="holds 1 of the questions that are scored"):
        check_apart(shared, TASK, "fake")
    with pytest.raises(InputError, match="was drawn by other and this run draws by fake"):
        check_apart(replace(POOL, entries=(replace(POOL.entries[0], meta={"model": "other"}),)), TASK, "fake")


def test_the_plan_records_what_its_strategies_and_its_scorer_read() -> None:
    found = planned(strategies=["confidence_pruned_cges", "esc"], scorer={"name": "watched"})
    assert found.signals == Signals(watch=(0,), steps=True, logprobs=True)
    assert [one.method.name for one in found.strategies] == ["confidence_pruned_cges", "esc"]
    assert all(one.named for one in found.strategies)


def test_an_engine_leaves_out_what_it_cannot_serve_but_what_was_named() -> None:
    deepconf, esc = CATALOG["deepconf_online"], CATALOG["esc"]
    rows = [PlannedStrategy(deepconf, {}, deepconf.build(8), named=False), PlannedStrategy(esc, {}, esc.build(8))]
    todo = Plan(tuple(rows), {}, None, Signals())
    found = todo.within(Capabilities())
    assert [one.method.name for one in found.strategies] == ["esc"]
    assert found.skipped["deepconf_online"].startswith("needs top-k confidences, which this engine cannot collect")
    assert todo.within(Capabilities(top=20)).skipped == {}
    named = replace(todo, strategies=(replace(rows[0], named=True),))
    assert named.within(Capabilities()).strategies == named.strategies
    with pytest.raises(InputError, match="none of the strategies can be played by this engine: name others"):
        replace(todo, strategies=(rows[0],)).within(Capabilities())


def test_masses_are_recorded_where_the_engine_tells_them_and_said_once_to_be_missing_elsewhere() -> None:
    gated, esc = CATALOG["mass_gated"], CATALOG["esc"]
    rows = tuple(PlannedStrategy(row, {}, row.build(8)) for row in (gated, esc))
    todo, said = Plan(rows, {}, None, Signals()), list[str]()
    assert todo.within(Capabilities(processed=True), notify=said.append).signals.processed and said == []
    found = todo.within(Capabilities(), notify=said.append)
    assert found.strategies == rows and not found.signals.processed
    assert len(said) == 1 and said[0].startswith(
        "strategy mass_gated votes without masses, since it needs the log-prob"
    )
    everyone = replace(todo, strategies=tuple(replace(row, named=False) for row in rows))
    assert list(everyone.within(Capabilities()).skipped) == ["mass_gated"], "of all, it would be another row of counts"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"scorer": {"name": "self_consistency"}, "strategies": ["esc"]},
            "strategy esc draws samples one after another",
        ),
        ({"scorer": {"name": "deepconf_tail"}}, "gives raw scores, and a run needs probabilities"),
        ({"strategies": ["cges"]}, "strategy cges needs confidences, and there is no scorer: give scorer.name"),
    ],
)
def test_what_cannot_be_played_is_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        planned(**more)


def test_the_run_that_is_taken_of_several_is_said(tmp_path: Path) -> None:
    path, said = tmp_path / "fit.sqlite", list[str]()
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("other", "Another question?", "1"))
        for seed in (0, 1):
            store.add(store.open_run(RunKey("fake", sampling={"seed": seed}), {}), "other", [Sample("1", "1")])
    chosen = config(fit=str(path), strategies=["first_sample"], budget=1)
    plan(chosen, TASK, model="fake", revision="", notify=said.append)
    assert said == [f"{path}: run 2, the latest of 2; others by --run"]
