"""``tts view``: the page of ``tts report`` over a local server, for pools of any size and runs under way."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app
from tts.cli.options import (
    AnswersOption,
    BudgetOption,
    CalibrateOption,
    PermutationsOption,
    PoolsArgument,
    RunNumbers,
    ScoreOption,
    SeedOption,
    StrategiesOption,
    as_overrides,
    given_runs,
)
from tts.cli.verbosity import is_quiet
from tts.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from evals.view.sources import Source

PACKAGES = {"starlette": "serve", "uvicorn": "serve", "vl_convert": "report"}
"""The packages that a view needs, and their extras."""


@app.command(examples=("tts view run.sqlite", "tts view run.sqlite other.sqlite --port 8400 --no-browser"))
def view(
    pools: PoolsArgument,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 to listen on; 0 takes a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address alone.")] = False,
    strategies: StrategiesOption = None,
    budget: BudgetOption = None,
    permutations: PermutationsOption = None,
    seed: SeedOption = None,
    answers: AnswersOption = None,
    score: ScoreOption = None,
    calibrate: CalibrateOption = None,
    run: Annotated[
        RunNumbers | None,
        typer.Option(
            parser=str,
            callback=given_runs,
            metavar="N[,N]",
            help="Run of a SQLite pool to show, or several [default: each that holds samples].",
        ),
    ] = None,
) -> None:
    """Show runs in a browser, from a local server.

    The page is that of `tts report`, for pools of any size: questions are read when they are shown, and the numbers of
    the overview are computed meanwhile. While a run is under way, the page follows it. It is served to this machine
    alone, at an address with a secret token, until Ctrl-C.
    """
    from evals.view.jobs import config_of
    from evals.view.session import View
    from evals.view.sources import open_sources

    for package, extra in PACKAGES.items():
        if find_spec(package) is None:
            raise UnsupportedError(
                f"`tts view` needs the package {package}: pip install 'tts-rerank[{extra}]', or in the clone "
                f"pip install -e '.[{extra}]'"
            )
    if not 0 <= port <= 65535:
        raise InputError(f"port must be from 0 to 65535, got {port}")
    settings = tuple(
        as_overrides(
            strategies=strategies,
            answers=answers,
            score=score,
            calibrate=calibrate,
            budget=budget,
            permutations=permutations,
            seed=seed,
        )
    )
    if settings:  # the check loads what a view without settings opens faster without
        config_of(settings)
    sources = [source for path in pools for source in open_sources(path, run)]
    if score is not None:
        _check_score(score, sources)

    from tts.serve.view.run import serve_view

    def started(url: str) -> None:
        print(f"{url}\nCtrl-C ends it.", flush=True)
        if not no_browser and sys.stdout.isatty():
            import webbrowser

            webbrowser.open(url)

    serve_view(View(sources, settings), port, started)
    if not is_quiet():
        print("stopped", flush=True)


def _check_score(score: str, sources: Sequence[Source]) -> None:
    """Refuse a score that a run does not hold and that cannot be computed."""
    from evals.replay.rescore import check_score
    from tts.pool import read_pool

    for source in sources:
        check_score(score, read_pool(source.path, run=source.run))
