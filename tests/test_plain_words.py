"""Docstrings and pages are plain English: no riddles, and no openings that hide the subject."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def test_a_docstring_opens_with_the_thing_or_the_action() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for path in (*sources(), *(ROOT / "tests").rglob("*.py"))
        for line, text in docstrings(path)
        if text.split()[0].strip(",:;") in OPENINGS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("pattern", RIDDLES)
def test_no_riddles(pattern: str) -> None:
    pages = sorted((ROOT / "docs").glob("*.md"))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*sources(), *pages)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line, flags=re.IGNORECASE)
    ]
    assert not found, f"{RIDDLES[pattern]}:\n" + "\n".join(found)


def test_files_and_folders_stay_small() -> None:
    """No source file has more than 300 lines, and no folder shows more than 17 files."""
    folders = [ROOT / name for name in (*PACKAGES, "tests")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > 300}
    assert not long
    full = {}
    for folder in {path.parent for path in files}:
        shown = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".pyc"]
        if len(shown) > 17:
            full[str(folder.relative_to(ROOT))] = len(shown)
    assert not full
