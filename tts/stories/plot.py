"""How a story comes about: facts are told, each changes a number, and the solution is written along."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tts.stories import phrases as say
from tts.stories.story import Story

MOST, MOST_WIDE = 100, 300
"""No number of a solution is larger; the second holds where numbers are ``wide``."""


class Impossible(Exception):  # noqa: N818 - not an error: the plot is dropped and another is made up
    """The numbers do not come out: too large, not whole, or not positive."""


@dataclass(slots=True)
class Plot:
    """A story in the making: what was told, what was computed, and the number that the next event changes."""

    rng: random.Random
    wide: bool = False
    p: str = field(init=False)
    q: str = field(init=False)
    r: str = field(init=False)
    thing: str = field(init=False)
    words: dict[str, str] = field(init=False)
    facts: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)  # facts that may stand anywhere before the question
    asks: str = ""
    equations: list[tuple[str, str, str, int]] = field(default_factory=list)  # equation, what, unit, result
    traps: list[str] = field(default_factory=list)
    x: int = 0
    parted: bool = False

    def __post_init__(self) -> None:
        """Choose who and what it is about."""
        self.p, self.q, self.r = self.rng.sample(say.PEOPLE, 3)
        self.thing, other = self.rng.sample(say.THINGS, 2)
        box, boxes = self.rng.choice(say.BOXES)
        self.words = {"p": self.p, "q": self.q, "t": self.thing, "o": other, "box": box, "boxes": boxes}

    def phrase(self, among: tuple[str, ...], **more: object) -> str:
        """One of several phrasings, filled in."""
        return self.rng.choice(among).format(**{**self.words, **more})

    def compute(self, among: tuple[str, ...], a: int, b: int, c: int, what: str, unit: str = "") -> int:
        """Write one step of the solution and return its result."""
        if not 0 < c <= (MOST_WIDE if self.wide else MOST):
            raise Impossible
        if among in (say.ADD, say.MULTIPLY) and self.rng.random() < 0.3:
            a, b = b, a
        self.equations.append((self.rng.choice(among).format(a=a, b=b, c=c), what, unit or self.thing, c))
        return c

    def plus(self, a: int, b: int, what: str) -> int:
        """A step that adds."""
        return self.compute(say.ADD, a, b, a + b, what)

    def minus(self, a: int, b: int, what: str) -> int:
        """A step that subtracts."""
        return self.compute(say.SUBTRACT, a, b, a - b, what)

    def times(self, a: int, b: int, what: str, unit: str = "") -> int:
        """A step that multiplies."""
        return self.compute(say.MULTIPLY, a, b, a * b, what, unit)

    def over(self, a: int, b: int, what: str, unit: str = "") -> int:
        """A step that divides without a remainder."""
        if a % b:
            raise Impossible
        return self.compute(say.DIVIDE, a, b, a // b, what, unit)

    def upto(self, most: int, most_wide: int) -> int:
        """A number from 2 to ``most``, or where numbers are wide to ``most_wide``."""
        return self.rng.randint(2, most_wide if self.wide else most)

    def small(self) -> int:
        """A number that is easy to multiply by."""
        return self.upto(6, 9)

    def medium(self) -> int:
        """A number of one or two digits."""
        if not self.wide:
            return self.rng.randint(2, 20) if self.rng.random() < 0.7 else self.rng.randint(10, 40)
        return self.rng.randint(3, 30) if self.rng.random() < 0.7 else self.rng.randint(10, 80)

    def owned(self, name: str) -> str:
        """What a person has, as a noun phrase."""
        return self.rng.choice(
            (f"the number of {self.thing} of {name}", f"what {name} has", f"the {self.thing} of {name}")
        )

    def begin(self) -> None:
        """Tell the facts that the first number follows from."""
        start = self.rng.choice(
            (self._has, self._has, self._packed, self._units, self._coloured, self._compared, self._compared)
        )
        start()

    def _has(self) -> None:
        self.x = self.medium()
        self.facts.append(self.phrase(say.HAS, a=self.x))

    def _packed(self) -> None:
        a, b = self.small(), self.upto(8, 12)
        told = self.rng.choice((say.PACKED, say.PACKED, say.RATE))
        self.facts.append(self.phrase(told, a=a, b=b))
        self.x = self.times(a, b, self.owned(self.p))

    def _units(self) -> None:
        self.traps.append("unit")
        if self.rng.random() < 0.5:
            a = self.upto(6, 12)
            self.facts.append(self.phrase(say.DOZEN, a=a))
            self.x = self.times(a, 12, self.owned(self.p))
            return
        a, b = self.small(), self.upto(3, 5)
        self.facts.append(self.phrase(say.WEEKS, a=a, b=b))
        days = self.times(b, 7, "the number of days", "days")
        self.x = self.times(days, a, self.owned(self.p))

    def _coloured(self) -> None:
        u, v = self.rng.sample(say.COLOURS, 2)
        a, b = self.medium(), self.medium()
        self.facts.append(self.phrase(say.COLOURED, a=a, b=b, u=u, v=v))
        self.x = self.plus(a, b, self.owned(self.p))

    def _compared(self) -> None:
        a = self.medium()
        told = [self.phrase(say.OTHER, a=a)]
        self.x = self._comparison(a, told)
        self.facts += told if self.rng.random() < 0.6 else told[::-1]

    def _comparison(self, a: int, told: list[str]) -> int:
        """Tell how p compares with q, who has ``a``, and compute what p has."""
        k, factor = self.upto(15, 30), self.rng.choice((2, 2, 3, 4, 5))
        way, what = self.rng.randrange(4), self.owned(self.p)
        if way == 0:
            told.append(self.phrase(say.MORE, k=k))
            result = self.plus(a, k, what)
        elif way == 1:
            told.append(self.phrase(say.FEWER, k=k))
            result = self.minus(a, k, what)
        else:
            among, step = ((say.TIMES_AS_MANY, self.times), (say.PART_AS_MANY, self.over))[way - 2]
            told.append(self.phrase(among, times=self.rng.choice(say.TIMES[factor])))
            result = step(a, factor, what)
        if way == 3 or told[-1].startswith(self.q):
            self.traps.append("inverted")
        return result

    def go_on(self, room: int) -> None:
        """Let something happen that takes at most ``room`` steps."""
        events: list[Callable[[], None]] = [self._gain, self._loss, self._loss, self._grow]
        if room > 1:
            events += [self._gain_packed, self._loss_packed, self._give_part, self._give_part, self._give_part]
        self.rng.choice(events)()

    def _gain(self) -> None:
        k = self.medium()
        self.facts.append(self.phrase(say.GAIN, k=k))
        self.x = self.plus(self.x, k, self.owned(self.p))
        self.parted = False

    def _loss(self) -> None:
        k = self.rng.randint(1, min(self.x, 60 if self.wide else 30))
        self.facts.append(self.phrase(say.LOSS, k=k))
        self.x = self.minus(self.x, k, self._left())
        self.parted = True

    def _grow(self) -> None:
        factor = self.rng.choice((2, 2, 3))
        self.facts.append(self.phrase(say.GROW, times=self.rng.choice(say.TIMES[factor])))
        self.x = self.times(self.x, factor, self.owned(self.p))
        self.parted = False

    def _gain_packed(self) -> None:
        a, b = self.small(), self.upto(6, 12)
        self.facts.append(self.phrase(say.GAIN_PACKED, a=a, b=b))
        more = self.times(a, b, f"the number of new {self.thing}")
        self.x = self.plus(self.x, more, self.owned(self.p))
        self.parted = False

    def _loss_packed(self) -> None:
        a, b = self.small(), self.upto(6, 9)
        self.facts.append(self.phrase(say.LOSS_PACKED, a=a, b=b))
        gone = self.times(a, b, f"the number of {self.thing} that are gone")
        self.x = self.minus(self.x, gone, self._left())

    def _give_part(self) -> None:
        fitting = [d for d in say.PARTS if self.x % d == 0]
        if not fitting:
            raise Impossible
        d = self.rng.choice(fitting)
        rest = self.parted and self.rng.random() < 0.75
        if rest:
            self.traps.append("rest")
        told = say.GIVE_PART_OF_REST if rest else say.GIVE_PART
        self.parted = True
        self.facts.append(self.phrase(told, part=self.rng.choice(say.PARTS[d])))
        gone = self.over(self.x, d, f"the number of {self.thing} that are gone")
        self.x = self.minus(self.x, gone, self._left())

    def _left(self) -> str:
        return self.rng.choice((f"what {self.p} has left", f"the number of {self.thing} left", "what is left"))

    def end(self, room: int) -> None:
        """Ask, in exactly ``room`` more steps."""
        if room == 0:
            self.asks = self.phrase(say.ASK_NOW)
        elif room == 1:
            self.rng.choice((self._together, self._more, self._share, self._pack, self._price))()
        elif room == 2:
            self.rng.choice((self._profit, self._compared_together, self._compared_together))()
        else:
            raise Impossible

    def _together(self) -> None:
        b = self.medium()
        self.apart.append(self.phrase(say.OTHER, q=self.r, a=b))
        self.asks = self.phrase(say.ASK_TOGETHER, q=self.r)
        self.plus(self.x, b, "the total")

    def _more(self) -> None:
        b = self.rng.randint(1, min(self.x, 60 if self.wide else 30))
        self.apart.append(self.phrase(say.OTHER, q=self.r, a=b))
        self.asks = self.phrase(say.ASK_MORE, q=self.r)
        self.minus(self.x, b, "the difference")

    def _share(self) -> None:
        fitting = [d for d in range(2, 10) if self.x % d == 0]
        if not fitting:
            raise Impossible
        k = self.rng.choice(fitting)
        self.asks = self.phrase(say.ASK_SHARE, k=k)
        self.over(self.x, k, "the share of each")

    def _pack(self) -> None:
        fitting = [d for d in range(2, 13) if self.x % d == 0]
        if not fitting:
            raise Impossible
        k = self.rng.choice(fitting)
        self.asks = self.phrase(say.ASK_PACK, k=k)
        self.over(self.x, k, f"the number of {self.words['boxes']}", self.words["boxes"])

    def _price(self) -> None:
        k = self.small()
        self.asks = self.phrase(say.ASK_PRICE, k=k)
        self.times(self.x, k, "the money", "dollars")

    def _profit(self) -> None:
        k, a = self.small(), self.medium()
        self.asks = self.phrase(say.ASK_PROFIT, k=k, a=a)
        money = self.times(self.x, k, "the money", "dollars")
        self.compute(say.SUBTRACT, money, a, money - a, "the money left", "dollars")

    def _compared_together(self) -> None:
        """Another one is compared with p at the end; where the sentence is about p, it is to be inverted."""
        k = self.upto(15, 30)
        way, what = self.rng.randrange(2), self.owned(self.r)
        told = self.phrase((say.FEWER, say.MORE)[way], q=self.r, k=k)
        self.facts.append("In the end " + told.replace("Compared", "compared"))
        other = self.plus(self.x, k, what) if way == 0 else self.minus(self.x, k, what)
        if told.startswith(self.p):
            self.traps.append("inverted")
        self.asks = self.phrase(say.ASK_TOGETHER, q=self.r)
        self.plus(self.x, other, "the total")

    def story(self) -> Story:
        """Tell it: facts, filler and numbers of no use in some order, then what is asked."""
        useless: list[int] = []
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            useless.append(self.rng.randint(2, 60))
            self.apart.append(self.phrase(say.DISTRACTORS, k=useless[-1]))
            self.traps.append("distractor")
        if self.rng.random() < 0.3:
            self.apart.append(self.phrase(say.FILLERS))
        told = list(self.facts)
        for fact in self.apart:
            told.insert(self.rng.randint(0, len(told)), fact)
        told.append(self.asks)
        question = " ".join(told)
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
