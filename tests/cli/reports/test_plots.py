"""Plots of ``tts compare``: valid pictures, the same bytes for the same seed, all files or none."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import FAST, Ran, Tts
from tests.support.examples import slowly


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_inputs_and_seed_give_the_same_bytes(tts: Tts, pool: Path, tmp_path: Path, suffix: str) -> None:
    def drawn(name: str, seed: int) -> tuple[bytes, bytes]:
        json, plot = tmp_path / f"{name}.json", tmp_path / f"{name}{suffix}"
        assert tts("compare", pool, *FAST, "--tune", "--seed", str(seed), "--json", json, "--plot", plot).status == 0
        return json.read_bytes(), plot.read_bytes()

    first, again, other = drawn("a", 0), drawn("b", 0), drawn("c", 1)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}{s}" for n in "abc" for s in (".json", suffix)}


STARTS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("name", ["B.SVG", *slowly("a.png", "a.pdf", "a.svg")])
def test_plots_are_valid_pictures(tts: Tts, pool: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert tts("compare", pool, *FAST, "--plot", path).status == 0
    assert path.read_bytes().startswith(STARTS[path.suffix.lower()])
    if path.suffix.lower() == ".svg":
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.slow
def test_neither_file_is_written_where_one_of_them_fails(
    tts: Tts, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("evals.report.figures.atomic_path", full)
    ran = tts("compare", pool, *FAST, "--json", tmp_path / "j.json", "--plot", tmp_path / "p.svg")
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(r"tts: .*p\.svg: No space left on device\n", ran.err)
    assert list(tmp_path.iterdir()) == []


def test_a_plot_without_matplotlib_says_what_to_install(
    tts: Tts, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = tts("compare", pool, *FAST, "--plot", tmp_path / "p.png")
    assert ran == Ran(2, "", "tts: a plot needs matplotlib: pip install 'tts-rerank[plot]'\n")
    assert tts("compare", pool, *FAST).status == 0
