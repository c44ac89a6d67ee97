"""The code blocks of pages, with the comment before each that says how it is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"(?:<!-- (?P<mark>slow|served|not run: [^\n]+?) -->\n)?^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        where: the page and the line.
        heading: the heading above it.
        language: behind the fence.
        mark: in the comment before it, or empty.
        code: its lines.
    """

    where: str
    heading: str
    language: str
    mark: str
    code: str


def blocks(page: Path) -> Iterator[Block]:
    """Yield the code blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        headings = re.findall(r"^##+ (.+)$", FENCE.sub("", text[: found.start()]), re.M)
        heading = headings[-1] if headings else ""
        yield Block(f"{page.name}:{line}", heading, found["language"], found["mark"] or "", found["code"])
