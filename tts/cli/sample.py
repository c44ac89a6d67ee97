"""``tts sample``: draw samples of every problem into a pool."""

from __future__ import annotations

from tts.cli.app import app, console
from tts.cli.live import ConfigArguments, configured, draw, opened, pool_path


@app.command()
def sample(configs: ConfigArguments = None) -> None:
    """Draw n samples of every problem of a task into a pool.

    A command that was interrupted, in whatever way, goes on where it was when it is given again: no sample is lost that
    had been kept, and none is drawn twice.
    """
    from evals.live.live_config import SampleConfig
    from evals.metrics.stats import bootstrap_interval, bootstrap_weights
    from evals.report.run import REPLICATES, verdict
    from evals.tasks import load_task
    from tts.errors import TTSError

    config, files = configured(SampleConfig, configs)
    path = pool_path(config.out, [], [*files, config.task.path, config.task.shots_path])
    task = load_task(config.task)
    with opened(config.engine, task.prompt) as engine:
        drawn = draw(config, task, engine, path)
    results = drawn.results
    graded = [[(s, task.grade(r.problem, s)) for s in r.decision.samples] for r in results]
    rates = [sum(right for _, right in of_one) / config.n for of_one in graded]
    low, high = bootstrap_interval(rates, bootstrap_weights(len(rates), REPLICATES, config.engine.seed))
    every = [pair for of_one in graded for pair in of_one]
    unread = sum(s.answer is None for s, _ in every)
    screen = console()
    screen.print(
        f"{len(results)} questions, {config.n} samples each: {sum(r for _, r in every)} of {len(every)} right "
        f"({sum(rates) / len(rates):.4f} [{float(low):.3f}, {float(high):.3f}]), {unread} without an answer",
        soft_wrap=True,
    )
    screen.print(drawn.kept, soft_wrap=True)
    if (sentence := verdict(every)) is not None:
        screen.print(sentence, style="yellow", soft_wrap=True)
    if failed := [s for s, _ in every if s.error is not None]:
        raise TTSError(
            f"{len(failed)} of {len(every)} draws failed ({failed[0].error}): the pool holds the others, "
            "give the same command again to draw them"
        )
