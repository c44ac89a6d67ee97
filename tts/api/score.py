"""Scores of samples that are already drawn, in one call."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.config import ScoreConfig
from evals.live.hooks import Hooks
from evals.pools.scoring import PoolScores, score_run
from tts.agent.models import MODELS
from tts.api.run import progress_display
from tts.config.arguments import keyed, named
from tts.engines.loop import LOOP

LOG = logging.getLogger(__name__)


def score_pool(
    pool: str | os.PathLike[str],
    scorer: str | Mapping[str, Any],
    *,
    run: int | None = None,
    progress: bool = True,
    **settings: Any,
) -> PoolScores:
    """Add a scorer's scores to the samples of a pool that it has not judged yet; nothing is drawn anew.

        tts.score_pool("pool.sqlite", "mean_logprob")

    Signals that were not recorded are read from the samples by the model that drew them, or by ``model``.

    Args:
        pool: a SQLite pool.
        scorer: a scorer's name, or {name, ...} with its options.
        run: the run whose samples are scored; None takes the latest.
        progress: whether to show the progress: a table on a terminal or in a notebook, else lines on standard error.
        settings: other keys of ``tts score`` by name, such as ``raw``, or of its engine, such as ``model``.

    Returns:
        The label of the scores and the numbers of samples and tokens.

    Raises:
        InputError: a scorer whose signals were not recorded and cannot be read, or an argument that cannot be used.
    """
    values = keyed(ScoreConfig, "tts.score_pool", {"scorer": named(scorer)}, **settings)
    hooks = Hooks(progress=progress_display(progress), notify=LOG.info, execute=LOOP.run, open_engine=MODELS.opened)
    return score_run(Path(os.fspath(pool)), [(values, "tts.score_pool(...)")], run=run, hooks=hooks)
