"""The time of a replayed strategy: machine seconds of its tokens at a rate that depends on the rows in flight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from evals.config import PriceConfig
from tts.errors import InputError
from tts.pool import Pool
from tts.types import End, Sample

LEAST = 20
"""The fewest samples with times that a speed is fitted on."""


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of an engine that draws one token of each row in flight at each step.

    A sample with p prompt tokens and g generated tokens that is drawn among b rows takes
    ``p prompt_s + g (step_s / b + row_s)`` seconds of the machine: the pass that reads its prompt, its share of the
    steps, and its own part of each step.

    Attributes:
        prompt_s: of a prompt token that is computed.
        step_s: of a step, whatever its rows.
        row_s: of a row of a step.
        in_flight: the rows in flight, >= 1.
    """

    prompt_s: float
    step_s: float
    row_s: float
    in_flight: float

    @property
    def price(self) -> PriceConfig:
        """Seconds in place of money: of a million prompt and a million generated tokens."""
        return PriceConfig(prompt=1e6 * self.prompt_s, generated=1e6 * (self.step_s / self.in_flight + self.row_s))


def fit_speed(pool: Pool, in_flight: float | None = None) -> Speed | None:
    """Fit the speed of the engine that drew a pool to the times of its samples.

    The shares of the machine that samples record (``Sample.machine_s``) add up to the time in which anything was drawn.
    Non-negative least squares split them into the three parts of :class:`Speed`.

    Args:
        pool: the samples.
        in_flight: the rows in flight to assume, >= 1; None takes the mean of the pool, by time.

    Returns:
        The speed; None where fewer than ``LEAST`` samples have times and counts.

    Raises:
        InputError: fewer than one row in flight.
    """
    if in_flight is not None and not 1.0 <= in_flight < float("inf"):
        raise InputError(f"in_flight must be at least 1, got {in_flight}")
    if pool.facts.timed < LEAST:
        return None
    timed = [s for entry in pool.narrow("usage", "times").entries for s in entry.samples if _has_times(s)]
    if len(timed) < LEAST:
        return None
    shares = np.array([float(s.machine_s or 0) for s in timed])
    beside = np.array([max(1.0, float(s.in_flight or 1)) for s in timed])
    prompt = np.array([s.usage.prompt if s.usage else 0 for s in timed], dtype=np.float64)
    drawn = np.array([s.usage.generated - s.usage.scorer_decode if s.usage else 0 for s in timed], dtype=np.float64)
    parts, _ = nnls(np.stack([prompt, drawn / beside, drawn], axis=1), shares)
    mean = float((shares * beside).sum() / shares.sum()) if shares.sum() > 0 else 1.0
    prompt_s, step_s, row_s = (float(part) for part in parts)
    return Speed(prompt_s, step_s, row_s, mean if in_flight is None else in_flight)


def _has_times(sample: Sample) -> bool:
    there = sample.machine_s is not None and sample.in_flight is not None
    return there and sample.usage is not None and sample.end in (End.STOP, End.LENGTH)
