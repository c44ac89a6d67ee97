"""``tts strategies``, and the examples of every command's help."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from strategies.catalog import CATALOG
from tests.cli.cases import ROOT, Tts
from tts.cli.app import app
from tts.cli.ask import split
from tts.cli.grammar import Command, is_setting, sort_arguments
from tts.config.lists import load_each


def test_a_strategy_is_explained_with_its_needs_and_parameters(tts: Tts) -> None:
    assert tts("strategies", "--names").out.split() == list(CATALOG)
    rows = {row["name"]: row for row in json.loads(tts("strategies", "--json").out)}
    assert rows["esc"]["needs"] == [] and rows["cges"]["needs"] == ["confidences (a scorer)"]
    assert rows["esc"]["parameters"]["window"]["type"] == "a whole number"
    assert "  window=" in tts("strategies", "esc").out
    assert tts("strategies", "ecs").err.endswith("did you mean esc?\n")


def commands(group: Any, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], Command]:
    """Return every command by its words."""
    found: dict[tuple[str, ...], Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, Command):
            found[*prefix, name] = command
        else:
            found |= commands(command, (*prefix, name))
    return found


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_help_has_two_examples_that_can_be_read(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = COMMANDS[words]
    assert len(command.examples) >= 2
    for example in command.examples:
        given = shlex.split(example.rpartition("| ")[2])
        assert given[: len(words) + 1] == ["tts", *words] and len(example) < 100
        rest = command.rewritten(given[len(words) + 1 :])
        context = command.make_context("tts", list(rest))
        if command.schema:
            texts = context.params.get("arguments") or context.params.get("configs") or context.params.get("overrides")
            keys = split(list(texts or ()))[1] if words == ("ask",) else [t for t in texts or () if t]
            files, overrides = sort_arguments(command.configuration, keys)
            assert all(Path(file).is_file() for file in files) and all(is_setting(text) for text in overrides)
            load_each(command.configuration, files, overrides)
