"""More correct answers from fewer samples: the vocabulary of test-time scaling.

Strategies decide, engines draw, scorers judge, evals compare. This package imports in milliseconds: no torch, no
process, no thread.
"""

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
    Problem,
    Sample,
    Signals,
    Trace,
    Usage,
)

__version__ = "0.1.0"

__all__ = [
    "CONFIDENCE_BELOW",
    "END",
    "STEP",
    "TOKENS",
    "Boundary",
    "Decision",
    "Draw",
    "End",
    "EngineError",
    "InputError",
    "PoolLockedError",
    "Problem",
    "Sample",
    "Signals",
    "TTSError",
    "Trace",
    "UnsupportedError",
    "Usage",
    "__version__",
]
