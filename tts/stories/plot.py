"""The plot of a story in the making: its facts, the steps of its solution, and the finished text."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from tts.stories import phrases as say
from tts.stories.story import Story

MOST, MOST_WIDE = 100, 300
"""The largest number of a solution; the second where numbers are ``wide``."""


class Impossible(Exception):  # noqa: N818 - not an error: the plot is dropped and another is made up
    """The numbers do not work out: too large, not whole, or not positive."""


@dataclass(slots=True)
class Plot:
    """A story in the making.

    Attributes:
        rng: the source of every choice.
        wide: whether numbers run to ``MOST_WIDE``.
        p: the person whose number changes; ``q`` and ``r`` are others.
        thing: the things that are counted.
        words: what the phrases are filled with.
        facts: the facts, in order.
        apart: facts that may stand anywhere before the question.
        asks: the question.
        equations: (equation, quantity, unit, result) of each step of the solution.
        traps: the traps so far, by name.
        x: the number that the next event changes.
        parted: whether a part was given away since the last gain.
    """

    rng: random.Random
    wide: bool = False
    p: str = field(init=False)
    q: str = field(init=False)
    r: str = field(init=False)
    thing: str = field(init=False)
    words: dict[str, str] = field(init=False)
    facts: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    asks: str = ""
    equations: list[tuple[str, str, str, int]] = field(default_factory=list)
    traps: list[str] = field(default_factory=list)
    x: int = 0
    parted: bool = False

    def __post_init__(self) -> None:
        """Choose the people and the things."""
        self.p, self.q, self.r = self.rng.sample(say.PEOPLE, 3)
        self.thing, other = self.rng.sample(say.THINGS, 2)
        box, boxes = self.rng.choice(say.BOXES)
        self.words = {"p": self.p, "q": self.q, "t": self.thing, "o": other, "box": box, "boxes": boxes}

    def phrase(self, among: tuple[str, ...], **more: object) -> str:
        """Return one of several phrasings, filled in."""
        return self.rng.choice(among).format(**{**self.words, **more})

    def compute(self, among: tuple[str, ...], a: int, b: int, c: int, what: str, unit: str = "") -> int:
        """Add one step of the solution and return its result.

        Raises:
            Impossible: the result is not positive or too large.
        """
        if not 0 < c <= (MOST_WIDE if self.wide else MOST):
            raise Impossible
        if among in (say.ADD, say.MULTIPLY) and self.rng.random() < 0.3:
            a, b = b, a
        self.equations.append((self.rng.choice(among).format(a=a, b=b, c=c), what, unit or self.thing, c))
        return c

    def plus(self, a: int, b: int, what: str) -> int:
        """Add in one step and return the result."""
        return self.compute(say.ADD, a, b, a + b, what)

    def minus(self, a: int, b: int, what: str) -> int:
        """Subtract in one step and return the result."""
        return self.compute(say.SUBTRACT, a, b, a - b, what)

    def times(self, a: int, b: int, what: str, unit: str = "") -> int:
        """Multiply in one step and return the result."""
        return self.compute(say.MULTIPLY, a, b, a * b, what, unit)

    def over(self, a: int, b: int, what: str, unit: str = "") -> int:
        """Divide without a remainder in one step and return the result."""
        if a % b:
            raise Impossible
        return self.compute(say.DIVIDE, a, b, a // b, what, unit)

    def upto(self, most: int, most_wide: int) -> int:
        """Return a random number from 2 to ``most``, or to ``most_wide`` where numbers are wide."""
        return self.rng.randint(2, most_wide if self.wide else most)

    def small(self) -> int:
        """Return a random number that is easy to multiply by."""
        return self.upto(6, 9)

    def medium(self) -> int:
        """Return a random number of one or two digits."""
        if not self.wide:
            return self.rng.randint(2, 20) if self.rng.random() < 0.7 else self.rng.randint(10, 40)
        return self.rng.randint(3, 30) if self.rng.random() < 0.7 else self.rng.randint(10, 80)

    def owned(self, name: str) -> str:
        """Return a noun phrase for the things of a person."""
        return self.rng.choice(
            (f"the number of {self.thing} of {name}", f"what {name} has", f"the {self.thing} of {name}")
        )

    def left(self) -> str:
        """Return a noun phrase for what the person has left."""
        return self.rng.choice((f"what {self.p} has left", f"the number of {self.thing} left", "what is left"))

    def story(self) -> Story:
        """Return the story: facts, filler and useless numbers in some order, then the question."""
        useless: list[int] = []
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            useless.append(self.rng.randint(2, 60))
            self.apart.append(self.phrase(say.DISTRACTORS, k=useless[-1]))
            self.traps.append("distractor")
        if self.rng.random() < 0.3:
            self.apart.append(self.phrase(say.FILLERS))
        sentences = list(self.facts)
        for fact in self.apart:
            sentences.insert(self.rng.randint(0, len(sentences)), fact)
        sentences.append(self.asks)
        question = " ".join(sentences)
        numbers = tuple(int(n) for n in re.findall(r"\d+", question))
        return Story(
            question, self._lines(useless), str(self.equations[-1][3]), numbers, tuple(dict.fromkeys(self.traps))
        )

    def _lines(self, useless: list[int]) -> tuple[str, ...]:
        lines = []
        for number, (equation, what, unit, result) in enumerate(self.equations):
            line = self.rng.choice(say.LINES).format(e=equation, what=what, u=unit, c=result)
            parts = [line]
            if number == 0 and self.rng.random() < 0.25:
                parts.insert(0, self.phrase(say.OPENINGS))
            elif number and self.rng.random() < 0.1:
                parts.insert(0, self.rng.choice(say.REMARKS))
            if useless and self.rng.random() < 0.15:
                parts.insert(0, self.rng.choice(say.IGNORES).format(k=self.rng.choice(useless)))
            if number + 1 == len(self.equations) and self.rng.random() < 0.25:
                parts.append(self.rng.choice(say.CLOSINGS).format(c=result))
            lines.append(" ".join(_capitalised(part) for part in parts))
        return tuple(lines)


def _capitalised(text: str) -> str:
    return ". ".join(sentence[:1].upper() + sentence[1:] for sentence in text.split(". "))
