"""The command line: the composition root, the one part of ``tts`` that may use strategies and evals.

Each module holds one group of commands. Heavy imports wait until a command needs them.
"""

from tts.cli import (  # noqa: F401 - importing a module registers its commands
    ask,
    calibrate,
    compare,
    config,
    decide,
    pool,
    run,
    sample,
    strategies,
    train,
)
from tts.cli.app import main
from tts.cli.reports import answers, reliability, report, show  # noqa: F401
from tts.cli.servers import mcp, serve, view  # noqa: F401

__all__ = ["main"]
