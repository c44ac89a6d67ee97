"""A straightforward Python loop over questions, permutations and samples, for the same rules.

It has a dictionary of votes, a check after every draw, scipy for special functions, no tables and no caches: the code
that a researcher writes in an afternoon. It is the reference for speed and, decision by decision, for correctness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma, log, pi

import numpy as np
from scipy.special import betainc, gammainc, gammaln

Draws = Sequence[int]  # answer classes in order of drawing, -1 for unparsed
Scores = Sequence[float]
Decision = tuple[int, int]  # (answer class or -1, draws used)


def top_two(votes: dict[int, int]) -> tuple[int, int, int]:
    """Return the leader, its votes and the runner-up's votes; ties go to the answer seen first."""
    leader, lead, second = -1, 0, 0
    for answer, count in votes.items():
        if count > lead:
            leader, lead, second = answer, count, lead
        elif count > second:
            second = count
    return leader, lead, second


def counting(stops: Callable[[dict[int, int]], bool]) -> Callable[[Draws, Scores], Decision]:
    """Return a strategy that votes and checks ``stops`` after every draw."""

    def play(draws: Draws, scores: Scores) -> Decision:
        votes: dict[int, int] = {}
        for n, answer in enumerate(draws, 1):
            if answer >= 0:
                votes[answer] = votes.get(answer, 0) + 1
            if stops(votes):
                return top_two(votes)[0], n
        return top_two(votes)[0], len(draws)

    return play


def beta(votes: dict[int, int]) -> bool:
    """Adaptive-Consistency at .95."""
    _, lead, second = top_two(votes)
    return lead > 0 and betainc(second + 1, lead + 1, 0.5) >= 0.95


NODES, WEIGHTS = np.polynomial.legendre.leggauss(160)


def dirichlet(votes: dict[int, int]) -> bool:
    """Adaptive-Consistency with the Dirichlet rule at .95."""
    counts = sorted(votes.values(), reverse=True) or [0]
    lead, rivals = counts[0], counts[1:] or [0]
    shape = lead + 1.0
    spread = 12.0 * shape**0.5 + 24.0
    low, high = max(0.0, shape - spread), shape + spread
    x = low + (high - low) * (NODES + 1.0) / 2.0
    others = np.prod([gammainc(v + 1.0, x) for v in rivals], axis=0)
    density = np.exp(lead * np.log(x) - x - gammaln(shape))
    return bool(np.sum(WEIGHTS * density * others) * (high - low) / 2.0 >= 0.95)


def ppr(votes: dict[int, int]) -> bool:
    """PPR-1v1 at .05 with ten categories."""
    _, a, b = top_two(votes)
    log_e = (a + b) * log(2) + lgamma(a + 1) + lgamma(b + 1) - lgamma(a + b + 2)
    return a > b and log_e >= log(9 / 0.05)


def self_consistency(draws: Draws, scores: Scores) -> Decision:
    """The plurality of all draws."""
    return counting(lambda votes: False)(draws, scores)


def first_sample(draws: Draws, scores: Scores) -> Decision:
    """The first draw."""
    return draws[0], 1


def esc(draws: Draws, scores: Scores) -> Decision:
    """ESC with windows of five."""
    for start in range(0, len(draws), 5):
        window = draws[start : start + 5]
        if len(window) == 5 and window[0] >= 0 and all(answer == window[0] for answer in window):
            return window[0], start + 5
    return self_consistency(draws, scores)


def martingale_majority(draws: Draws, scores: Scores) -> Decision:
    """The Martingale Majority Certificate at .05."""

    def mean(a: int, b: int) -> float:
        tail = betainc(b + 0.5, a + 0.5, 0.5)
        return float((a + 0.5) / (a + b + 1.0) * betainc(b + 0.5, a + 1.5, 0.5) / tail)

    votes: dict[int, int] = {}
    wins = losses = others = 0
    run = rest = 0.0
    for n, answer in enumerate(draws, 1):
        if answer >= 0:
            ranked = sorted(votes, key=lambda a: -votes[a])  # stable: ties go to the answer seen first
            if ranked:
                against, for_rest = mean(wins, losses), mean(wins, others)
                if answer == ranked[0]:
                    run, rest, wins = run + log(2 * against), rest + log(2 * for_rest), wins + 1
                elif len(ranked) > 1 and answer == ranked[1]:
                    run, losses = run + log(2 * (1 - against)), losses + 1
                else:
                    rest, others = rest + log(2 * (1 - for_rest)), others + 1
            votes[answer] = votes.get(answer, 0) + 1
        if run >= log(20) and rest >= log(20):
            return top_two(votes)[0], n
    return top_two(votes)[0], len(draws)


def certified(draws: Draws, scores: Scores) -> Decision:
    """Certified self-consistency at .05: each answer has its own counters from its discovery on."""
    votes: dict[int, int] = {}
    since: dict[int, dict[int, int]] = {}
    for n, answer in enumerate(draws, 1):
        if answer >= 0:
            votes[answer] = votes.get(answer, 0) + 1
            for counters in since.values():
                counters[answer] = counters.get(answer, 0) + 1
            since.setdefault(answer, {})
            leader = top_two(votes)[0]
            counters = since[leader]
            a = counters.get(leader, 0)
            b = max((c for other, c in counters.items() if other != leader), default=0)
            rank = list(votes).index(leader) + 1
            log_e = (a + b + 1) * log(2) + lgamma(a + 1) + lgamma(b + 1) - lgamma(a + b + 2)
            if exp(log_e) * betainc(b + 1, a + 1, 0.5) >= (pi * rank) ** 2 / (6 * 0.05):
                return leader, n
    return top_two(votes)[0], len(draws)


def best(reservation: float) -> Callable[[Draws, Scores], Decision]:
    """Best-of-N that stops once the best score reaches the reservation value."""

    def play(draws: Draws, scores: Scores) -> Decision:
        answer, top = -1, float("-inf")
        for n, (drawn, score) in enumerate(zip(draws, scores, strict=True), 1):
            if drawn >= 0 and score > top:
                answer, top = drawn, score
            if top >= reservation:
                return answer, n
        return answer, len(draws)

    return play


LOOPS: dict[str, tuple[Callable[[Draws, Scores], Decision], str]] = {
    "first_sample": (first_sample, "recorded"),
    "self_consistency": (self_consistency, "recorded"),
    "adaptive_consistency": (counting(beta), "recorded"),
    "adaptive_consistency_dirichlet": (counting(dirichlet), "recorded"),
    "esc": (esc, "recorded"),
    "ppr_1v1": (counting(ppr), "recorded"),
    "martingale_majority": (martingale_majority, "recorded"),
    "certified_self_consistency": (certified, "recorded"),
    "oracle": (best(1.0), "oracle"),
    "random": (best(float("inf")), "random"),
}
"""The ten strategies of the catalogue that need no confidences, each with the scores it reads."""
