"""The questions of a simulated run: the draws that each takes, and the tokens of each draw.

Numbers of draws are those of a stopping rule on the recorded answers of one pool, lengths are the recorded solutions of
another, since no pool has both at this size; simulated questions take them at random, with replacement. Where a pool is
absent, stated distributions stand in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COUNTS, LENGTHS = "svamp_codex_pot30.jsonl.gz", "math_qwen2.5-math_rm8.jsonl.gz"
LONGEST = 2048
STATED_COUNTS, STATED_SHARES = (5, 12, 30, 64), (0.5, 0.15, 0.15, 0.2)


@dataclass(frozen=True)
class Workload:
    """Simulated questions.

    Attributes:
        counts: the draws that each question takes, [questions].
        lengths: the tokens of each draw that it could take, [questions, budget].
        tokens: the tokens of the draws that it takes, [questions].
        source: where both come from, in words.
    """

    counts: NDArray[np.int64]
    lengths: NDArray[np.int16]
    tokens: NDArray[np.int64]
    source: str

    @property
    def budget(self) -> int:
        """The most draws of a question."""
        return self.lengths.shape[1]


def make_workload(questions: int, *, rule: str, budget: int, mean_tokens: float, seed: int) -> Workload:
    """Return simulated questions.

    Args:
        questions: their number.
        rule: the strategy that decides how many draws a question takes.
        budget: the most draws of a question.
        mean_tokens: the mean length that the recorded lengths are scaled to, in tokens.
        seed: of the random choices.
    """
    counts, counted = draws_taken(rule, budget, np.random.default_rng(seed))
    rows, measured = recorded_lengths(np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    chosen = rows[rng.integers(len(rows), size=(questions, 1)), rng.integers(rows.shape[1], size=(questions, budget))]
    lengths = np.clip(np.rint(chosen * (mean_tokens / rows.mean())), 1, LONGEST).astype(np.int16)
    taken = rng.choice(counts, size=questions)
    sums = np.where(np.arange(budget) < taken[:, None], lengths, 0).sum(axis=1, dtype=np.int64)
    return Workload(taken, lengths, sums, f"draws: {counted}; lengths: {measured}, scaled to {mean_tokens:g} tokens")


def draws_taken(rule: str, budget: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], str]:
    """Return numbers of draws that a rule takes on recorded answers, drawn with replacement, and their source."""
    path = pool_path(COUNTS)
    if path is None:
        return rng.choice(STATED_COUNTS, p=STATED_SHARES, size=1000), f"{STATED_COUNTS} with shares {STATED_SHARES}"
    from strategies.catalog import CATALOG
    from tts.pool import load_pool
    from tts.types import Problem, Sample

    strategy, taken = CATALOG[rule].build(budget), []
    for entry in load_pool(path).entries:
        steps = strategy.run(Problem("", ""))
        draw, drawn = next(steps), 0
        try:
            while True:
                picks = rng.integers(len(entry.samples), size=draw.n)
                samples = [Sample(answer=entry.samples[i].answer, index=drawn + j) for j, i in enumerate(picks)]
                drawn += draw.n
                draw = steps.send(samples)
        except StopIteration:
            taken.append(drawn)
    return np.array(taken), f"{rule} on {COUNTS}"


def recorded_lengths(rng: np.random.Generator) -> tuple[NDArray[np.float64], str]:
    """Return lengths in characters, [questions, samples], and their source."""
    path = pool_path(LENGTHS)
    if path is None:
        return rng.lognormal(0.0, 0.4, (1000, 1)) * rng.lognormal(0.0, 0.4, (1000, 8)), "log-normal, twice sigma 0.4"
    from tts.pool import load_pool

    entries = load_pool(path).entries
    return np.array([[len(sample.text) for sample in entry.samples] for entry in entries], dtype=float), LENGTHS


def pool_path(name: str) -> Path | None:
    """Return the path of a recorded pool in the folder that TTS_DATA names, or None where it is absent."""
    folder = os.environ.get("TTS_DATA")
    path = None if folder is None else Path(folder) / "pools" / name
    return path if path is not None and path.exists() else None
