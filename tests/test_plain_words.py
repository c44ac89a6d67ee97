"""Docstrings and pages are plain English: no riddles, and no openings that hide the subject."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tts", "strategies", "evals", "benchmarks", "examples")
OPENINGS = ("What", "Whether", "How", "Where", "Who", "Why", "When", "Which", "Without")
RIDDLES = {
    r"\bso many\b": "say which number",
    r"\b(nobody|whoever|somebody|anybody)\b": "name the component",
    r"\bof one that\b": "name the thing",
    r"\bwhat is\b[^.?]{0,40}\bis what\b": "name the thing",
    r"\b(is|are|was|were|be) (told|said)\b": "components return, report or record",
    r"\b(engine|server|model|trace|pool|card|scorer|token)s? (says?|tells?|said|told)\b": "components return or record",
}


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def lines(paths: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    """The lines of files that a pattern is found in, with their places."""
    return [
        f"{path.relative_to(ROOT)}:{text_of(path).count(chr(10), 0, match.start()) + 1}: {match[0].strip()}"
        for path in paths
        for match in pattern.finditer(text_of(path))
    ]


def test_a_docstring_opens_with_the_thing_or_the_action() -> None:
    opens = re.compile(rf'^[ \t]*[rRuU]?"""(?:{"|".join(OPENINGS)})\b.*$', re.MULTILINE)
    found = lines([*sources(), *(ROOT / "tests").rglob("*.py")], opens)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("pattern", RIDDLES)
def test_no_riddles(pattern: str) -> None:
    found = lines([*sources(), *sorted((ROOT / "docs").glob("*.md"))], re.compile(pattern, re.IGNORECASE))
    assert not found, f"{RIDDLES[pattern]}:\n" + "\n".join(found)


def test_files_and_folders_stay_small() -> None:
    """No source file has more than 300 lines, and no folder shows more than 17 files."""
    folders = [ROOT / name for name in (*PACKAGES, "tests")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(text_of(path).splitlines())) > 300}
    assert not long
    full = {}
    for folder in {path.parent for path in files}:
        shown = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".pyc"]
        if len(shown) > 17:
            full[str(folder.relative_to(ROOT))] = len(shown)
    assert not full
