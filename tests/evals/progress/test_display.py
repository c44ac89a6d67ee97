"""The places of progress: a notebook's output is replaced, a log gets no control character."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from evals.live.progress import Progress
from evals.progress import display
from evals.progress.phases import PhaseProgress


class Handle:
    """A notebook's output."""

    def __init__(self, outputs: list[tuple[str, dict[str, str]]]) -> None:
        self.outputs = outputs

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        self.outputs.append(("update", bundle))


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """The outputs of a notebook's cell, as its kernel receives them."""
    outputs: list[tuple[str, dict[str, str]]] = []

    def show(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        outputs.append(("new", bundle))
        return Handle(outputs)

    shell = type("ZMQInteractiveShell", (), {})()
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    package.__dict__.update(get_ipython=lambda: shell, display=module)
    module.__dict__.update(display=show)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return outputs


def test_a_notebook_shows_the_table_in_one_output_for_each_strategy(
    notebook: list[tuple[str, dict[str, str]]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.live.progress.time", SimpleNamespace(monotonic=lambda: 0.0))
    with Progress(lambda: 0) as table:
        for name in ("self_consistency", "esc"):
            table.start(name, 1, 4)
            table.advance(1.0)
            table.finish()
    assert [kind for kind, _ in notebook] == ["new", "update", "new", "update"]
    last = notebook[1][1]
    assert "self_consistency" in last["text/plain"] and "1/1" in last["text/plain"]
    assert "100.0 [20.7, 100.0]" in last["text/html"] and last["text/html"].startswith("<pre")
    assert "\x1b" not in last["text/plain"] + last["text/html"] and capsys.readouterr().err == ""


def test_brief_work_leaves_a_notebook_empty(
    notebook: list[tuple[str, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.progress.phases.BRIEF_S", 0.0)
    with PhaseProgress(brief=True) as shown:
        shown.start("reading", "", None)
        shown.finish(0.0)
    assert "reading" in notebook[0][1]["text/html"]
    assert notebook[-1] == ("update", {"text/plain": "", "text/html": ""})


def test_a_plain_interpreter_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not display.in_notebook()
    shell: Any = SimpleNamespace(get_ipython=lambda: None)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not display.in_notebook()
