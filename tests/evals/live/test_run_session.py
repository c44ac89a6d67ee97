"""A run session: it reports through hooks, resumes after Ctrl-C, refuses before it draws, and names its runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig, SampleConfig
from evals.live.hooks import Hooks, QuestionCost, Silent
from evals.live.plan import Plan
from evals.live.pool_run import PoolRun, pool_target, run_key
from evals.live.run_session import _signals_of_all, run_strategies
from evals.live.sample_session import sample_task
from evals.tasks import load_task
from tests.cli.cases import FAKE
from tts.config import load_config
from tts.engines.base import Capabilities
from tts.errors import InputError
from tts.pool import RunKey, load_pool
from tts.types import Signals

SAMPLED = (*FAKE, "task.questions=8")
SMALL = (*FAKE, "task.questions=8", "concurrency=1")


class Stopping(Silent):
    """A listener that presses Ctrl-C after some questions."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def stopping(questions: int) -> Hooks:
    @contextmanager
    def progress(_: Callable[[], int]) -> Iterator[Stopping]:
        yield Stopping(questions)

    return Hooks(progress=progress)


@pytest.mark.parametrize("command", ["sample", "run"])
def test_after_ctrl_c_the_same_session_continues_and_the_pool_is_that_of_a_calm_run(
    tmp_path: Path, command: str
) -> None:
    path, calm = tmp_path / "p.sqlite", tmp_path / "calm.sqlite"

    def session(out: Path, hooks: Hooks) -> PoolRun:
        if command == "sample":
            return sample_task(load_config(SampleConfig, [], [*SAMPLED, "samples=3", f"out={out}"]), hooks=hooks)[
                1
            ].pool
        [part] = run_strategies(
            load_config(RunConfig, [], [*SMALL, "strategies=self_consistency", "budget=3", f"out={out}"]), hooks=hooks
        ).parts
        return part.pool

    with pytest.raises(KeyboardInterrupt) as interrupt:
        session(path, stopping(2))
    held = sum(len(entry.samples) for entry in load_pool(path).entries)
    assert str(interrupt.value) == f"interrupted; {path} holds {held} samples: repeat the command to continue"
    assert 2 * 3 <= held < 24
    resumed = session(path, Hooks())
    assert (resumed.samples, resumed.drawn) == (24, 24 - held)
    assert session(calm, Hooks()).drawn == 24
    texts = [[[s.text for s in entry.samples] for entry in load_pool(out).entries] for out in (path, calm)]
    assert texts[0] == texts[1]


def test_the_caller_can_run_the_work_itself_and_reads_the_tokens_drawn(tmp_path: Path) -> None:
    ran: list[str] = []
    drawn: list[Callable[[], int]] = []

    def execute(work: Coroutine[Any, Any, Any], /) -> Any:
        ran.append("here")
        return asyncio.run(work)

    @contextmanager
    def progress(tokens: Callable[[], int]) -> Iterator[Silent]:
        drawn.append(tokens)
        yield Silent()

    config = load_config(SampleConfig, [], [*SAMPLED, "samples=2", f"out={tmp_path / 'p.sqlite'}"])
    _, outcome = sample_task(config, hooks=Hooks(progress=progress, execute=execute))
    assert ran == ["here"]
    assert drawn[0]() == outcome.pool.tokens > 0


def test_the_line_about_a_pool_counts_truncated_draws_apart() -> None:
    plain = PoolRun(Path("p.sqlite"), 1, 12, 4, 0, 99)
    assert str(plain) == "p.sqlite: run 1 holds 12 samples, 4 of them drawn now (99 tokens)"
    assert str(replace(plain, truncated=2)).endswith(
        "(99 tokens; 2 more that a strategy may have truncated are in a separate run)"
    )


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("p.jsonl", "p.jsonl: the file name must end in .sqlite, .db"),
        ("in.sqlite", "cannot write in.sqlite: it is an input of this command"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.sqlite").touch()
    with pytest.raises(InputError) as refused:
        pool_target(out, ["in.sqlite", None])
    assert str(refused.value).startswith(sentence)


def key(*overrides: str) -> RunKey:
    """Return the key of a run with these overrides."""
    config = load_config(RunConfig, [], [*FAKE, "task.questions=1", *overrides])
    task = load_task(config.task)
    return run_key(config.engine, task, model="fake", revision="")


@pytest.mark.parametrize(
    "change",
    [
        "engine.temperature=0.7",
        "engine.top_p=0.9",
        "engine.top_k=5",
        "engine.max_tokens=99",
        "engine.seed=1",
        "engine.dtype=bfloat16",
        "task.template='Q {question} A'",
    ],
)
def test_what_changes_the_draws_changes_the_key_of_the_run(change: str) -> None:
    assert key(change) != key()


@pytest.mark.parametrize(
    "change",
    [
        "engine.max_batch_size=2",
        "lookahead=1",
        "strategies=[first_sample]",
        "budget=3",
        "task.extract=flexible",
        "scorer.name=watched",
        "scorer={name: constant, value: 0.5}",
        "engine.signals.top=5",
    ],
)
def test_what_leaves_the_draws_alone_leaves_the_key_alone(change: str) -> None:
    assert key(change) == key()


def test_parts_share_their_signals_where_one_pass_of_the_engine_collects_all() -> None:
    def planned(signals: Signals) -> Plan:
        return Plan((), {}, None, signals)

    both = [planned(Signals(watch=(1,))), planned(Signals(top=5))]
    able = Capabilities(watch_tokens=True, top=20)
    assert _signals_of_all(both, able) == Signals(watch=(1,), top=5)
    assert _signals_of_all(both, replace(able, watch_beside_top=False)) == Signals()
    assert _signals_of_all([*both, planned(Signals(top=6))], able) == Signals()
