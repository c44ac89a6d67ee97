"""Groups of equal answers of one question, which grow answer by answer.

Decides which pairs must be compared and compares none itself (sans-IO): `tts.answers.merge` asks a function, a live run
asks without blocking its event loop, and both form the same groups.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

Pair = tuple[str, str]
Comparing = Generator[list[Pair], list[bool], bool]
"""Yields pairs in sorted order, takes whether each is equal, and returns whether groups of earlier answers joined."""


class AnswerGroups:
    """The transitive closure of an equality over the answers seen so far; a group is named by its first answer.

    The groups do not depend on the order of the answers. k distinct answers take at most k (k - 1) / 2 comparisons: a
    new answer is compared with the members of each group until one is equal.
    """

    def __init__(self) -> None:
        """Start without an answer."""
        self._place: dict[str, int] = {}
        self._members: dict[str, list[str]] = {}
        self._first: dict[str, str] = {}

    def add(self, answer: str) -> Comparing:
        """Add an answer: a generator of the pairs to compare.

        Args:
            answer: a canonical text.
        """
        if answer in self._first:
            return False
        equal_groups: list[list[str]] = []
        waiting, depth = list(self._members.values()), 0
        while waiting:
            asked = [group[depth] for group in waiting]
            equal = yield [(min(answer, other), max(answer, other)) for other in asked]
            equal_groups += [group for group, same in zip(waiting, equal, strict=True) if same]
            depth += 1
            waiting = [g for g, same in zip(waiting, equal, strict=True) if not same and len(g) > depth]
        self._place[answer] = len(self._place)
        for group in equal_groups:
            del self._members[group[0]]
        members = sorted([answer, *(one for group in equal_groups for one in group)], key=self._place.__getitem__)
        self._members[members[0]] = members
        self._first.update(dict.fromkeys(members, members[0]))
        return len(equal_groups) > 1

    def first(self, answer: str) -> str:
        """Return the first answer of the group of an answer; of a new answer, itself."""
        return self._first.get(answer, answer)

    def members(self, answer: str) -> tuple[str, ...]:
        """Return the answers that are equal to an answer, in the order in which they were added, itself included."""
        return tuple(self._members.get(self.first(answer), (answer,)))

    def __contains__(self, answer: object) -> bool:
        """Return whether an answer was added."""
        return answer in self._first


def settle(comparing: Comparing, equal: Callable[[str, str], bool]) -> bool:
    """Compare all pairs that a generator asks for by a function, and return its result.

    Args:
        comparing: as :meth:`AnswerGroups.add` returns it.
        equal: a pairwise check.
    """
    try:
        pairs = next(comparing)
        while True:
            pairs = comparing.send([equal(*pair) for pair in pairs])
    except StopIteration as stop:
        return bool(stop.value)
