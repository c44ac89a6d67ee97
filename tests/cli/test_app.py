"""The ``tts`` command itself: help, exit statuses, errors that are bugs, and a broken output."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from evals.config import CompareConfig
from tests.cli.cases import Ran, Tts
from tts.answers.canonical import KINDS
from tts.cli.app import interruptible
from tts.scorers.calibration.maps import MapKind

COMMANDS = (
    "ask",
    "run",
    "compare",
    "sample",
    "report",
    "show",
    "view",
    "score",
    "decide",
    "rerank",
    "answers",
    "reliability",
    "calibrate",
    "train",
    "pool",
    "strategies",
    "serve",
    "mcp",
    "config",
)


def test_too_little_memory_is_bad_input_and_a_bug_keeps_its_traceback(
    tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: BaseException) -> Callable[..., None]:
        def raising(*_: object, **__: object) -> None:
            raise error

        return raising

    monkeypatch.setattr("tts.pool.load_pool", fail(MemoryError()))
    assert tts("compare", pool).err.startswith("tts: not enough memory: ask for fewer permutations")
    monkeypatch.setattr("tts.pool.load_pool", fail(KeyboardInterrupt()))
    assert tts("compare", pool) == Ran(130, "", "")
    monkeypatch.setattr("tts.pool.load_pool", fail(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        tts("compare", pool)


@pytest.mark.parametrize(
    "command", ["", *COMMANDS, "pool info", "pool import", "pool export", "pool simulate", "train grace"]
)
def test_every_command_explains_itself(tts: Tts, command: str) -> None:
    ran = tts(*command.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: tts {command}".rstrip())


def test_the_commands_are_listed_in_the_order_of_use_each_with_a_whole_sentence(
    tts: Tts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = tts("--help").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", ["sample", "run"])
def test_the_help_of_live_commands_names_files_and_overrides(tts: Tts, command: str) -> None:
    assert "[FILE|KEY=VALUE]..." in tts(command, "--help").out


def test_an_interrupt_without_a_sentence_prints_nothing_and_one_with_a_sentence_prints_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for interrupt, printed in ((KeyboardInterrupt(), ""), (KeyboardInterrupt("held 3"), "tts: held 3\n")):
        with pytest.raises(KeyboardInterrupt), interruptible():
            raise interrupt
        assert capsys.readouterr() == ("", printed)


def test_an_error_of_the_system_names_the_file(tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.jsonl")

    monkeypatch.setattr("tts.pool.load_pool", denied)
    assert tts("compare", pool) == Ran(2, "", "tts: secret.jsonl: Permission denied\n")


def test_the_help_of_compare_is_true(tts: Tts) -> None:
    text = " ".join(tts("compare", "--help").out.replace("cross-\n", "cross-").split())
    defaults, (*kinds, last) = CompareConfig(), get_args(MapKind)
    for option, default in (
        ("--permutations", defaults.permutations),
        ("--seed", defaults.seed),
        ("--margin", defaults.margin),
        ("--answers", defaults.answers),
        ("--strategies", "all"),
        ("--budget", "all"),
    ):
        assert re.search(rf"{option} <\w+> [^\[]*\[default: {default}\]", text)
    assert re.search(rf"--answers <str> Kind of answers: {', '.join(KINDS)} ", text)
    assert f"Calibration map, cross-fitted: {', '.join(kinds)} or {last}." in text


def test_without_a_command_a_group_shows_its_help_and_tts_the_five_first_commands(tts: Tts) -> None:
    for group in ("pool", "train"):
        ran = tts(group)
        assert ran.status == 2
        assert (ran.out + ran.err).startswith(f"Usage: tts {group}")
    shown = tts()
    assert (shown.status, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert len(lines) <= 24 and all(len(line) < 80 for line in lines)
    assert [line.split()[1] for line in lines if line.startswith("  tts ")] == [*COMMANDS[:4], "train"]
