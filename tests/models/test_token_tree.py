"""The tree of a prompt's continuations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tts.models.token_tree import TokenTree

TEXTS = st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=6)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=4), TEXTS)
def test_every_continuation_is_a_path_and_each_beginning_stands_once(prompt: list[int], texts: list[list[int]]) -> None:
    tree = TokenTree(prompt)
    for text in texts:
        places = tree.add(text)
        assert places[0] == len(prompt) - 1 and [tree.ids[place] for place in places[1:]] == text
        assert [tree.parents[place] for place in places[1:]] == places[:-1]
        assert [tree.depths[place] for place in places] == list(range(len(prompt) - 1, len(prompt) + len(text)))
    beginnings = {tuple(text[:end]) for text in texts for end in range(1, len(text) + 1)}
    assert len(tree.ids) == len(tree.parents) == len(tree.depths) == len(prompt) + len(beginnings)
    assert all(parent < place for place, parent in enumerate(tree.parents))
    forks = len(set(tree.parents)) < len(tree.parents)
    assert tree.is_path == (not forks)
