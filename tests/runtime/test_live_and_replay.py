"""The bundled model, live: decisions are those of a replay, and the ledger is the engine's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.catalog import CATALOG
from tts.answers import extract_gsm8k
from tts.engines.hf.engine import TransformersEngine
from tts.engines.replay import ReplayEngine
from tts.engines.sampling import Sampling
from tts.models.bundled import weights
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.prompts import Prompt
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.trace_scores import TraceScorer
from tts.stories.stories import take
from tts.types import Problem, Signals, Usage

BUDGET = 6
PROBLEMS = [Problem(f"story-{i}", s.question, s.answer, "stories") for i, s in enumerate(take("test", 4, seed=9))]
NAMES = ("adaptive_consistency", "grace_es", "cges", "esc", "deepconf_offline", "deepconf_online", "best_of_n")
SCORER = TraceScorer("mean_logprob")
SIGNALS = Signals(top=20, entropy=True, certainty=True)


def read(problem: Problem, text: str) -> str | None:
    return extract_gsm8k(text)


@pytest.fixture
def engine() -> Iterator[TransformersEngine]:
    made = TransformersEngine.load(weights(), prompt=Prompt(), sampling=Sampling(seed=1), max_batch_size=24)
    yield made
    made.close()


def total(results: Sequence[Result]) -> Usage:
    return sum((r.decision.usage for r in results if r.decision.usage is not None), Usage())


@pytest.mark.slow
def test_replaying_the_recorded_run_gives_every_decision_again(engine: TransformersEngine, tmp_path: Path) -> None:
    live: dict[str, list[Result]] = {}
    with PoolStore.create_or_open(tmp_path / "run.sqlite") as store:
        store.add_problems(PROBLEMS)
        judge = store.open_scorer(SCORER.name, {"name": SCORER.name})
        memory = PoolSampleCache(store, store.open_run(RunKey("tiny"), {}), scorer=judge)
        everything = {"extract": read, "scorer": SCORER, "signals": SIGNALS, "cache": memory}
        for name in ("self_consistency", *NAMES):
            strategy = CATALOG[name].build(BUDGET, CATALOG[name].example)
            live[name] = asyncio.run(run_all(strategy, PROBLEMS, engine, **everything))  # type: ignore[arg-type]
        drawn = engine.batch.drawn
        pool = store.to_pool().with_scores(SCORER.name)
    assert drawn == sum(s.usage.delivered for e in pool.entries for s in e.samples if s.usage)  # each was drawn once
    recording = ReplayEngine({entry.problem.id: entry.samples for entry in pool.entries})
    for name, results in live.items():
        strategy = CATALOG[name].build(BUDGET, CATALOG[name].example)
        for there, here in zip(results, asyncio.run(run_all(strategy, PROBLEMS, recording)), strict=True):
            a, b = there.decision, here.decision
            assert (a.answer, a.p_correct, a.vote_share) == (b.answer, b.p_correct, b.vote_share), name
            assert (a.reason, a.samples) == (b.reason, b.samples) and a.usage == b.usage, name


@pytest.mark.slow
def test_a_boundary_drawn_live_is_where_the_recording_is_cut(engine: TransformersEngine) -> None:
    online = CATALOG["deepconf_online"].build(12, {"warmup": 6, "eta": 60, "window": 16})
    whole = CATALOG["self_consistency"].build(12)
    alone = asyncio.run(run_all(online, PROBLEMS[:2], engine, extract=read))
    drawn = engine.batch.drawn
    assert any(s.end == "boundary" for r in alone for s in r.decision.samples)
    pool = asyncio.run(run_all(whole, PROBLEMS[:2], engine, extract=read, signals=SIGNALS))
    recording = ReplayEngine({r.problem.id: r.decision.samples for r in pool})
    again = asyncio.run(run_all(online, PROBLEMS[:2], recording))
    for a, b in zip(alone, again, strict=True):
        assert (a.decision.answer, a.decision.reason) == (b.decision.answer, b.decision.reason)
        assert [s.token_ids for s in a.decision.samples] == [s.token_ids for s in b.decision.samples]
        assert [s.usage.delivered for s in a.decision.samples if s.usage] == [
            s.usage.delivered for s in b.decision.samples if s.usage
        ]
    assert drawn == total(alone).delivered + total(alone).aborted


@pytest.mark.slow
@pytest.mark.parametrize("lookahead", [0, 3])
def test_the_ledger_is_the_engine_s_own_count(engine: TransformersEngine, lookahead: int) -> None:
    strategy = CATALOG["adaptive_consistency"].build(BUDGET, {"level": 0.7})
    options = Options(concurrency=5, lookahead=lookahead)
    spent = total(asyncio.run(run_all(strategy, PROBLEMS, engine, extract=read, options=options)))
    batch = engine.batch
    assert spent == Usage(
        prompt=batch.prompt,
        prompt_cached=batch.prompt_cached,
        delivered=spent.delivered,
        aborted=batch.drawn - spent.delivered,
    )
    assert (spent.aborted > 0) == (lookahead > 0)
    assert {f.name for f in fields(Usage)} == set(Usage.__slots__)
