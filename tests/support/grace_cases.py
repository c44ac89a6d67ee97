"""Simulated GrACE traces: what a confidence token and log-probabilities say of samples that are right or wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tts.pool import Pool
from tts.types import Trace

TOKEN = 7


def graced(pool: Pool, *, seed: int = 0, steps: bool = True) -> Pool:
    """The pool with traces of a confidence token and of log-probabilities, each informative and noisy."""
    rng, entries = np.random.default_rng(seed), []
    for entry in pool.entries:
        samples = []
        for sample, right in zip(entry.samples, entry.correct, strict=True):
            size = int(rng.integers(6, 20))
            logit = rng.normal(1.0 if right else -1.0, 1.5) + rng.normal(0.0, 0.7, size)
            logprobs = -rng.gamma(1.0, 0.1, size) * np.exp(rng.normal(0.0 if right else 0.7, 0.5))
            trace = Trace(
                logprobs=tuple(logprobs.tolist()),
                watched={TOKEN: tuple((1 / (1 + np.exp(-logit))).tolist())},
                steps=tuple((np.arange(size) % 5 == 4).tolist()) if steps else (),
            )
            samples.append(replace(sample, trace=trace))
        entries.append(replace(entry, samples=tuple(samples)))
    return replace(pool, entries=tuple(entries))
