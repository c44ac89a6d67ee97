"""``tts train finece``: a base model in, a scorer of its prefixes out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.cli.app import console, interruptible
from tts.cli.options import ConfigArguments, model_directory, read_config, terminal_hooks
from tts.cli.progress import notify
from tts.cli.train import learned_from, train_app
from tts.errors import InputError

if TYPE_CHECKING:
    from evals.finece_config import FineceConfig
    from evals.tasks import Task
    from tts.training.responses import Split


@train_app.command()
def finece(configs: ConfigArguments = None) -> None:
    """Teach a scorer how often what begins so ends well (FineCE), from completions of questions and prefixes.

    Draws the completions first, where no pool is given. Interrupted, in whatever way, the same command goes on where it
    was. Use the directory that it writes with `scorer.name=finece`.
    """
    from evals.finece_config import FineceConfig
    from evals.report.training import print_trained, save_history
    from evals.tasks import load_task
    from tts.training.finece.build import make

    config, _ = read_config(FineceConfig, configs)
    assert config.out is not None  # the schema refuses it
    out = model_directory(config.out)
    split, base = _responses(config, load_task(config.task), out)
    notify(f"{len(split.train)} responses to learn from, {len(split.held_out)} held out")
    trained = make(out, split, config.recipe, engine=config.engine, base=base, tell=notify)
    written = save_history(out, trained.history)
    screen = console()
    print_trained(screen, trained.history, split)
    for path in written:
        screen.print(f"wrote {path}", soft_wrap=True)
    if config.recipe.method == "grow":
        use = f"engine.model={out} scorer.name=finece"
    else:
        use = f"engine.model={config.engine.model} scorer.name=finece scorer.path={out}"
    screen.print(f"wrote {out}: use it with `{use}`", soft_wrap=True)


def _responses(config: FineceConfig, task: Task, out: Path) -> tuple[Split, dict[str, Any]]:
    """The responses in two parts, and what they are, as JSON values.

    Raises:
        InputError: a pool without prefixes, or whatever else cannot be learned from.
    """
    from evals.live.run_session import grow_trees_into, opened
    from tts.engines.hf.engine import TransformersEngine
    from tts.pool import load_pool
    from tts.training.base_model import check_start
    from tts.training.finece.cluster import tfidf
    from tts.training.finece.embed import model_embedding
    from tts.training.finece.train import numbers
    from tts.training.finece.tree import Tree
    from tts.training.responses import beside, split

    if config.pool is None:
        check_start(config.engine, config.recipe)
    model, revision = config.engine.identity
    path, run = config.pool, config.run
    with opened(config.engine, task.prompt, terminal_hooks()) as engine, interruptible():
        assert isinstance(engine, TransformersEngine)
        if path is None:
            if config.recipe.read == "numbers":  # refused before anything is drawn
                numbers(engine.encoder.tokenizer, config.recipe.tokens)
            path = str(out / "pool.sqlite")
            embed = model_embedding(engine) if config.tree.embedding == "model" else tfidf
            drawn = grow_trees_into(
                Path(path),
                Tree(config.tree, engine.decode, embed),
                config.engine,
                task,
                engine,
                asdict(config),
                hooks=terminal_hooks(),
            )
            run = drawn.pool.number
            notify(str(drawn.pool))
        responses = learned_from(load_pool(path, run=run), engine, model=model, forks=True)
        if config.tree.levels and not any(one.given for one in responses):
            raise InputError(
                f"{path} holds no prefixes: FineCE learns from completions of partial answers, so let this command "
                "draw them (pool=null), or give such a pool as answers=POOL"
            )
        if config.answers is not None:
            responses = beside(responses, learned_from(load_pool(config.answers), engine, model=model, forks=True))
    base = {
        "model": model,
        "revision": revision,
        "template": task.template,
        "responses": len(responses),
        "tree": asdict(config.tree),
    }
    return split(responses, config.recipe.held_out, config.recipe.seed), base
