"""Decisions on recorded samples in one call, and recorded samples in the order of a score."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.config import DecideConfig
from evals.decisions.rerank import Ranking, rankings
from evals.decisions.session import PoolDecision, open_decider
from tts.config import from_mapping
from tts.config.arguments import plain
from tts.pool import Pool, load_pool, read_pool
from tts.scorers.trace_scores import WINDOW


def decide(
    pool: str | os.PathLike[str] | Pool,
    *,
    strategy: str | Mapping[str, Any] = "self_consistency",
    budget: int | None = None,
    run: int | Sequence[int] | None = None,
    **settings: Any,
) -> tuple[PoolDecision, ...]:
    """Decide on one answer a question from recorded samples; no gold answer is needed.

        tts.decide("pool.sqlite", strategy="cges", budget=8)

    Args:
        pool: a pool file (.jsonl, .jsonl.gz, .sqlite, .db, .pool or .parquet), or a pool in memory.
        strategy: a name of the catalogue, or a composed strategy.
        budget: the most samples of a question; None takes all of each.
        run: the run to read, if a SQLite pool holds several, or several runs to join; None takes the latest.
        settings: other keys of ``tts decide`` by name: ``score``, ``calibration``, ``answers``, ``equal``, ``window``.

    Raises:
        InputError: an argument that cannot be used, or a pool that cannot serve the strategy.
    """
    given = {key: plain(value) for key, value in {**settings, "budget": budget}.items() if value is not None}
    config = from_mapping(DecideConfig, {**given, "strategy": plain(strategy)}, "tts.decide(...)")
    return tuple(open_decider(_read(pool, run, load_pool if config.score is None else read_pool), config))


def rerank(
    pool: str | os.PathLike[str] | Pool,
    *,
    scorer: str,
    window: int = WINDOW,
    run: int | Sequence[int] | None = None,
) -> tuple[Ranking, ...]:
    """Sort the samples of each question by a score, best first; no gold answer is needed.

        tts.rerank("pool.sqlite", scorer="mean_logprob")

    Args:
        pool: a pool file (.jsonl, .jsonl.gz, .sqlite, .db, .pool or .parquet), or a pool in memory.
        scorer: the label of recorded scores; "confidence", which was recorded with the samples; or a score that is
            computed from recorded signals, such as "mean_logprob".
        window: tokens in a group, for scores that look at groups.
        run: the run to read, if a SQLite pool holds several, or several runs to join; None takes the latest.

    Raises:
        InputError: no such scores are recorded, and none can be computed.
    """
    return tuple(rankings(_read(pool, run, read_pool), scorer, window=window))


def _read(pool: str | os.PathLike[str] | Pool, run: int | Sequence[int] | None, read: Callable[..., Pool]) -> Pool:
    return pool if isinstance(pool, Pool) else read(Path(os.fspath(pool)), run=run)
