"""Names lead to objects: built-in ones, imported on first use, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_the_module_imports_nothing_that_it_names() -> None:
    code = "import sys, tts.registry; assert not {'numpy', 'strategies', 'evals', 'tts.engines'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
