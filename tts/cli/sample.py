"""``tts sample``: draw samples of every problem into a pool."""

from __future__ import annotations

from tts.cli.app import app, console, interruptible
from tts.cli.options import ConfigArguments, check_live_outputs, read_config, terminal_hooks


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
