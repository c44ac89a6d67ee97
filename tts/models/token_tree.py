"""A tree of tokens: a prompt and its continuations, each of which shares the tokens with which another begins alike."""

from __future__ import annotations

from collections.abc import Sequence


class TokenTree:
    """Tokens in places; a place's parent stands before it.

    Attributes:
        ids: the token of each place; first the prompt's.
        parents: the place before each in its branch, -1 for the first.
        depths: the position of each in its branch, from 0.
    """

    def __init__(self, prompt: Sequence[int]) -> None:
        """Start with a prompt, of at least one token."""
        self.ids = list(prompt)
        self.parents = list(range(-1, len(prompt) - 1))
        self.depths = list(range(len(prompt)))
        self._root = len(prompt) - 1
        self._children: dict[tuple[int, int], int] = {}

    @property
    def key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The tokens and the parents of all places: trees with equal keys are equal."""
        return tuple(self.ids), tuple(self.parents)

    @property
    def is_path(self) -> bool:
        """True if no place has two children."""
        return self.depths[-1] == len(self.depths) - 1

    def add(self, tokens: Sequence[int]) -> list[int]:
        """Add a continuation of the prompt; return its places, from the prompt's last on, [1 + tokens]."""
        places = [self._root]
        for token in tokens:
            place = self._children.setdefault((places[-1], token), len(self.ids))
            if place == len(self.ids):
                self.ids.append(token)
                self.parents.append(places[-1])
                self.depths.append(self.depths[places[-1]] + 1)
            places.append(place)
        return places
