"""Grade-school word problems of 2 to 8 steps, generated from a seed, each with a worked solution.

A story has a chain of facts (a beginning, events, a question), optional filler, facts out of order, and traps: useless
numbers, comparisons that must be inverted ("Q has 3 more than P"), fractions "of the rest", unit changes (dozens,
weeks, percent). Every fact and every step has several phrasings, so that a model's texts vary for reasons that have
nothing to do with correctness.

Splits are disjoint by construction: the numbers of a question, sorted, are hashed, and the hash decides the split.

    for story in stories("test", seed=1): ...
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from tts.stories.events import begin, end, go_on
from tts.stories.plot import Impossible, Plot
from tts.stories.story import Split, Story

STEPS = {2: 24, 3: 24, 4: 18, 5: 13, 6: 10, 7: 7, 8: 4}
"""Relative frequency of each length."""
STEPS_WIDE = {2: 14, 3: 20, 4: 20, 5: 17, 6: 13, 7: 10, 8: 6}
"""The same where numbers are wide."""


def stories(split: Split, seed: int = 0, *, longest: int = max(STEPS), wide: bool = False) -> Iterator[Story]:
    """Yield stories of a split without end; the same seed gives the same stories.

    Args:
        split: train, calibration or test.
        seed: determines every story.
        longest: the most steps of a story; fewer steps make easier stories.
        wide: whether numbers run to 300 instead of 100; only training uses it.

    Source:
        None: this task is the project's own, in the style of GSM8K (Cobbe et al. 2021, arXiv 2110.14168).
    """
    rng = random.Random(f"{split} {seed}")
    seen: set[str] = set()
    while True:
        story = attempt(rng, longest, wide=wide)
        if story is None or story.split != split:
            continue
        if split != "train":  # training may repeat a story, a test must not
            if story.question in seen:
                continue
            seen.add(story.question)
        yield story


def take(split: Split, n: int, seed: int = 0) -> list[Story]:
    """Return the first ``n`` stories of a split."""
    return list(islice(stories(split, seed), n))


def attempt(rng: random.Random, longest: int = max(STEPS), *, wide: bool = False) -> Story | None:
    """Return one story, or None if its numbers do not work out."""
    frequency = STEPS_WIDE if wide else STEPS
    lengths = [n for n in frequency if n <= longest]
    steps = rng.choices(lengths, [frequency[n] for n in lengths])[0]
    plot = Plot(rng, wide)
    try:
        begin(plot)
        last = rng.choice((0, 1, 1, 1, 2, 2))
        while len(plot.equations) < steps - last:
            go_on(plot, steps - last - len(plot.equations))
        end(plot, steps - len(plot.equations))
    except Impossible:
        return None
    if len(plot.equations) != steps:
        return None
    return plot.story()
