"""Grade-school word problems of 2 to 8 steps, made up from a seed, each with a worked solution.

A story has a chain of facts (a start, things that happen, an ending that asks), optional filler, facts told out of
order, and traps: numbers of no use, comparisons that must be inverted ("Q has 3 more than P"), fractions "of the rest",
unit changes (dozens, weeks, percent). Every fact and every step has several phrasings, so that what a model writes
varies for reasons that have nothing to do with being right.

Splits are disjoint by construction: the numbers of a question, sorted, are hashed, and the hash decides the split.

    for story in stories("test", seed=1): ...
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from tts.stories.plot import Impossible, Plot
from tts.stories.story import Split, Story

STEPS = {2: 24, 3: 24, 4: 18, 5: 13, 6: 10, 7: 7, 8: 4}
"""Relative frequency of each length."""
STEPS_WIDE = {2: 14, 3: 20, 4: 20, 5: 17, 6: 13, 7: 10, 8: 6}
"""The same where numbers are wide."""


def stories(split: Split, seed: int = 0, *, longest: int = max(STEPS), wide: bool = False) -> Iterator[Story]:
    """Make up stories of a split without end: the same seed tells the same ones.

    Args:
        split: train, calibration or test.
        seed: decides everything.
        longest: the most steps of a story; fewer make an easier start for a model that learns.
        wide: whether numbers run to 300 instead of 100, which only training does.

    Source:
        None: this task is the project's own, in the style of GSM8K (Cobbe et al. 2021, arXiv 2110.14168).
    """
    rng = random.Random(f"{split} {seed}")
    told: set[str] = set()
    while True:
        story = tell(rng, longest, wide=wide)
        if story is None or story.split != split:
            continue
        if split != "train":  # the training stream may meet a story twice, a test must not
            if story.question in told:
                continue
            told.add(story.question)
        yield story


def take(split: Split, n: int, seed: int = 0) -> list[Story]:
    """The first ``n`` stories of a split."""
    return list(islice(stories(split, seed), n))


def tell(rng: random.Random, longest: int = max(STEPS), *, wide: bool = False) -> Story | None:
    """Try to make up one story; None where its numbers did not come out."""
    frequency = STEPS_WIDE if wide else STEPS
    lengths = [n for n in frequency if n <= longest]
    steps = rng.choices(lengths, [frequency[n] for n in lengths])[0]
    plot = Plot(rng, wide)
    try:
        plot.begin()
        last = rng.choice((0, 1, 1, 1, 2, 2))
        while len(plot.equations) < steps - last:
            plot.go_on(steps - last - len(plot.equations))
        plot.end(steps - len(plot.equations))
    except Impossible:
        return None
    if len(plot.equations) != steps:
        return None
    return plot.story()
