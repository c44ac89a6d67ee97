"""The package of ``examples/plugin``, installed, adds a strategy, a scorer, an engine and a task."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.cases import Tts
from tts import api, registry
from tts.errors import InputError
from tts.registry import ENGINES, SCORERS, STRATEGIES, TASKS

pytest.importorskip("setuptools", reason="the package is built by setuptools")

PACKAGE = Path(__file__).parents[1] / "examples" / "plugin"
NAMES = ("task=sums", "engine=adder", "scorer=casting_out_nines", "strategies=enough_confidence,self_consistency")
TARGETS = (
    "task=tts_sums.task:sums",
    "engine=tts_sums.engine:KIND",
    "scorer=tts_sums.scorer:CastingOutNines",
    "strategies=tts_sums.strategy:ENOUGH_CONFIDENCE,self_consistency",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip has installed the package in, offline."""
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("target")
    shutil.copytree(PACKAGE, source)  # pip builds in the folder of the sources
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--target", target, source], check=True)
    return target


@pytest.fixture
def installed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package on the path of modules."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    registry._plugins.cache_clear()
    yield
    registry._plugins.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "tts_sums"]:
        del sys.modules[name]


def test_the_package_adds_a_name_of_each_kind(installed: None, tts: Tts) -> None:
    found = [one.names()[-1] for one in (STRATEGIES, SCORERS, ENGINES, TASKS)]
    assert found == ["enough_confidence", "casting_out_nines", "adder", "sums"]
    assert "enough_confidence" in tts("strategies").out


@pytest.mark.parametrize("settings", [NAMES, TARGETS], ids=["names", "targets"])
def test_a_run_plays_all_four(installed: None, tts: Tts, settings: tuple[str, ...]) -> None:
    ran = tts("run", *settings, "questions=40", "budget=8", "out=sums.sqlite", "--format", "csv")
    assert ran.status == 0 and "sums: 40 questions" not in ran.err
    header, mine, reference = (line.split(",") for line in ran.out.splitlines())
    samples = header.index("samples")
    assert mine[0] == "enough_confidence" and float(mine[samples]) < float(reference[samples]) == 8.0


def test_a_configuration_takes_targets_with_options(installed: None, tts: Tts) -> None:
    Path("sums.yaml").write_text(
        "task: {name: tts_sums.task:sums, questions: 5}\n"
        "engine: {kind: adder, temperature: 0}\n"
        "scorer: {name: tts_sums.scorer:CastingOutNines, passed: 0.8}\n"
        "strategies: [{name: tts_sums.strategy:ENOUGH_CONFIDENCE, enough: 2.0}]\n"
    )
    ran = tts("run", "sums.yaml", "out=sums.sqlite")
    assert ran.status == 0 and "enough_confidence(enough=2.0)" in ran.out and " 3.0     78 enough 5 " in ran.out
    refused = tts("run", "sums.yaml", "out=sums.sqlite", "scorer.passed=2")
    assert refused.status == 2 and refused.err == (
        "tts: scorer.failed <= scorer.passed must lie in [0, 1], got 0.01 and 2\n"
    )


def test_a_question_is_answered(installed: None, tts: Tts) -> None:
    ran = tts("ask", "What is 17 + 25?", *NAMES[1:3], "strategy=enough_confidence")
    assert ran.status == 0 and ran.out.startswith("answer     42\n")


def test_python_takes_names_and_targets(installed: None) -> None:
    settings = {"kind": "adder", "strategy": "enough_confidence", "scorer": TARGETS[2].partition("=")[2]}
    try:
        assert api.solve("What is 17 + 25?", **settings).answer == "42"
        with pytest.raises(InputError, match=r"^strategy tts_sums.strategy:Enough does not exist: module "):
            api.solve("What is 17 + 25?", **{**settings, "strategy": "tts_sums.strategy:Enough"})
    finally:
        api.close()
