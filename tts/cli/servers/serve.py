"""``tts serve``: an OpenAI-compatible server in front of solvers and verifiers."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli.app import app
from tts.cli.grammar import sort_arguments
from tts.cli.verbosity import is_quiet, set_log_level
from tts.errors import UnsupportedError

WORDY = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "asyncio")
"""Loggers of libraries that write a line for each request at level info, and requests and keys at level debug."""
COLLECTED = (5_000, 10, 5)
"""Thresholds of the garbage collector: a streamed token makes ten objects that end without it."""


@app.command(
    schema="tts.serve.config:ServedConfig",
    examples=("tts serve", "tts serve configs/serve/grace.yaml port=8400 serve.limits.budget=16"),
)
def serve(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG...] [KEY=VALUE...]",
            help="YAML files, each of one model named like its file, and overrides such as port=8400 or model=tiny.",
        ),
    ] = None,
) -> None:
    """Serve models by OpenAI's interface.

    Answers questions at /v1/chat/completions with as many samples as they need, and judges answers at /v1/score and
    /v1/decisions. Without files and keys of a model it serves the bundled GrACE model as "grace". Keys of clients stand
    in serve.keys_file or the environment variable TTS_SERVE_KEYS; without keys it listens on this machine alone.
    """
    import gc
    import logging

    from tts.serve.config import ServedConfig

    try:
        from tts.serve.run import serve as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "uvicorn", "prometheus_client"):
            raise
        raise UnsupportedError(
            f"`tts serve` needs the package {error.name}: pip install 'tts-rerank[serve]', or in the clone "
            "pip install -e '.[serve]'"
        ) from None
    from tts.serve.models import open_models

    files, overrides = sort_arguments(ServedConfig, arguments or ())
    if not logging.getLogger().handlers:
        set_log_level("error" if is_quiet() else "info")
    models, config = open_models(files, overrides)
    debug = logging.getLogger().isEnabledFor(logging.DEBUG)
    if not (debug and config.log_texts):
        for name in WORDY:
            logging.getLogger(name).setLevel(logging.INFO if debug else logging.WARNING)
    gc.collect()
    gc.freeze()  # the model and the modules stay
    gc.set_threshold(*COLLECTED)
    run(models, config, lambda url: print(f"serving {', '.join(models)} on {url}", flush=True))
