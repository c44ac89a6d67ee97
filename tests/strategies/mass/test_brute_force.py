"""Brute force on small distributions: a certificate is never wrong, and comes at the first draw that can give it."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.catalog import CATALOG
from tests.strategies.mass.cases import play, text, truncated

DRAWS = 24


def worst_case(masses: dict[str, float], unseen: float) -> bool:
    """Return whether some text that is unseen could make another answer as probable as the leading one."""
    if not masses:
        return True
    lead = max(masses, key=lambda answer: masses[answer])
    rivals = {**{answer: mass for answer, mass in masses.items() if answer != lead}, "never seen": 0.0}
    return any(mass + unseen >= masses[lead] for mass in rivals.values())


def test_in_2000_random_distributions_a_certified_answer_is_the_mode_and_none_is_certified_late() -> None:
    rng = np.random.default_rng(28)
    certified = right_by_mass = 0
    for _ in range(2000):
        count = int(rng.integers(1, 9))
        probabilities = rng.dirichlet(np.full(count, rng.choice([0.1, 0.5, 2.0]))).clip(1e-12)
        probabilities /= probabilities.sum()
        answers = [None if a == 0 else f"answer {a}" for a in rng.integers(0, 4, count)]
        cut = rng.random(count) < 0.1  # texts over the token limit: drawn with their probability, which is not known
        true: dict[str, float] = {}
        for answer, p, gone in zip(answers, probabilities.tolist(), cut, strict=True):
            if answer is not None and not gone:
                true[answer] = true.get(answer, 0.0) + p
        drawn = rng.choice(count, size=DRAWS, p=probabilities)

        def sample(k: Any, answers: Any = answers, cut: Any = cut, p: Any = probabilities) -> Any:
            return truncated(int(k), float(p[k])) if cut[k] else text(int(k), answers[k], float(p[k]))

        samples = [sample(k) for k in drawn]
        decision = play(CATALOG["mass_certificate"].build(DRAWS), samples)
        used = len(decision.samples)
        for n in range(1, DRAWS + 1 if decision.reason == "budget" else used + 1):
            seen = {int(k) for k in drawn[:n]} - set(np.flatnonzero(cut).tolist())
            masses: dict[str, float] = {}
            for k in seen:
                if (answer := answers[k]) is not None:
                    masses[answer] = masses.get(answer, 0.0) + probabilities[k]
            fires = not worst_case(masses, 1.0 - sum(probabilities[k] for k in seen))
            assert fires == (decision.reason == "mass_certificate" and n == used)
        if decision.certified:
            certified += 1
            assert decision.answer == max(true, key=lambda answer: true[answer])
        assert decision.certified == (decision.reason == "mass_certificate") or not decision.masses
        whole = play(CATALOG["perplexity_consistency"].build(count), [sample(k) for k in rng.permutation(count)])
        if true:
            assert whole.answer == max(true, key=lambda answer: true[answer]), "every text is seen"
            right_by_mass += 1
    assert certified > 1000 and right_by_mass > 1500
