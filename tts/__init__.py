"""More correct answers from fewer samples: the vocabulary of test-time scaling.

Strategies decide, engines draw, scorers judge, evals compare. This package imports in milliseconds: no torch, no
process, no thread.
"""

from typing import TYPE_CHECKING, Any

from tts.errors import EngineError, InputError, PoolLockedError, TTSError, UnsupportedError
from tts.types import (
    CONFIDENCE_BELOW,
    END,
    STEP,
    TOKENS,
    Boundary,
    Decision,
    Draw,
    End,
    Message,
    Problem,
    Sample,
    Signals,
    ToolCall,
    Trace,
    Usage,
)

if TYPE_CHECKING:
    from tts.api import (
        Answer,
        Comparison,
        PoolDecision,
        Ranking,
        Run,
        Runs,
        Solver,
        UnknownWordsWarning,
        Verdict,
        Verifier,
        arun,
        asolve,
        close,
        compare,
        decide,
        rerank,
        run,
        score_pool,
        solve,
    )

__version__ = "0.1.0"

FRONT_DOOR = (
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
)
"""Names of :mod:`tts.api`, imported when they are first used."""

__all__ = [
    "CONFIDENCE_BELOW",
    "END",
    "STEP",
    "TOKENS",
    "Answer",
    "Boundary",
    "Comparison",
    "Decision",
    "Draw",
    "End",
    "EngineError",
    "InputError",
    "Message",
    "PoolDecision",
    "PoolLockedError",
    "Problem",
    "Ranking",
    "Run",
    "Runs",
    "Sample",
    "Signals",
    "Solver",
    "TTSError",
    "ToolCall",
    "Trace",
    "UnknownWordsWarning",
    "UnsupportedError",
    "Usage",
    "Verdict",
    "Verifier",
    "__version__",
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


def __getattr__(name: str) -> Any:
    """Import a name of the front door.

    Raises:
        InputError: a package of another project hides one of this project.
    """
    if name in FRONT_DOOR:
        from tts.installation import check_packages

        check_packages()
        from tts import api

        return getattr(api, name)
    raise AttributeError(f"module 'tts' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the package, those of the front door included."""
    return sorted({*globals(), *FRONT_DOOR})
