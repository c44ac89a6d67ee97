"""Names lead to objects: built-in ones, imported on first use, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.methods import described
from evals.tasks import TaskConfig, load_task
from strategies.catalog import CATALOG, method
from tts import registry
from tts.errors import InputError
from tts.registry import ENGINES, SCORERS, STRATEGIES, TASKS, Registry

ALL = (STRATEGIES, SCORERS, ENGINES, TASKS)
PLUGIN = """
from dataclasses import replace
from strategies.catalog import CATALOG
from evals.tasks.stories import stories

mine = replace(CATALOG["esc"], name="mine")
def task(config):
    return replace(stories(replace(config, name="stories")), name="mine")
"""
POINTS = """
[tts.strategies]
mine = plugged_in:mine
esc = plugged_in:mine
broken = plugged_in_nowhere:mine
[tts.tasks]
mine = plugged_in:task
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that adds a strategy and a task."""
    (tmp_path / "plugged_in.py").write_text(PLUGIN)
    info = tmp_path / "plugged_in-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-in\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._plugins.cache_clear()
    yield
    registry._plugins.cache_clear()
    sys.modules.pop("plugged_in", None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module of the working directory, which is not on the path of modules."""
    (tmp_path / "own_module.py").write_text(PLUGIN + "class space:\n    mine = mine\n")
    (tmp_path / "broken_module.py").write_text("raise RuntimeError('no licence\\nfound')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield tmp_path
    sys.modules.pop("own_module", None)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.what)
def test_every_built_in_name_leads_to_an_object(kind: Registry[object]) -> None:
    assert kind.names() and not set(kind._tabulated()) & set(kind._targets), "each name stands in one place"
    for name in kind.names():
        kind.check(name)
        assert kind.get(name) is kind.get(name) is not None


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.what)
def test_an_unknown_name_gets_one_sentence_with_the_closest_one(kind: Registry[object]) -> None:
    close = kind.names()[0]
    for refuse in (kind.get, kind.check):
        with pytest.raises(
            InputError, match=rf"unknown {kind.what} '{close}x': allowed are .*; did you mean {close}\?"
        ):
            refuse(f"{close}x")
        with pytest.raises(InputError, match=rf"unknown {kind.what} None: allowed are "):
            refuse(None)


def test_the_strategies_are_the_catalogue_in_its_order() -> None:
    assert STRATEGIES.names() == tuple(CATALOG) and method("esc") is CATALOG["esc"]


def test_an_installed_package_adds_names(plugin: None) -> None:
    assert STRATEGIES.names() == (*CATALOG, "mine", "broken")
    assert method("mine").name == "mine" and method("mine").source == CATALOG["esc"].source
    task = load_task(TaskConfig(name="mine", questions=2))
    assert task.name == "mine" and len(task.problems) == 2


def test_a_built_in_name_keeps_its_meaning(plugin: None) -> None:
    assert method("esc") is CATALOG["esc"]


def test_a_package_that_cannot_be_imported_is_named(plugin: None) -> None:
    sentence = r"^strategy broken of package plugged-in cannot be imported \(No module named 'plugged_in_nowhere'\)"
    with pytest.raises(InputError, match=sentence):
        method("broken")


def test_a_target_stands_where_a_name_does(module: Path) -> None:
    assert method("own_module:mine").name == "mine" and method("own_module:space.mine") is method("own_module:mine")
    assert described({"name": "own_module:mine", "window": 3}).params["window"] == 3
    task = load_task(TaskConfig(name="own_module:task", questions=2))
    assert task.name == "mine" and len(task.problems) == 2


@pytest.mark.parametrize("name", ["nothing_here:mine", "own_module.deeper:mine"])
def test_a_module_that_does_not_exist_gets_a_sentence(module: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"^strategy {name} cannot be imported \(No module named .*\): install its "):
        STRATEGIES.get(name)


def test_a_module_that_fails_gets_a_sentence(module: Path) -> None:
    with pytest.raises(InputError, match=r"^task broken_module:task cannot be imported \(no licence\): "):
        TaskConfig(name="broken_module:task")


def test_a_missing_attribute_gets_a_sentence_with_the_closest_one(module: Path) -> None:
    with pytest.raises(
        InputError, match=r"^strategy own_module:mne does not exist: .* has no mne; did you mean mine\?$"
    ):
        STRATEGIES.get("own_module:mne")


@pytest.mark.parametrize(
    "kind, attribute, words",
    [
        (STRATEGIES, "task", "must be a strategies.catalog.Method, a row of the catalogue, got the function task"),
        (SCORERS, "mine", "must be a class or function that builds .*Scorer, got a value of type Method"),
        (ENGINES, "space", "must be an object with the methods of .*EngineKind, got the class space"),
        (TASKS, "mine", "must be a function that builds .*Task from its configuration, got a value of type Method"),
    ],
)
def test_an_object_of_another_kind_gets_a_sentence(
    module: Path, kind: Registry[object], attribute: str, words: str
) -> None:
    with pytest.raises(InputError, match=rf"^{kind.what} own_module:{attribute} {words}$"):
        kind.get(f"own_module:{attribute}")


def test_what_a_target_builds_is_checked(module: Path) -> None:
    with pytest.raises(
        InputError, match=r"^task own_module:replace must build evals.tasks.base.Task, got .* TaskConfig$"
    ):
        load_task(TaskConfig(name="own_module:replace"))


def test_the_module_imports_nothing_that_it_names() -> None:
    code = "import sys, tts.registry; assert not {'numpy', 'strategies', 'evals', 'tts.engines'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
