"""All scenes of stories, and the asides that have nothing to do with them."""

from __future__ import annotations

from dataclasses import dataclass

from word_problems.scenes import amounts, change, compare, days, groups, measures, money, parts, rates, tables
from word_problems.scenes.scene import Scene

_FILES = (change, parts, groups, days, money, compare, measures, tables, rates, amounts)
SCENES: tuple[Scene, ...] = tuple(scene for file in _FILES for scene in file.SCENES)


@dataclass(frozen=True, slots=True)
class Aside:
    """A sentence that no question is about.

    Attributes:
        text: the sentence, with its number as ``{aside}``.
        tag: its subject; scenes that are about the same avoid it.
        range: the numbers that fit, the last one excluded.
    """

    text: str
    tag: str
    range: tuple[int, int]


DISTRACTORS = (
    Aside("{he} is {aside} years old", "age", (7, 60)),
    Aside("{his} brother is {aside} years old", "age", (2, 30)),
    Aside("{he} lives {aside} miles from the {place}", "distance", (2, 30)),
    Aside("{his} school is {aside} blocks from {his} home", "distance", (2, 20)),
    Aside("{he} also has {aside} {ws}", "object", (2, 99)),
    Aside("{B} has {aside} {ws}", "object", (2, 99)),
    Aside("there are {aside} {ws} in {his} room", "object", (2, 60)),
    Aside("{he} lent {B} {aside} {ws}", "object", (2, 20)),
    Aside("{C} has {aside} {xs}", "same", (2, 99)),
    Aside("{his} friend {C} has {aside} {xs}", "same", (2, 99)),
    Aside("{C} {gained} {aside} {xs} last month", "same", (2, 60)),
    Aside("{C} would like to have {aside} {xs}", "same", (2, 60)),
    Aside("a bag of {ws} costs {aside$}", "money", (2, 30)),
    Aside("{he} paid {aside$} for a cup of tea and a cake", "money", (4, 20)),
    Aside("{he} woke up at {aside} that day", "time", (5, 11)),
    Aside("it took {him} {aside} minutes to get there", "time", (5, 60)),
    Aside("it was {aside} degrees warm outside", "weather", (50, 90)),
    Aside("there are {aside} children in {his} class", "people", (12, 35)),
    Aside("{he} has {aside} cousins", "people", (2, 20)),
    Aside("{he} watched TV for {aside} minutes in the evening", "time", (10, 90)),
    Aside("it rained on {aside} days of that month", "weather", (2, 20)),
)
