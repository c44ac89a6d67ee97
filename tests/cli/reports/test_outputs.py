"""Outputs of commands: a repeated command replaces its own files, and only force replaces any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cases import FAKE, FAST, Tts

FEW = ("--strategies", "self_consistency,esc")
LIVE = (*FAKE, "task.questions=2", "budget=2", "strategies=[self_consistency]")
COMMANDS = {
    "compare": (*FAST, *FEW),
    "reliability": ("--replicates", "5"),
    "calibrate": ("--score", "frequency"),
    "run": LIVE,
    "strategies": (),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_replaces_its_own_files_and_others_by_force(
    tts: Tts, pool: Path, tmp_path: Path, command: str
) -> None:
    names = {"--json": "j.json", "--table": "t.csv", "--plot": "p.svg"}
    files = {
        "compare": ("--json", "--table"),
        "reliability": ("--json", "--table", "--plot"),
        "calibrate": ("--out",),
        "run": ("--json", "--table"),
        "strategies": ("--table",),
    }[command]
    paths = {option: tmp_path / names.get(option, "c.json") for option in files}
    arguments = [command, *([f"out={tmp_path / 'out.sqlite'}"] if command == "run" else [])]
    arguments += [str(pool)] if command in ("compare", "reliability", "calibrate") else []
    arguments += [*COMMANDS[command], *(str(part) for pair in paths.items() for part in pair)]
    for _ in range(2):
        ran = tts(*arguments)
        assert ran.status == 0, ran.err
    first = {path: path.read_bytes() for path in paths.values()}
    for path in first:
        path.write_text("mine")
        ran = tts(*arguments)
        assert ran.status == 2 and ran.err.startswith(f"tts: {path} exists already and is no ")
        assert f" of `tts {command}`: give another name, or --force to replace it" in ran.err
        assert path.read_text() == "mine"
        path.write_bytes(first[path])
    path.write_text("mine")
    assert tts(*arguments, "--force").status == 0
    assert path.read_bytes() == first[path] or command == "run"


def test_no_file_replaces_a_pool(tts: Tts, pool: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.sqlite"
    assert tts("pool", "import", pool, base).status == 0
    before = base.read_bytes()
    for arguments in (
        ("run", *LIVE, f"out={tmp_path / 'out.sqlite'}", "--json", base),
        ("compare", pool, *FAST, *FEW, "--json", base),
        ("reliability", pool, "--json", base),
        ("calibrate", pool, "--score", "frequency", "--out", base),
    ):
        ran = tts(*arguments, "--force")
        assert ran.status == 2 and "is a pool of samples, or has the name of one, and no JSON file" in ran.err
    assert base.read_bytes() == before
