"""Sets of sample numbers as short texts: 0-63,70."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def to_text(indices: Iterable[int]) -> str:
    """Return rising numbers as ranges, such as ``0-63,70``."""
    found: list[list[int]] = []
    for index in indices:
        if found and index == found[-1][1] + 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in found)


def from_text(text: str) -> Iterator[int]:
    """Yield the numbers of a text of :func:`to_text`."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
