"""Trees of responses of which a FineCE scorer can learn which prefixes end well: those that hold a telling token."""

from __future__ import annotations

import numpy as np

from tests.training.cases import TELLING
from tts.training.responses import Response, Split


def trees(count: int, *, seed: int = 0) -> tuple[Response, ...]:
    """Answers are right if they hold a telling token; it stands in a prefix or not at all."""
    rng = np.random.default_rng(seed)
    found = []
    for question in range(count):
        prompt = (1, *rng.integers(30, 60, 4).tolist())
        begins = [tuple(rng.integers(30, 60, 3).tolist()) for _ in range(3)]
        begins = [(*one[:2], TELLING) if rng.random() < 0.5 else one for one in begins]
        for given, begin in ((0, begins[0]), (0, begins[1]), (3, begins[0]), (3, begins[0]), (3, begins[1])):
            ids = (*begin, *rng.integers(30, 60, int(rng.integers(2, 5))).tolist())
            right = TELLING in ids
            found.append(Response(question, prompt, ids, True, right, "1" if right else "2", given=given))
    return tuple(found)


def halves(count: int = 90) -> Split:
    return Split(trees(count), trees(30, seed=1))
