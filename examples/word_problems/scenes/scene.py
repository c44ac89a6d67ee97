"""Scenes: small systems of quantities, with the sentences that tell each and the questions that ask for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SLOT = re.compile(r"\{(\w+)([$#]?)(?:\|([^}]*))?\}")
"""A quantity or a word; ``$`` writes money, ``#`` a multiple, and what follows ``|`` stands for an untold number."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Quantities with their relations and wordings.

    Attributes:
        name: of the scene.
        relations: (a, sign, b, c) for ``a + b = c`` or ``a * b = c``.
        draws: the quantities that are drawn, with the range of each; a number is a constant that no slot writes.
        lines: the sentences in the order of the events, each as its alternatives.
        asks: by quantity, the questions that ask for it.
        kinds: the kinds of things that fit; any if empty.
        avoid: the tags of asides that could be mistaken for a part of the scene.
        shuffled: the sentences can stand in any order.
    """

    name: str
    relations: tuple[tuple[str, str, str, str], ...]
    draws: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, ...], ...]
    asks: Mapping[str, tuple[str, ...]]
    kinds: tuple[str, ...]
    avoid: frozenset[str]
    shuffled: bool

    @property
    def quantities(self) -> frozenset[str]:
        """The names of all quantities."""
        return frozenset(name for a, _, b, c in self.relations for name in (a, b, c))

    @property
    def constants(self) -> frozenset[str]:
        """The quantities that are always known, such as the 7 days of a week."""
        return frozenset(name for name, kind in self.draws if kind.isdigit())

    @property
    def tellable(self) -> frozenset[str]:
        """The quantities that a sentence tells."""
        return frozenset(name for line in self.lines for text in line for name in slots(text)) & self.quantities

    def tells(self, name: str) -> bool:
        """Return if a sentence has a slot of a name."""
        return any(name in slots(text) for line in self.lines for text in line)


def slots(text: str) -> frozenset[str]:
    """Return the names of all slots of a sentence."""
    return frozenset(found[1] for found in SLOT.finditer(text))


def required(text: str) -> frozenset[str]:
    """Return the names of the slots of a sentence that have no words for an untold number."""
    return frozenset(found[1] for found in SLOT.finditer(text) if found[3] is None)


def scene(
    name: str,
    relations: str,
    draws: str,
    lines: Sequence[Sequence[str]],
    asks: Mapping[str, Sequence[str]],
    *,
    kinds: str = "",
    avoid: str = "",
    shuffled: bool = False,
) -> Scene:
    """Return a scene from relations such as ``had+got=now`` and draws such as ``had:n got:n``.

    Raises:
        ValueError: a question, a sentence or a relation is malformed.
    """
    found = [re.fullmatch(r"(\w+)([+*])(\w+)=(\w+)", text) for text in relations.split()]
    parts = tuple((m[1], m[2], m[3], m[4]) for m in found if m)
    drawn = tuple((a, b) for a, _, b in (text.partition(":") for text in draws.split()))
    strings = any(isinstance(part, str) for part in (*lines, *asks.values()))
    if strings or len(parts) < len(found) or not set(asks) <= {n for a, _, b, c in parts for n in (a, b, c)}:
        raise ValueError(f"scene {name}: its relations, sentences or questions are malformed")
    return Scene(
        name,
        parts,
        drawn,
        tuple(tuple(line) for line in lines),
        {quantity: tuple(texts) for quantity, texts in asks.items()},
        tuple(kinds.split()),
        frozenset(avoid.split()),
        shuffled,
    )
