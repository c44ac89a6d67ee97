"""Stories: word problems drawn from scenes, for the choice of the operation.

A scene is a small system of quantities with the sentences that tell each and the questions that ask for each. A story
tells some of them so that another follows, and in about two of five also quantities that do not matter. The same
sentences thus stand before questions that need different operations.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations

from word_problems.problem import OPERATIONS, Step, WorkedProblem
from word_problems.scenes import DISTRACTORS, SCENES, Scene
from word_problems.telling import Cast, told

IRRELEVANT = 0.43
"""The share of stories in which a quantity that does not matter is wanted."""
_STEPS = {1: 62, 2: 30, 3: 8}
"""The number of steps, in per cent, where a scene has all of them."""
_DRAWS = 400
_MOST = 2000
"""Quantities are smaller than this."""

Operation = tuple[str, str, str, str]
"""The quantity on the left, the operation, the quantity on the right, and the one that results."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to the asked quantity: the quantities that its text must give, none too many, and the operations."""

    asked: str
    told: frozenset[str]
    operations: tuple[Operation, ...]


def story(rng: random.Random) -> WorkedProblem:
    """Return a word problem whose steps are exact, with positive whole results.

    Args:
        rng: decides everything; equal states give equal problems.
    """
    while True:
        if problem := told_scene(rng.choice(SCENES), rng):
            return problem


def told_scene(scene: Scene, rng: random.Random) -> WorkedProblem | None:
    """Return a problem of one scene; None where no sentence fits what was drawn, which happens now and then."""
    wanted = rng.choices(list(_STEPS), list(_STEPS.values()))[0]
    ways = [plan for plan in plans(scene) if len(plan.operations) == wanted]
    if not ways:
        return None
    asked = rng.choice(sorted({plan.asked for plan in ways}))
    plan = rng.choice([plan for plan in ways if plan.asked == asked])
    values = _values(scene, rng)
    if values is None:
        return None
    extra, aside = frozenset[str](), None
    if rng.random() < IRRELEVANT:
        extras = _irrelevant(scene, plan)
        extra = rng.choice(extras) if extras and rng.random() < 0.6 else frozenset()
        if not extra or rng.random() < 0.15:
            avoided = scene.avoid | (frozenset({"same"}) if scene.tells("C") else frozenset())
            fitting = [line for line in DISTRACTORS if line.tag not in avoided]
            line = rng.choice(fitting)
            aside = line.text
            values["aside"] = rng.choice([n for n in range(*line.range) if n not in values.values()])
    cast = Cast.drawn(scene.kinds, rng)
    question = told(scene, plan.asked, plan.told | extra, values, cast, rng, aside=aside)
    if question is None:
        return None
    if rng.random() < 0.25:
        question = question.lower()
    steps = tuple(
        Step(Fraction(values[a]), sign, Fraction(values[b]), Fraction(values[c])) for a, sign, b, c in plan.operations
    )
    return WorkedProblem("story", question, steps)


def _values(scene: Scene, rng: random.Random) -> dict[str, int] | None:
    """Draw the quantities of a scene, all of them different and at least 2."""
    spread = rng.choices([(2, 20), (5, 99), (20, 400)], [45, 42, 13])[0]
    ranges = {"n": spread, "s": (2, 9), "g": (2, 40), "m": (11, 60), "p": (2, 15)}
    for _ in range(_DRAWS):
        values = {name: int(kind) if kind.isdigit() else rng.randint(*ranges[kind]) for name, kind in scene.draws}
        for _ in scene.relations:
            for relation in scene.relations:
                _complete(values, relation)
        least, most = min(values.values()), max(values.values())
        if least >= 2 and most < _MOST and len(set(values.values())) == len(scene.quantities) and _hold(scene, values):
            return values
    return None


def _complete(values: dict[str, int], relation: Operation) -> None:
    """Add the missing quantity of a relation; 0 if it is no whole number."""
    a, sign, b, c = relation
    if a in values and b in values:
        values.setdefault(c, int(OPERATIONS[sign](Fraction(values[a]), Fraction(values[b]))))
    for one, other in ((a, b), (b, a)):
        if c in values and one in values and other not in values:
            rest = values[c] - values[one] if sign == "+" else Fraction(values[c], values[one] or 1)
            values[other] = int(rest) if rest == int(rest) else 0


def _hold(scene: Scene, values: Mapping[str, int]) -> bool:
    return all(
        OPERATIONS[sign](Fraction(values[a]), Fraction(values[b])) == values[c] for a, sign, b, c in scene.relations
    )


@cache
def plans(scene: Scene) -> tuple[Plan, ...]:
    """Return each way to a quantity that the scene asks for, in one to three operations."""
    tellable = sorted(scene.tellable)
    return tuple(
        Plan(asked, known, operations)
        for asked in sorted(scene.asks)
        for known, operations in _ways(scene, asked, [name for name in tellable if name != asked])
    )


def _ways(scene: Scene, asked: str, tellable: list[str]) -> Iterator[tuple[frozenset[str], tuple[Operation, ...]]]:
    """Yield the smallest sets of quantities that an asked one follows from, with the operations."""
    found: list[frozenset[str]] = []
    for size in range(1, 5):
        for chosen in combinations(tellable, size):
            known = frozenset(chosen) | scene.constants
            if any(smaller <= known for smaller in found) or scene.constants & set(chosen):
                continue
            operations = _solved(scene, asked, known)
            if operations is not None:
                found.append(frozenset(chosen))
                if len(operations) <= 3:
                    yield frozenset(chosen), operations


def _solved(scene: Scene, asked: str, known: frozenset[str]) -> tuple[Operation, ...] | None:
    """Return the operations that lead from known quantities to an asked one, without those that do not matter."""
    made: dict[str, Operation] = {}
    while asked not in made:
        have = known | set(made)
        new = [step for relation in scene.relations for step in _uses(relation) if {step[0], step[2]} <= have]
        new = [step for step in new if step[3] not in have]
        if not new:
            return None
        made[new[0][3]] = new[0]
        for step in new[1:]:
            made.setdefault(step[3], step)
    needed, wanted = [], [asked]
    while wanted:
        name = wanted.pop(0)
        if name in made and made[name] not in needed:
            needed.append(made[name])
            wanted += [made[name][0], made[name][2]]
    order = list(made)
    return tuple(sorted(needed, key=lambda step: order.index(step[3])))


def _uses(relation: Operation) -> tuple[Operation, Operation, Operation]:
    a, sign, b, c = relation
    back = {"+": "-", "*": "/"}[sign]
    return (a, sign, b, c), (c, back, a, b), (c, back, b, a)


@cache
def _irrelevant(scene: Scene, plan: Plan) -> tuple[frozenset[str], ...]:
    """Return sets of one or two quantities that the text can give as well without another way to the asked one."""
    others = sorted(scene.tellable - plan.told - scene.constants - {plan.asked})
    rivals = [other.told for other in plans(scene) if other.asked == plan.asked and other.told != plan.told]
    sets = [frozenset(chosen) for size in (1, 2) for chosen in combinations(others, size)]
    return tuple(chosen for chosen in sets if not any(rival <= plan.told | chosen for rival in rivals))


def numbers(question: str) -> Mapping[int, int]:
    """Return how often each whole number stands in a question."""
    found = [int(text) for text in re.findall(r"\d+", question)]
    return {number: found.count(number) for number in found}
