"""The files of ``configs/``: each loads alone, and those of every kind go together."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from evals.config import RunConfig, SampleConfig
from evals.live.parts import split
from tests.cli.cases import FAKE, ROOT, Tts, drawn_now
from tests.support.examples import slowly
from tts.config import load_config

CONFIGS = ROOT / "configs"
FILES = {kind: sorted((CONFIGS / kind).glob("*.yaml")) for kind in ("task", "model", "strategy", "scorer")}


@pytest.mark.parametrize(
    "path", [p for paths in FILES.values() for p in paths], ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_every_file_loads_alone(path: Path) -> None:
    assert load_config(RunConfig, [path], ["fit=p.sqlite", "scorer.name=constant"])
    if path.parent.name in ("task", "model"):
        assert load_config(SampleConfig, [path])


def loads_together(files: tuple[Path, ...]) -> None:
    config = load_config(RunConfig, files, ["out=p.sqlite", "budget=4"])
    assert config.budget == 4
    assert config.task.name == files[0].stem
    if config.engine.kind == "transformers":
        assert Path(config.engine.model).name.replace("-", "_") == files[1].stem  # a name, or a directory below out/
        assert config.engine.signals.top == 20
    assert (config.scorer is not None) == (len(files) == 4)


@pytest.mark.parametrize("model", [FILES["model"][0], *slowly(*FILES["model"][1:])], ids=lambda path: path.stem)
def test_every_two_files_of_different_kinds_go_together(model: Path) -> None:
    """Each model with each scorer, each task and each strategy; tasks and strategies with scorers in turn."""
    tasks, strategies = FILES["task"], FILES["strategy"]
    for i, scorer in enumerate(FILES["scorer"], start=FILES["model"].index(model)):
        loads_together((tasks[i % len(tasks)], model, strategies[i % len(strategies)], scorer))
    for task, strategy in zip(itertools.cycle(tasks), strategies, strict=False):
        loads_together((task, model, strategy))


def test_the_demo_has_eight_rows_in_two_parts() -> None:
    own, guided = split(load_config(RunConfig, [CONFIGS / "demo.yaml"]))
    assert [part.engine.model for part in (own, guided)] == ["grace", "finece"]
    assert (len(own.strategies), len(guided.strategies), own.task.questions) == (7, 1, 150)


@pytest.mark.slow
@pytest.mark.parametrize("task", FILES["task"], ids=lambda path: path.stem)
@pytest.mark.parametrize("model", FILES["model"], ids=lambda path: path.stem)
def test_all_files_of_different_kinds_go_together(task: Path, model: Path) -> None:
    for strategy in FILES["strategy"]:
        loads_together((task, model, strategy))
        for scorer in FILES["scorer"]:
            loads_together((task, model, strategy, scorer))


def test_a_command_of_files_runs(tts: Tts, tmp_path: Path) -> None:
    files = [CONFIGS / name for name in ("task/stories.yaml", "model/tiny.yaml", "strategy/counting.yaml")]
    signals = "engine.signals={top: 0, entropy: false, certainty: false}"
    ran = tts("run", *files, *FAKE, signals, "task.questions=4", f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0
    assert drawn_now(ran) == (64, 64)
