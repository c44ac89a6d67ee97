"""Scores are added to samples that are drawn: nothing is drawn again, and what was recorded is not read."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import tts
from evals.config import RunConfig
from evals.live.run_session import run_strategies
from evals.pools.scoring import PoolScores, score_run
from evals.replay.rescore import rescored
from tests.cli.cases import FAKE
from tts.config import load_config
from tts.engines.fake.engine import FakeEngine
from tts.errors import InputError
from tts.pool import PoolStore, load_pool
from tts.prompts import Prompt, recorded_prompt
from tts.types import Problem


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[FakeEngine]:
    """Every fake engine that is made."""
    found: list[FakeEngine] = []
    own = FakeEngine.__init__

    def init(self: FakeEngine, **given: Any) -> None:
        own(self, **given)
        found.append(self)

    monkeypatch.setattr(FakeEngine, "__init__", init)
    return found


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    path = tmp_path / "pool.sqlite"
    overrides = ("task.questions=6", "budget=4", "strategies=[self_consistency]", f"out={path}")
    run_strategies(load_config(RunConfig, [], [*FAKE, *overrides]))
    return path


def score(path: Path, **given: Any) -> PoolScores:
    return score_run(path, [(given, "the test")])


def strip(path: Path, column: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE samples SET {column} = NULL")


def test_a_score_of_recorded_signals_opens_no_engine(pool: Path, opened: list[FakeEngine]) -> None:
    opened.clear()
    outcome = score(pool, scorer={"name": "mean_logprob"})
    assert (outcome.label, outcome.samples, outcome.scored, outcome.usage.total) == ("mean_logprob", 24, 24, 0)
    assert not opened
    assert score(pool, scorer={"name": "mean_logprob"}).scored == 0, "they are there"
    raw = score(pool, scorer={"name": "mean_logprob"}, raw=True)
    assert raw.label == "mean_logprob-2" and not opened
    loaded = load_pool(pool)
    assert loaded.scored_by == "mean_logprob-2", "the latest"
    assert all(s.confidence == pytest.approx(-0.1) for e in loaded.entries for s in e.samples)


def test_samples_are_compared_with_all_samples_of_their_question_the_empty_ones_too(pool: Path) -> None:
    with sqlite3.connect(pool) as connection:
        connection.execute("UPDATE samples SET text = '', answer = NULL WHERE idx = 0")
    outcome = score(pool, scorer={"name": "semantic_entropy_discrete"})
    assert (outcome.samples, outcome.scored, outcome.failed, outcome.usage.total) == (24, 24, 0, 0)
    recorded = load_pool(pool)
    replayed = rescored(recorded, "semantic_entropy_discrete", probability=True, raw=True)
    for live, again in zip(recorded.entries, replayed.entries, strict=True):
        assert live.samples[0].confidence == 0.0 and again.samples[0].confidence is None
        assert [s.confidence for s in live.samples[1:]] == [s.confidence for s in again.samples[1:]]
        assert live.samples[1].confidence is not None and live.samples[1].confidence < 1.0


def test_signals_that_were_not_recorded_are_read_and_charged(pool: Path, opened: list[FakeEngine]) -> None:
    strip(pool, "logprobs")
    opened.clear()
    outcome = score(pool, scorer={"name": "mean_logprob"})
    [engine] = opened
    assert engine.drawn == 0 and engine.scored == outcome.usage.scorer_prefill > 0
    with PoolStore.read(pool) as store:
        scores = [s for e in store.to_pool().entries for s in e.scores["mean_logprob"]]
    assert sum(s.read for s in scores if s is not None) == outcome.usage.scorer_prefill


def test_a_run_with_another_scorer_draws_nothing_and_reads_what_is_missing(
    pool: Path, opened: list[FakeEngine]
) -> None:
    strip(pool, "watched")
    opened.clear()
    again = [*FAKE, "task.questions=6", "budget=4", "strategies=[self_consistency]", f"out={pool}"]
    for scorer, read in (("mean_logprob", False), ("watched", True), ("watched", False)):
        outcome = run_strategies(load_config(RunConfig, [], [*again, f"scorer={scorer}"]))
        [engine] = opened
        assert (engine.drawn, engine.scored > 0) == (0, read), scorer
        assert outcome.parts[0].pool.number == 1
        opened.clear()


def test_a_scorer_that_cannot_read_its_signals_gets_one_sentence(pool: Path, opened: list[FakeEngine]) -> None:
    sentence = (
        "scorer entropy reads the entropy of each token, which 24 samples of .* lack and engine.kind=fake cannot read "
        "from a given text: read with engine.kind=transformers, or draw the samples with that signal recorded"
    )
    with pytest.raises(InputError, match=sentence):
        score(pool, scorer={"name": "entropy"})
    with pytest.raises(InputError, match="needs a scorer: give scorer=NAME"):
        score(pool)
    with pytest.raises(InputError, match="no such file"):
        score(pool.with_name("none.sqlite"), scorer={"name": "entropy"})
    with pytest.raises(InputError, match="scores are added to SQLite pools: `tts pool import"):
        score(pool.with_name("pool.jsonl"), scorer={"name": "entropy"})


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        (
            {"kind": "evil.module:KIND", "model": "x"},
            "engine.kind=evil.module:KIND, which a stored",
        ),
        ({"kind": "openai", "model": "x", "openai": {"urls": ["http://evil"]}}, "and engine.openai.urls="),
        (None, "run 1 names no engine to read its samples with: give model=NAME"),
    ],
)
def test_a_stored_configuration_loads_no_plugin_and_reaches_no_server(pool: Path, stored: Any, sentence: str) -> None:
    strip(pool, "logprobs")
    with sqlite3.connect(pool) as connection:
        [[text]] = connection.execute("SELECT config FROM openings").fetchall()
        config = {**json.loads(text), "engine": stored} if stored else {}
        connection.execute("UPDATE openings SET config = ?", (json.dumps(config),))
    with pytest.raises(InputError, match=sentence):
        score(pool, scorer={"name": "mean_logprob"})
    assert score(pool, scorer={"name": "constant"}).scored == 24, "what needs no engine is scored all the same"


def test_another_model_reads_the_texts_anew_under_a_key_of_its_own(pool: Path, opened: list[FakeEngine]) -> None:
    own = score(pool, scorer={"name": "mean_logprob"})
    with sqlite3.connect(pool) as connection:
        connection.execute("UPDATE runs SET model = 'another'")
    opened.clear()
    other = score(pool, scorer={"name": "mean_logprob"}, engine={"kind": "fake", "model": "fake"})
    assert (own.label, other.label) == ("mean_logprob", "mean_logprob-2") and opened[0].scored > 0


def test_the_front_door_scores_and_an_interrupted_session_continues(
    pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, calls = PoolStore.add_scores, [0]

    def dies(self: PoolStore, *given: Any) -> None:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt
        own(self, *given)

    monkeypatch.setattr(PoolStore, "add_scores", dies)
    with pytest.raises(KeyboardInterrupt, match="holds 12 new scores: repeat the command to continue"):
        score(pool, scorer={"name": "mean_logprob"})
    monkeypatch.setattr(PoolStore, "add_scores", own)
    outcome = tts.score_pool(pool, "mean_logprob", progress=False)
    assert (outcome.scored, outcome.samples) == (12, 24)


def test_a_recorded_prompt_is_the_one_that_was_asked() -> None:
    asked = Problem("q", "1+1?")
    for prompt in (
        Prompt("Q: {question} A:", shots=(("2+2?", "4"),), system="Add."),
        Prompt("Q: {question}.", shots=(("2+2?", "4"), ("0?", "0")), system="Add.", chat=True),
        Prompt("{question}", chat=True),
    ):
        from evals.tasks.base import Task

        task = Task("t", (asked,), prompt, lambda problem, text: None)
        read = recorded_prompt(task.template)
        assert read.chat == prompt.chat and read.text(asked) == prompt.text(asked)
        assert read.messages(asked) == prompt.messages(asked) or not prompt.chat
