"""Equivalent answers of one question become one class, before a vote.

Knows nothing about questions or samples: answers in, class numbers out, in the order given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts.answers.canonical import canonical
from tts.answers.meaning.groups import AnswerGroups, settle


@dataclass(frozen=True, slots=True)
class Merged:
    """The classes of a list of answers, numbered by first appearance.

    Attributes:
        labels: one per answer: its class, or -1 where it could not be read.
        classes: the canonical answer of each class, of the member that appeared first.
        tiers: how each class was formed: "exact" (all members are the same string), "canonical" (they share a canonical
            text) or "pairwise" (``equal`` joined several canonical texts).
    """

    labels: tuple[int, ...]
    classes: tuple[str, ...]
    tiers: tuple[str, ...]


def merge(
    answers: Sequence[str | None], *, kind: str = "auto", equal: Callable[[str, str], bool] | None = None
) -> Merged:
    """The classes of equivalent answers among ``answers`` of one question.

    Tier 1 joins answers with the same ``canonical(answer, kind)``. Tier 2 asks ``equal`` about pairs of distinct
    canonical texts and takes the transitive closure. The partition does not depend on the order of the answers: a pair
    is always asked in sorted order, and a pair already joined is not asked.

    Args:
        answers: n answers; None and what is not of ``kind`` get label -1.
        kind: see `canonical`.
        equal: such as ``MathVerifier.equal``; at most k (k - 1) / 2 calls for k distinct canonical texts.

    Raises:
        InputError: an unknown ``kind``.
    """
    keys = [None if answer is None else canonical(answer, kind) for answer in answers]
    groups = AnswerGroups()
    distinct = list(dict.fromkeys(key for key in keys if key is not None))
    if equal is not None:
        for key in distinct:
            settle(groups.add(key), equal)

    classes = tuple(key for key in distinct if groups.first(key) == key)
    number = {key: i for i, key in enumerate(classes)}
    labels = tuple(-1 if key is None else number[groups.first(key)] for key in keys)

    tiers = []
    for i in range(len(classes)):
        members = [(answer, key) for answer, key, label in zip(answers, keys, labels, strict=True) if label == i]
        one_key, one_string = len({key for _, key in members}) == 1, len({answer for answer, _ in members}) == 1
        tiers.append("exact" if one_string else "canonical" if one_key else "pairwise")
    return Merged(labels, classes, tuple(tiers))
