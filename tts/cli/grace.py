"""``tts train grace``: a base model and its graded responses in, a model with a confidence token out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.cli.app import console, interruptible
from tts.cli.options import ConfigArguments, model_directory, read_config, terminal_hooks
from tts.cli.progress import notify
from tts.cli.train import learned_from, train_app

if TYPE_CHECKING:
    from evals.grace_config import GraceConfig
    from evals.tasks import Task
    from tts.training.responses import Split


@train_app.command()
def grace(configs: ConfigArguments = None) -> None:
    """Teach a model to say how sure it is by one token's probability (GrACE), from its own graded responses.

    Draws the responses first, where no pool is given. Interrupted, the same command continues from the last checkpoint.
    Writes a plain Hugging Face directory: use it with `engine.model=DIR scorer.name=grace`.
    """
    from evals.grace_config import GraceConfig
    from evals.report.training import print_trained, save_history
    from evals.tasks import load_task
    from tts.training.grace.build import make

    config, _ = read_config(GraceConfig, configs)
    assert config.out is not None  # the schema refuses it
    out = model_directory(config.out)
    task = load_task(config.task)
    split, base = _responses(config, task, out)
    notify(f"{len(split.train)} responses to learn from, {len(split.held_out)} held out")
    trained = make(out, split, config.recipe, engine=config.engine, base=base, tell=notify)
    written = save_history(out, trained.history)
    screen = console()
    print_trained(screen, trained.history, split)
    for path in written:
        screen.print(f"wrote {path}", soft_wrap=True)
    screen.print(f"wrote {out}: use it with `engine.model={out} scorer.name=grace`", soft_wrap=True)


def _responses(config: GraceConfig, task: Task, out: Path) -> tuple[Split, dict[str, Any]]:
    """The responses in two parts, and what they are, as JSON values."""
    from evals.config import SampleConfig
    from evals.live.run_session import opened, sample_into
    from tts.engines.hf.engine import TransformersEngine
    from tts.pool import load_pool
    from tts.training.base_model import check_start
    from tts.training.responses import solutions, split

    if config.pool is None:
        check_start(config.engine, config.recipe)
    model, revision = config.engine.identity
    path, run = config.pool, config.run
    with opened(config.engine, task.prompt, terminal_hooks()) as engine, interruptible():
        assert isinstance(engine, TransformersEngine)
        if path is None:
            path = str(out / "pool.sqlite")
            drawn = sample_into(
                Path(path),
                SampleConfig(config.task, config.engine, config.n, path),
                task,
                engine,
                hooks=terminal_hooks(),
            )
            run = drawn.pool.number
            notify(str(drawn.pool))
        pool = load_pool(path, run=run)
        responses = learned_from(pool, engine, model=model)
        worked = solutions(
            pool,
            task.solutions if config.recipe.keep == "solution" else {},
            encode=engine.encode,
            context=engine.encoder.context,
            prompts={one.question: one.prompt for one in responses},
        )
    base = {"model": model, "revision": revision, "template": task.template, "responses": len(responses)}
    return split(responses, config.recipe.held_out, config.recipe.seed, worked), base
