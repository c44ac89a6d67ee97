"""The numbers of one strategy's progress: the questions that are done, their cost, and the pace of this session.

Knows no clock: the caller gives the time in seconds and the tokens that the engine has drawn. Questions that a pool
answers whole are recalled: they count as done, and neither in a rate nor in the time left.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import NormalDist

from evals.live.hooks import QuestionCost

WINDOW_S = 30.0
"""Seconds that a rate looks back."""
STEP_S = 0.5
"""Seconds between two values that a rate keeps."""
NO_COST = QuestionCost()


class Rate:
    """The growth per second of a counter, over the last ``WINDOW_S`` seconds."""

    def __init__(self, now: float, value: float) -> None:
        """Start at this value."""
        self._seen = deque([(now, value)])
        self._first = value

    def see(self, now: float, value: float) -> None:
        """Take the value of now."""
        if now - self._seen[-1][0] >= STEP_S:
            self._seen.append((now, value))
            while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
                self._seen.popleft()

    def per_second(self, now: float, value: float) -> float | None:
        """Return the growth per second up to now; None as long as the counter has not grown at all."""
        then, before = self._seen[0]
        return (value - before) / (now - then) if value > self._first and now > then else None


class Pace:
    """The questions of one strategy, their accuracy and cost, the rate of tokens, and the time left.

    Attributes:
        label: the strategy's name.
        total: the questions.
        done: those that are done, recalled ones included.
        recalled: those that the pool answered whole.
        failed: draws of them that gave no sample.
        truncated: samples of them that reached the limit of tokens.
    """

    def __init__(self, label: str, questions: int, budget: int | None, *, now: float, drawn: int) -> None:
        """Start with no question done.

        Args:
            label: the strategy's name.
            questions: the number of questions.
            budget: the most samples of a question; None where tokens do not follow from samples.
            now: seconds.
            drawn: tokens that the engine has drawn so far.
        """
        self.label, self.total, self._budget = label, questions, budget
        self.done = self.recalled = self.failed = self.truncated = 0
        self._right, self._graded = 0.0, True
        self._samples = self._tokens = 0
        self._delivered = 0.0  # tokens that questions cost which are done, those of recalled samples left out
        self._began, self._now, self._before, self._drawn = now, now, drawn, drawn
        self._rate = Rate(now, drawn)

    def see(self, now: float, drawn: int) -> None:
        """Take the time and the tokens drawn so far."""
        self._now, self._drawn = now, drawn
        self._rate.see(now, drawn)

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        """Count one more question.

        Args:
            right: the share of it that is right, in [0, 1]; None where that is not known.
            cost: its samples and tokens, where they are known.
        """
        cost = cost or NO_COST
        self.done += 1
        self.recalled += cost.is_recalled
        self._graded = right is not None
        self._right += right or 0.0
        self.failed += cost.failed
        self.truncated += cost.truncated
        self._samples += cost.samples
        self._tokens += cost.tokens
        self._delivered += cost.tokens * (1 - cost.recalled / cost.samples) if cost.samples else 0.0

    @property
    def accuracy(self) -> float | None:
        """The share of right answers so far, in [0, 1]; None where none is known."""
        return self._right / self.done if self.done and self._graded else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % score interval of the accuracy; None where there is none."""
        return None if self.accuracy is None else score_interval(self.accuracy, self.done)

    @property
    def samples_each(self) -> float | None:
        """Mean samples of a question that is done; None where they are not known."""
        return self._samples / self.done if self._samples else None

    @property
    def tokens_each(self) -> float | None:
        """Mean generated tokens of a question, as if no sample had been recalled; None where they are not counted."""
        return self._tokens / self.done if self._tokens else None

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._now - self._began

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens a second of the last ``WINDOW_S`` seconds; None before the first token."""
        return self._rate.per_second(self._now, self._drawn)

    @property
    def mean_tokens_per_s(self) -> float | None:
        """Tokens a second since the start; None without a token."""
        drawn = self._drawn - self._before
        return drawn / self.seconds if drawn and self.seconds > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds left; None before a question was computed in this session.

        The tokens of this session per computed question, those of open questions included, are the mean of the others
        if they end at a constant rate per token; the budget bounds what open questions can still cost.
        """
        left, computed = self.total - self.done, self.done - self.recalled
        if not left:
            return 0.0
        if not computed:
            return None
        drawn = self._drawn - self._before
        if not drawn:
            return self.seconds / computed * left
        rate = self.tokens_per_s
        if not rate:
            return None
        expected = left * drawn / computed
        if self._budget is not None and self._tokens:
            each = self._tokens / self._samples
            most = left * self._budget * each - max(drawn - self._delivered, 0.0)
            expected = min(expected, max(most, left * each))
        return expected / rate


def score_interval(mean: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a mean of ``n`` values in [0, 1], Wilson's where each value is 0 or 1.

    Values between vary less than those at the ends, so that the interval of their mean is wide enough.

    Args:
        mean: in [0, 1].
        n: the number of values, >= 1.
        level: coverage of the two-sided interval, in (0, 1).

    Source:
        Wilson 1927.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
