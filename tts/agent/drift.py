"""Drift alarm: notices, without labels, that live answers are unlike those that a promise was fitted on.

Each live value gets the share of earlier ones that it exceeds, among the calibration's values **and the live ones
before it**, ties broken at random (a smoothed conformal p-value). While all of them are exchangeable, these shares are
independent and uniform, exactly and for any size of the calibration; ranks among the calibration's values alone would
not be (they share its accidents). A gambler who bets on shares that are not uniform then plays a fair game, and by
Ville's inequality the capital ever reaches ``c`` times the start with probability at most ``1 / c``, over any run
length. The alarm fires when it does.

The gambler bets on many changes at once, each from every possible moment on: a part of the capital is kept in reserve,
and a little of it is staked at each value, so that a change after thousands of values finds capital that can grow.
Scores and log-probabilities have a gambler each, which must reach ``2 / delta``: the shares of one need not be uniform
given the other's past, so the mean of both capitals would not be a fair game, but either fires with probability at most
``delta / 2``.

The probability is over the calibration questions and the live ones. The alarm must see every judged answer, those held
back included, once a question: a selection is a change of its own.

Source:
    Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", chapter 7 (exchangeability martingales);
    Vovk et al. 2102.10439 (conformal test martingales, bets that jump); the bets and the reserve are ours.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import log1p
from random import Random

from tts.errors import InputError
from tts.scorers.calibration.reference import Reference

DIGITS = 9
"""Decimal places of compared values: noise of rounding beyond them is a tie."""
TILTS = (-1.8, -0.8, 0.8, 1.8)
"""Bets that values became smaller (below 0) or larger: the payoff is 1 + tilt * (share - 1/2)."""
SPREADS = (-1.8, 1.8)
"""Bets that values became more central (below 0) or more extreme."""
POWER = 0.5
"""The exponent of bets that a few values became very small or very large, which stake half."""
LEAST = 1e-9
"""Shares are moved up to it, so that no payoff is infinite; this only lowers payoffs."""


class Gambler:
    """The capital of bets that a stream of values is not exchangeable with the calibration's values.

    Attributes:
        capital: the capital, 1 at the start.
    """

    def __init__(self, values: Sequence[float], random: Random) -> None:
        """Take the calibration's values and the source of ties."""
        self.capital = 1.0
        self._values = array("d", sorted(round(value, DIGITS) for value in values))
        self._random, self._seen, self._reserve = random, 0, 1.0
        self._stakes = [0.0] * (len(TILTS) + len(SPREADS) + 2)

    def see(self, value: float) -> float:
        """Bet on the next value and return the capital after it; a binary search, and one move of memory."""
        payoffs = payoffs_of(self.share(round(value, DIGITS)))
        self._seen += 1
        reserve = 1.0 / (1.0 + log1p(self._seen / 10.0))
        staked = (self._reserve - reserve) / len(self._stakes)
        self._reserve = reserve
        self._stakes = [(stake + staked) * payoff for stake, payoff in zip(self._stakes, payoffs, strict=True)]
        self.capital = reserve + sum(self._stakes)
        return self.capital

    def share(self, value: float) -> float:
        """Return the share of all values so far, the new one included, below it; a random part of those equal to it."""
        low, high = bisect_left(self._values, value), bisect_right(self._values, value)
        self._values.insert(high, value)
        return (low + self._random.random() * (high + 1 - low)) / len(self._values)


class DriftAlarm:
    """Fires once live scores or log-probabilities are unlike the calibration's.

    Attributes:
        fired: whether it has fired; it stays so.
        seen: the number of answers seen.
    """

    def __init__(self, reference: Reference, delta: float, *, seed: int = 0) -> None:
        """Start the two gamblers.

        Args:
            reference: scores and log-probabilities of the calibration questions; a kind without values is not watched.
            delta: the largest probability of a false alarm, over any run length, in (0, 1).
            seed: breaks ties.

        Raises:
            InputError: delta outside (0, 1).
        """
        if not 0.0 < delta < 1.0:
            raise InputError(f"a drift alarm needs delta in (0, 1), got {delta}: give for example 0.1")
        self.fired, self.seen, self._bar = False, 0, 2.0 / delta
        self._gamblers = [
            Gambler(values, Random(seed + place)) if values else None
            for place, values in enumerate((reference.scores, reference.logprobs))
        ]

    def see(self, score: float | None, logprob: float | None) -> bool:
        """Take one answer's score and log-probability, None where unknown, and return whether the alarm has fired."""
        self.seen += 1
        if not self.fired:
            for gambler, value in zip(self._gamblers, (score, logprob), strict=True):
                if gambler is not None and value is not None and gambler.see(value) >= self._bar:
                    self.fired = True
        return self.fired

    @property
    def evidence(self) -> float:
        """The larger capital of the two, in multiples of the start; the alarm fires at 2 / delta."""
        return max((gambler.capital for gambler in self._gamblers if gambler is not None), default=1.0)


def payoffs_of(share: float) -> list[float]:
    """Return the payoff of each bet, whose mean over a uniform share is at most 1."""
    extreme = abs(2.0 * share - 1.0)
    low, high = max(share, LEAST), max(1.0 - share, LEAST)
    return [
        *(1.0 + tilt * (share - 0.5) for tilt in TILTS),
        *(1.0 + spread * (extreme - 0.5) for spread in SPREADS),
        0.5 + 0.5 * POWER * low ** (POWER - 1.0),
        0.5 + 0.5 * POWER * high ** (POWER - 1.0),
    ]
