"""``tts sample`` and ``tts score``: draw samples of every problem into a pool, and add scores to drawn samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app, console, interruptible
from tts.cli.grammar import sort_arguments
from tts.cli.options import ConfigArguments, RunOption, check_live_outputs, read_config, terminal_hooks


@app.command(
    schema="evals.config:SampleConfig",
    examples=(
        "tts sample questions=50 samples=16 out=pool.sqlite",
        "tts sample questions.jsonl model=tiny temperature=0.7",
    ),
)
def sample(configs: ConfigArguments = None) -> None:
    """Draw samples of every question of a task into a pool.

    After an interruption, repeat the command to continue: stored samples are kept and not drawn again.
    """
    from evals.config import SampleConfig
    from evals.live.sample_session import sample_task
    from evals.report.run import print_samples
    from tts.errors import DrawsFailedError

    config, files = read_config(SampleConfig, configs)
    check_live_outputs(config.out, [], [*files, config.task.path, config.task.shots_path], command="tts sample")
    with interruptible():
        task, outcome = sample_task(config, hooks=terminal_hooks())
    print_samples(console(), config, task, outcome)
    if outcome.draws.failed:
        raise DrawsFailedError(
            f"{outcome.draws.failed} of {outcome.draws.draws} draws failed: the pool holds the others, "
            "repeat the command to draw them"
        )


@app.command(
    schema="evals.config:ScoreConfig",
    examples=(
        "tts score pool.sqlite scorer=mean_logprob",
        "tts score pool.sqlite scorer=grace model=grace",
        "tts score pool.sqlite scorer='{name: reward, path: DIRECTORY}' raw=true",
    ),
)
def score(
    pool: Annotated[Path, typer.Argument(metavar="POOL", help="Pool to add scores to: .sqlite, .db or .pool.")],
    configs: ConfigArguments = None,
    run: RunOption = None,
) -> None:
    """Add a scorer's scores to samples that are already drawn.

    Nothing is drawn anew. A score of recorded signals takes no model; signals that were not recorded are read from the
    samples by the model that drew them, in one pass each, and so are those of another model=NAME. Scores stand beside
    the samples. After an interruption, repeat the command to continue.
    """
    from evals.config import ScoreConfig
    from evals.pools.scoring import score_run
    from tts.config.load import read_file
    from tts.config.overrides import read_override
    from tts.errors import DrawsFailedError, InputError

    if run is not None and len(run) > 1:
        raise InputError(f"tts score takes one run at a time, got {', '.join(map(str, run))}: repeat it for each")
    files, overrides = sort_arguments(ScoreConfig, configs or ())
    sources = [(read_file(file, ScoreConfig), f"config file {file}") for file in files]
    sources += [(read_override(ScoreConfig, text), f"override {text!r}") for text in overrides]
    with interruptible():
        outcome = score_run(pool, sources, run=None if run is None else run[0], hooks=terminal_hooks())
    print(outcome)
    if outcome.failed:
        raise DrawsFailedError(
            f"{outcome.failed} samples have no score ({outcome.reason}): repeat the command to try again"
        )
