"""A tracker receives the configuration before the first draw and the results at the end, and never loses a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import tts
from evals.config import RunConfig
from evals.live.hooks import Hooks
from evals.tracking import tracked
from evals.tracking.tracked import run_key
from evals.tracking.trackers import check_tracker
from tests.cli.cases import FAKE, TASK, Tts
from tts.config import load_config
from tts.errors import InputError, UnsupportedError
from tts.pool import PoolStore


class Recorder:
    """A tracker that keeps what it receives; it fails in the step that it is told."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.calls, self.metrics = fails, list[str](), dict[str, float]()
        self.parameters: dict[str, Any] = {}
        self.key = self.report = ""

    def _called(self, step: str) -> None:
        self.calls.append(step)
        print(f"the tracker's own line about {step}")
        if step == self.fails:
            raise RuntimeError(f"no connection in {step}\nand a second line")

    def start(self, key: str, name: str, parameters: Mapping[str, Any]) -> str:
        self.key, self.parameters = key, dict(parameters)
        self._called("start")
        return "somewhere"

    def log(self, metrics: Mapping[str, float]) -> None:
        self._called("log")
        self.metrics |= metrics

    def attach(self, report: Path) -> None:
        self._called("attach")
        self.report = report.read_text()

    def finish(self, done: bool) -> None:
        self._called(f"finish {done}")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The tracker that every name opens; reports are one line."""
    made = Recorder()
    monkeypatch.setattr(tracked, "open_tracker", lambda name: made)
    monkeypatch.setattr(tracked, "find_spec", lambda name: True)
    monkeypatch.setattr(tracked, "_report", lambda outcomes: f"{len(outcomes)} outcomes")
    yield made


def test_it_receives_the_configuration_the_metrics_and_the_report(tts: Tts, recorder: Recorder, tmp_path: Path) -> None:
    command = ("run", *FAKE, *TASK, "budget=4", "strategies=self_consistency,esc", f"out={tmp_path / 'run.sqlite'}")
    ran = tts(*command, "track=wandb", "--format", "json")
    assert ran.status == 0 and "wandb: somewhere" in ran.err and "own line" not in ran.out
    assert recorder.calls == ["start", "log", "attach", "finish True"] and recorder.report == "1 outcomes"
    assert recorder.parameters["budget"] == 4 and recorder.parameters["engine"]["kind"] == "fake"
    [first, second] = json.loads(ran.out)["strategies"]
    for row in (first, second):
        of = {key.partition("/")[2]: value for key, value in recorder.metrics.items() if key.startswith(row["name"])}
        assert (of["accuracy"], of["samples"], of["tokens"]) == (row["accuracy"], row["samples"], row["tokens"])
        assert [of["accuracy_low"], of["accuracy_high"]] == pytest.approx(row["accuracy_ci"])
        assert of["seconds"] > 0
    before = recorder.key
    assert tts(*command, "--track", "wandb").status == 0 and recorder.key == before


def test_several_tasks_have_metrics_of_their_own(recorder: Recorder, tmp_path: Path) -> None:
    found = tts.run(
        ["stories", {"name": "stories", "split": "calibration"}],
        **{"model": "fake", "kind": "fake", "progress": False, "questions": 3, "budget": 3},
        strategies=["self_consistency", "first_sample"],
        out=tmp_path / "grid.sqlite",
        track="mlflow",
    )
    tts.close()
    assert len({key.rpartition("/")[0] for key in recorder.metrics}) == 4
    assert len(found.runs) == 2 and all(key.count("/") == 3 for key in recorder.metrics)
    assert sum(key.endswith("/seconds") for key in recorder.metrics) == 4


@pytest.mark.parametrize("fails", ["log", "attach", "finish True"])
def test_one_that_fails_is_a_warning_and_the_run_is_whole(
    tts: Tts, recorder: Recorder, tmp_path: Path, fails: str
) -> None:
    recorder.fails, pool = fails, tmp_path / "run.sqlite"
    ran = tts("run", *FAKE, *TASK, "budget=2", f"out={pool}", "strategies=esc", "track=trackio")
    assert ran.status == 0 and "esc" in ran.out
    assert f"warning: trackio failed: no connection in {fails}; the pool holds the run" in ran.err
    with PoolStore.read(pool) as store:
        assert store.runs()[0].samples == 20


def test_one_that_cannot_start_stops_the_command_before_a_sample_is_drawn(
    tts: Tts, recorder: Recorder, tmp_path: Path
) -> None:
    recorder.fails, pool = "start", tmp_path / "run.sqlite"
    ran = tts("run", *FAKE, *TASK, "budget=2", f"out={pool}", "strategies=esc", "track=wandb")
    assert (ran.status, ran.out) == (2, "") and recorder.calls == ["start"]
    assert "tts: wandb cannot start a run: no connection in start; nothing was drawn" in ran.err
    with PoolStore.read(pool) as store:
        assert sum(run.samples for run in store.runs()) == 0


def test_a_run_that_fails_is_a_failed_one(recorder: Recorder) -> None:
    config = load_config(RunConfig, [], [*FAKE, *TASK])
    tracking = tracked.tracking("wandb", [config], Hooks())
    with pytest.raises(KeyboardInterrupt), tracking as found, found.hooks.progress(lambda: 0):
        raise KeyboardInterrupt
    assert recorder.calls == ["start", "finish False"]
    with tracked.tracking(None, [config], Hooks()) as none:
        none.log([])
    assert recorder.calls == ["start", "finish False"]


def test_an_unknown_name_and_a_missing_package_are_one_sentence(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tmp_path / "run.sqlite"
    ran = tts("run", *FAKE, f"out={pool}", "track=wandbb")
    assert ran.status == 2 and "unknown tracker 'wandbb'" in ran.err and "did you mean wandb" in ran.err
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in ("wandb", "mlflow", "trackio"):
        (tmp_path / name).mkdir()  # a folder of runs is no package
        monkeypatch.delitem(sys.modules, name, raising=False)
        with pytest.raises(UnsupportedError, match=f"pip install {name}"):
            check_tracker(name)
    assert not pool.exists()


def test_the_key_is_that_of_the_configuration_and_its_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def key(*overrides: str) -> str:
        return run_key([load_config(RunConfig, [], [*FAKE, *overrides])])

    assert key() == key() != key("budget=3") and len(key()) == 16
    here = key("out=a.sqlite")
    monkeypatch.chdir(tmp_path)
    assert key("out=a.sqlite") != here
    with pytest.raises(InputError, match="allowed are mlflow, trackio, wandb"):
        check_tracker("")
