"""The front door for Python: one call for a question, a run over a task, a comparison, or decisions on a pool.

``import tts`` offers these names lazily: ``tts.solve``, ``tts.asolve``, ``tts.run``, ``tts.arun``, ``tts.compare``,
``tts.decide``, ``tts.rerank``, ``tts.score_pool`` and ``tts.close``.
"""

from __future__ import annotations

import atexit

from evals.decisions.rerank import Ranking
from evals.decisions.session import PoolDecision
from tts.agent import opening
from tts.agent.answer import Answer
from tts.agent.question import UnknownWordsWarning
from tts.agent.solver import Solver
from tts.agent.verdict import Verdict
from tts.agent.verifier import Verifier
from tts.api.compare import Comparison, compare
from tts.api.decide import decide, rerank
from tts.api.run import Run, arun, run
from tts.api.runs import Runs
from tts.api.score import score_pool
from tts.api.solve import asolve, solve
from tts.engines.loop import LOOP

__all__ = [
    "Answer",
    "Comparison",
    "PoolDecision",
    "Ranking",
    "Run",
    "Runs",
    "Solver",
    "UnknownWordsWarning",
    "Verdict",
    "Verifier",
    "arun",
    "asolve",
    "close",
    "compare",
    "decide",
    "rerank",
    "run",
    "score_pool",
    "solve",
]


def close() -> None:
    """Close every model that a call has opened, and end the thread that serves them; later calls open them again."""
    opening.close()
    LOOP.close()


atexit.register(close)
