"""A training from its configuration to a model directory: the one path that the command line and Python share.

Draws the base model's responses where no pool is given; an interrupted training continues where it was when it is
repeated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.config import SampleConfig
from evals.live.hooks import SILENT, Hooks
from evals.live.outcome import SampleOutcome
from evals.live.run_session import opened
from evals.live.sample_session import grow_trees_into, sample_into
from evals.tasks import Task, load_task
from evals.training_config import FineceConfig, GraceConfig
from tts.engines.hf.engine import TransformersEngine
from tts.errors import InputError
from tts.pool import Pool, load_pool
from tts.training.base_model import check_base
from tts.training.build import TrainedModel, build
from tts.training.finece.cluster import tfidf
from tts.training.finece.embed import model_embedding
from tts.training.finece.method import FineceMethod, number_tokens
from tts.training.finece.tree import Tree
from tts.training.grace.method import GraceMethod
from tts.training.method import TrainingMethod
from tts.training.responses import Response, Split, combine, read_responses, solutions, split


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The outcome of :func:`train_model`.

    Attributes:
        trained: the trained model and its history.
        split: the responses that it was trained and evaluated on.
    """

    trained: TrainedModel
    split: Split


def train_model(config: GraceConfig | FineceConfig, *, hooks: Hooks = SILENT) -> TrainingOutcome:
    """Draw or read graded responses, train on them, and write the model directory with its card.

    Args:
        config: the base model, the responses, the recipe and the directory, which exists.
        hooks: what the caller wants to see.

    Raises:
        InputError: the base or the pool cannot be trained from, or a checkpoint belongs to another training.
        TTSError: the loss is not finite.
    """
    parts, base = _responses(config, load_task(config.task, engine=config.engine), hooks)
    hooks.notify(f"{len(parts.train)} responses to learn from, {len(parts.held_out)} held out")
    method: TrainingMethod
    method = GraceMethod(config.recipe) if isinstance(config, GraceConfig) else FineceMethod(config.recipe)
    out = Path(str(config.out))
    return TrainingOutcome(build(out, parts, method, engine=config.engine, base=base, report=hooks.notify), parts)


def _responses(config: GraceConfig | FineceConfig, task: Task, hooks: Hooks) -> tuple[Split, dict[str, Any]]:
    """Return the responses in two parts, and their description as JSON values."""
    if config.pool is None:
        check_base(config.engine, config.recipe)
    model, revision = config.engine.identity
    path, run = config.pool, config.run
    base: dict[str, Any] = {"model": model, "revision": revision, "template": task.template}
    worked: dict[int, tuple[int, ...]] = {}
    with opened(config.engine, task.prompt, hooks) as engine:
        assert isinstance(engine, TransformersEngine)
        if path is None:
            path = str(Path(str(config.out)) / "pool.sqlite")
            drawn = _draw(config, task, engine, Path(path), hooks)
            run = drawn.pool.number
            hooks.notify(str(drawn.pool))
        pool = load_pool(path, run=run, notify=hooks.notify)
        if isinstance(config, FineceConfig):
            responses = _completions(config, pool, engine, model)
            base |= {"responses": len(responses), "tree": asdict(config.tree)}
        else:
            responses = _read(pool, engine, model)
            base |= {"responses": len(responses)}
            if config.recipe.anchor == "solution":
                prompts = {one.question: one.prompt for one in responses}
                context = engine.encoder.context
                worked = solutions(pool, task.solutions, encode=engine.encode, context=context, prompts=prompts)
    return split(responses, config.recipe.held_out, config.recipe.seed, worked), base


def _draw(
    config: GraceConfig | FineceConfig, task: Task, engine: TransformersEngine, path: Path, hooks: Hooks
) -> SampleOutcome:
    """Draw the responses that the pool does not hold yet: whole answers for GrACE, trees for FineCE."""
    if isinstance(config, GraceConfig):
        sampling = SampleConfig(config.task, config.engine, config.samples, out=str(path))
        return sample_into(path, sampling, task, engine, hooks=hooks)
    if config.recipe.read == "numbers":  # refused before anything is drawn
        number_tokens(engine.encoder.tokenizer, config.recipe.tokens)
    tree = Tree(config.tree, engine.decode, model_embedding(engine) if config.tree.embedding == "model" else tfidf)
    return grow_trees_into(path, tree, config.engine, task, engine, asdict(config), hooks=hooks)


def _completions(config: FineceConfig, pool: Pool, engine: TransformersEngine, model: str) -> tuple[Response, ...]:
    """Return the responses of a pool of trees, and of the pool of further answers.

    Raises:
        InputError: the pool holds no prefixes.
    """
    responses = _read(pool, engine, model, forks=True)
    if config.tree.levels and not any(one.given for one in responses):
        raise InputError(
            f"{pool.path} holds no prefixes: FineCE learns from completions of partial answers, so let this command "
            "draw them (pool=null), or give such a pool as answers=POOL"
        )
    if config.answers is None:
        return responses
    return combine(responses, _read(load_pool(config.answers), engine, model, forks=True))


def _read(pool: Pool, engine: TransformersEngine, model: str, *, forks: bool = False) -> tuple[Response, ...]:
    return read_responses(
        pool,
        model=model,
        prompt_ids=engine.prompt_ids,
        encode=engine.encode,
        end=engine.encoder.tokenizer.eos_token_id,
        context=engine.encoder.context,
        forks=forks,
    )
