"""Compare new output with a golden one: numbers exactly, names through a table of renames.

This module knows nothing of the project. ``names.json`` maps old names to new ones:

- ``"word": "new"`` renames the JSON key, the row name and the string ``word``, wherever they stand;
- ``"key:word": "new"`` renames keys and row names only, ``"value:word": "new"`` renames strings only;
- ``"outer.inner": "new.place"`` renames this sequence of keys, wherever it stands in a path; a part with dots wins over
  single words, a longer one over a shorter one;
- ``"glob:pattern": "one|other"`` renames the last key of the paths that match: the value stands under one of the two;
- ``null`` in place of a new name says that the key was removed on purpose.

``changed.json`` lists ``{"path": ..., "why": ...}``: values that may differ, each with its reason. A path is
``CASE:outer.inner`` in old names, and ``*`` stands for anything. A key that the table maps to null needs an entry here,
too, whose path is the key as the table has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Leaf = None | bool | int | float | str
Path = tuple[str, ...]
LENGTH = "#"
"""The last part of the path that holds the length of a list."""
SHOWN = 12
"""Differences that a message lists."""
RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""The tolerance of floats; the absolute part is for sums that cancel."""


class Names:
    """The table of renames."""

    def __init__(self, table: Mapping[str, str | None]) -> None:
        """Take the table; rules with more parts come first."""
        self.table = table
        dotted = sorted((key for key in table if "." in key and ":" not in key), key=lambda key: -key.count("."))
        self.rules = [(tuple(key.split(".")), table[key]) for key in dotted]
        self.globs = [(key.removeprefix("glob:"), str(new)) for key, new in table.items() if key.startswith("glob:")]

    def value(self, text: str) -> str:
        """The new form of a string."""
        return self.table.get(f"value:{text}") or self.table.get(text) or text

    def key(self, word: str) -> str | None:
        """The new form of one part of a path, None where it was removed."""
        return self.table.get(f"key:{word}", self.table.get(word, word))

    def paths(self, path: Path) -> list[Path]:
        """The places where the value may stand today; none where the key was removed."""
        where = self.path(path)
        if where is None:
            return []
        for pattern, new in self.globs:
            if fnmatchcase(".".join(path), pattern):
                return [(*where[:-1], name) for name in new.split("|")]
        return [where]

    def path(self, path: Path) -> Path | None:
        """The new form of a path, None where it was removed."""
        if not self.table:
            return path
        for old, new in self.rules:
            for at in range(len(path) - len(old) + 1):
                if path[at : at + len(old)] == old:
                    if new is None:
                        return None
                    before, after = self.path(path[:at]), self.path(path[at + len(old) :])
                    return None if before is None or after is None else (*before, *new.split("."), *after)
        parts = [self.key(part) for part in path]
        return None if None in parts else tuple(part for part in parts if part is not None)


def flatten(value: Any, labels: Sequence[str] = ("name", "id")) -> dict[Path, Leaf | tuple[Leaf, ...]]:
    """Every leaf of a JSON value by its path; a list of leaves is one, as a tuple.

    An item of another list is called by its name or id where all items have different ones, else by its number; the
    length of such a numbered list is a leaf of its own.
    """
    found: dict[Path, Leaf | tuple[Leaf, ...]] = {}

    def visit(path: Path, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                visit((*path, str(key)), item)
        elif not isinstance(value, list):
            found[path] = value
        elif not any(isinstance(item, dict | list) for item in value):
            found[path] = tuple(value)
        else:
            names = _names(value, labels)
            if names is None:
                found[*path, LENGTH] = len(value)
                names = [str(number) for number in range(len(value))]
            for name, item in zip(names, value, strict=True):
                visit((*path, name), item)

    visit((), value)
    return found


def _names(items: Sequence[Any], labels: Sequence[str]) -> list[str] | None:
    for label in labels:
        names = [str(item.get(label)) for item in items if isinstance(item, Mapping) and label in item]
        if items and len(set(names)) == len(items):
            return names
    return None


def differences(
    case: str,
    old: Any,
    new: Any,
    *,
    names: Mapping[str, str | None],
    changed: Iterable[Mapping[str, str]] = (),
    prose: Iterable[str] = (),
    echoed: Iterable[str] = (),
) -> list[str]:
    """Return the differences, one sentence each, with the path in old names; keys of the new output alone do not count.

    Args:
        case: the name of the golden, for the paths of ``changed``.
        old: the golden, as it was written.
        new: what the code gives today.
        names: the table of renames.
        changed: values that may differ.
        prose: old keys under which strings are not compared, or patterns of paths as ``changed`` has them.
        echoed: old keys under which numbers alone are compared.
    """
    table, prose, echoed = Names(names), set(prose), set(echoed)
    allowed = [entry["path"] for entry in changed]
    there, found = flatten(new, [table.key(label) or label for label in ("name", "id")]), []
    for place, given in flatten(old).items():
        places = table.paths(place)
        if not places or (isinstance(given, tuple) and any(_same(given, there.get(where)) for where in places)):
            continue
        fitting = [w for w in places if not isinstance(given, tuple | str) and w in there and _equals(given, there[w])]
        where = (fitting or places)[0]
        for rest, leaf in _spread(given):
            path = (*place, *rest)
            shown = f"{case}:{'.'.join(path)}"
            number = isinstance(leaf, int | float) and not isinstance(leaf, bool)
            written = isinstance(leaf, str) and (prose & set(path) or any(fnmatchcase(shown, rule) for rule in prose))
            if written or (not number and echoed & set(path)) or any(fnmatchcase(shown, rule) for rule in allowed):
                continue
            today = dict(_spread(there[where])) if where in there else {}
            if rest not in today:
                found.append(f"{shown} is missing, looked for at {'.'.join((*where, *rest))}")
            elif not equal(table.value(leaf) if isinstance(leaf, str) else leaf, today[rest]):
                found.append(f"{shown} was {leaf!r} and is {today[rest]!r}")
    return found


def _same(old: tuple[Leaf, ...], new: Leaf | tuple[Leaf, ...]) -> bool:
    """Return True if two lists are equal to the last bit, types included."""
    return old == new and isinstance(new, tuple) and [*map(type, old)] == [*map(type, new)]


def _equals(old: Leaf, new: Leaf | tuple[Leaf, ...]) -> bool:
    """Return True if a leaf is the same today."""
    return not isinstance(new, tuple) and equal(old, new)


def _spread(value: Leaf | tuple[Leaf, ...]) -> Iterator[tuple[Path, Leaf]]:
    """A leaf, or the leaves of a list and its length, by the rest of their path."""
    if not isinstance(value, tuple):
        yield (), value
        return
    yield (LENGTH,), len(value)
    for number, leaf in enumerate(value):
        yield (str(number),), leaf


def equal(old: Leaf, new: Leaf) -> bool:
    """Return True if two leaves are the same: floats up to their tolerance, all else exactly."""
    if isinstance(old, bool) or isinstance(new, bool) or not isinstance(old, int | float):
        return type(old) is type(new) and old == new
    if not isinstance(new, int | float):
        return False
    if isinstance(old, int) and isinstance(new, int):
        return old == new
    return math.isclose(old, new, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def message(found: Sequence[str]) -> str:
    """The first differences, for a failed test."""
    rest = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([f"{len(found)} differences from the golden:", *found[:SHOWN], *rest])


def table_faults(names: Mapping[str, str | None], changed: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the faults of the two tables: an entry without a reason, or a removed key without one."""
    faults = [f"changed.json: {entry} needs a path and a reason" for entry in changed if not _complete(entry)]
    reasons = {entry.get("path") for entry in changed}
    removed = [key for key, name in names.items() if name is None and key not in reasons]
    return faults + [f"names.json: {key} is removed, and changed.json does not say why" for key in removed]


def _complete(entry: Mapping[str, str]) -> bool:
    return set(entry) == {"path", "why"} and all(isinstance(text, str) and text.strip() for text in entry.values())
