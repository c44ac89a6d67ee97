"""Groups of equal answers grow one by one and are the transitive closure, whatever the order."""

from __future__ import annotations

from itertools import combinations, permutations

from tts.answers import merge
from tts.answers.meaning.groups import AnswerGroups, settle

CHAIN = {("a", "c"), ("b", "c")}


def test_a_later_answer_joins_two_groups_and_says_so() -> None:
    groups, asked = AnswerGroups(), []

    def equal(a: str, b: str) -> bool:
        asked.append((a, b))
        return (a, b) in CHAIN

    assert [settle(groups.add(answer), equal) for answer in "badc"] == [False, False, False, True]
    assert groups.first("c") == groups.first("a") == "b" and groups.members("a") == ("b", "a", "c")
    assert (groups.first("d"), groups.first("x"), "x" in groups) == ("d", "x", False)
    assert len(asked) == len(set(asked)) <= len([*combinations("badc", 2)])
    before = len(asked)
    assert not settle(groups.add("c"), equal) and len(asked) == before


def test_the_partition_does_not_depend_on_the_order() -> None:
    for order in permutations("abcd"):
        labels = merge(order, kind="text", equal=lambda a, b: (a, b) in CHAIN).labels
        by = dict(zip(order, labels, strict=True))
        assert by["a"] == by["b"] == by["c"] != by["d"]
