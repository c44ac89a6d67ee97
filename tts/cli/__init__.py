"""The command line: the composition root, the one part of ``tts`` that may use strategies and evals.

One module a group of commands; heavy imports wait until a command needs them.
"""

from tts.cli import (  # noqa: F401 - each registers its commands
    calibrate,
    compare,
    finece,
    grace,
    pool,
    reliability,
    run,
    sample,
    train,
)
from tts.cli.app import main

__all__ = ["main"]
