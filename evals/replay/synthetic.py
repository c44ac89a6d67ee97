"""A synthetic pool: simulated answers, confidences and token counts, for demonstrations and tests without any data.

No language model is involved, so its numbers describe none. Questions differ in difficulty; wrong answers are partly
systematic (a favourite distractor), so that a few majorities are wrong; confidences are informative but not sharp;
wrong samples are longer, and their top-k confidences dip deeper. The probability of a watched token moves step by step
to the confidence that a sample ends with. Each answer has several wordings, the n-th of them with probability 2^-n.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.special import expit

from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.types import Problem, Sample, Trace, Usage

WATCHED = 0
"""The watched token."""
STEP = 12
"""Tokens in a step."""
_UNREADABLE = 0.04
"""Share of the wrong samples that have no answer."""


def synthetic_pool(*, questions: int = 300, samples: int = 16, seed: int = 0) -> Pool:
    """Simulate a pool.

    Args:
        questions: the number of questions, >= 1.
        samples: draws a question, >= 1.
        seed: the same seed gives the same pool, >= 0.

    Raises:
        InputError: a count below one, or a negative seed.
    """
    if questions < 1 or samples < 1:
        raise InputError(f"a synthetic pool needs at least 1 question and 1 sample, got {questions} and {samples}")
    if seed < 0:
        raise InputError(f"seed must be at least 0, got {seed}")
    rng, tops, walks, wordings = (np.random.default_rng(key) for key in (seed, [seed, 1], [seed, 2], [seed, 3]))
    entries = []
    for q in range(questions):
        gold = int(rng.integers(2, 500))
        skill = rng.beta(1.6, 0.9)  # P(one draw is right): mean .64, from hopeless to certain
        favourite = rng.beta(1.5, 1.0)  # share of the wrong draws that fall for the same trap
        trap, drawn, grades = gold + int(rng.integers(1, 9)), [], []
        for i in range(samples):
            right = bool(rng.random() < skill)
            wrong = trap if rng.random() < favourite else gold + int(rng.integers(9, 30))
            unparsed = not right and rng.random() < _UNREADABLE
            # The logit of the confidence: the question's difficulty, what this draw's own slips give away, and noise.
            logit = 0.7 * np.log(skill / (1.0 - skill)) + (0.35 if right else -0.35) + rng.normal(0.0, 0.9)
            tokens = int(rng.lognormal(4.6 if right else 4.8, 0.3))
            watched, steps = _running(walks, tokens, logit)
            wording = int(wordings.geometric(0.5))
            mass = 0.5**wording * (
                skill
                if right
                else (1.0 - skill)
                * (favourite if wrong == trap else (1.0 - favourite) / 21)
                * (_UNREADABLE if unparsed else 1.0 - _UNREADABLE)
            )
            drawn.append(
                Sample(
                    text=f"Wording {wording} of {'no answer near ' if unparsed else ''}{gold if right else wrong}.",
                    answer=None if unparsed else str(gold if right else wrong),
                    confidence=round(float(expit(logit)), 4),
                    index=i,
                    trace=Trace(
                        watched={WATCHED: watched},
                        top=_top(tops, tokens, right),
                        steps=steps,
                        processed=(round(float(np.log(mass)) / tokens, 7),) * tokens,
                    ),
                    usage=Usage(delivered=tokens),
                )
            )
            grades.append(right)
        problem = Problem(f"synthetic-{q}", f"Synthetic question {q}.", str(gold), "synthetic")
        entries.append(Entry(problem, tuple(drawn), tuple(grades), {"model": "simulated"}))
    name = f"synthetic-{questions}x{samples}-seed{seed}"
    return Pool(name, hashlib.sha256(name.encode()).hexdigest(), tuple(entries))


def _top(rng: np.random.Generator, tokens: int, right: bool) -> tuple[float, ...]:
    """Return confidences around 12 nats with one dip, on average deeper in a wrong sample."""
    values = rng.gamma(36.0, 1.0 / 3.0, size=tokens)
    at = int(rng.integers(tokens)) if tokens else 0
    values[at : at + 24] -= max(0.0, rng.normal(3.0 if right else 3.8, 1.5))
    return tuple(np.maximum(values, 1.0).round(2).tolist())


def _running(rng: np.random.Generator, tokens: int, logit: float) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """Return P(watched token) of each token, constant within a step, and True for the tokens that end a step.

    Its logit rises linearly from 0 to ``logit``, with noise that is 0 at the end.
    """
    at = np.arange(1, tokens + 1)
    ends = (at % STEP == 0) | (at == tokens)
    done = np.minimum((at + STEP - 1) // STEP * STEP, tokens) / max(tokens, 1)
    noise = np.repeat(rng.normal(0.0, 1.0, size=tokens // STEP + 1), STEP)[:tokens]
    values = expit(logit * done + noise * np.sqrt(done * (1.0 - done)))
    return tuple(values.round(4).tolist()), tuple(ends.tolist())
