"""A training from its configuration to a model directory: the one path that the command line and Python share.

Draws the base model's responses where no pool is given; an interrupted training continues where it was when it is
repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.config import SampleConfig
from evals.live.hooks import SILENT, Hooks
from evals.live.outcome import SampleOutcome
from evals.live.run_session import notify_all, opened
from evals.live.sample_session import grow_trees_into, sample_into
from evals.tasks import Task, load_task
from evals.training.checks import check_training, ending_early
from evals.training.config import AnswersConfig, FineceConfig, GraceConfig, RewardConfig
from evals.training.pool_prompt import prompt_of
from evals.training.settings import settings_text
from tts.engines.hf.engine import TransformersEngine
from tts.errors import InputError
from tts.pool import Pool, load_pool
from tts.progress.phases import Phases
from tts.scorers.reward.outcome import written_ids
from tts.training.build import TrainedModel, build
from tts.training.checkpoint import CHECKPOINT
from tts.training.finece.cluster import tfidf
from tts.training.finece.embed import model_embedding
from tts.training.finece.method import FineceMethod
from tts.training.finece.tree import Tree
from tts.training.grace.method import GraceMethod
from tts.training.gradable import check_pool
from tts.training.method import TrainingMethod
from tts.training.reading import read_texts
from tts.training.responses import Ids, Response, Split, combine, read_responses, solutions, split
from tts.training.reward.method import RewardMethod
from tts.types import Problem


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The outcome of :func:`train_model`.

    Attributes:
        trained: the trained model and its history.
        split: the responses that it was trained and evaluated on.
    """

    trained: TrainedModel
    split: Split


def train_model(config: GraceConfig | FineceConfig | RewardConfig, *, hooks: Hooks = SILENT) -> TrainingOutcome:
    """Draw or read graded responses, train on them, and write the model directory with its card.

    Args:
        config: the base model, the responses, the recipe and the directory, which exists.
        hooks: what the caller wants to see.

    Raises:
        InputError: the base, the questions or the pool cannot be trained from; a checkpoint belongs to another
            training. What is known before anything is drawn is refused then, and the drawing ends where the first
            responses are all right or all wrong.
        TTSError: the loss is not finite.
        KeyboardInterrupt: on Ctrl-C, with a sentence on how to continue.
    """
    task, out = load_task(config.task, engine=config.engine), Path(str(config.out))
    method = _method(config)
    checked = check_training(config, task, method)
    pools = _given_pools(config, hooks)
    notify_all(task.notes, hooks)
    hooks.notify(settings_text(config, task))
    with hooks.phases() as shown:
        phases = Phases(shown)
        parts, base = _responses(config, task, checked, pools, hooks, phases)
        hooks.notify(split_counts(parts))
        try:
            trained = build(out, parts, method, engine=config.engine, base=base, report=hooks.notify, phases=phases)
        except KeyboardInterrupt:
            kept = "the last checkpoint" if (out / CHECKPOINT).exists() else "the same responses"
            raise KeyboardInterrupt(f"interrupted; repeat the command to continue with {kept} in {out}") from None
    return TrainingOutcome(trained, parts)


def _method(config: GraceConfig | FineceConfig | RewardConfig) -> TrainingMethod:
    if isinstance(config, GraceConfig):
        return GraceMethod(config.recipe)
    return FineceMethod(config.recipe) if isinstance(config, FineceConfig) else RewardMethod(config.recipe)


def split_counts(parts: Split) -> str:
    """Return one line about the responses to learn from and those that are held out."""
    right = sum(one.correct for one in parts.train) / len(parts.train)
    return (
        f"{len(parts.train)} responses to learn from, {right:.1%} of them right; {len(parts.held_out)} held out, to "
        f"{len({one.question for one in parts.held_out})} questions"
    )


def _given_pools(config: GraceConfig | FineceConfig | RewardConfig, hooks: Hooks) -> list[Pool]:
    """Return the pools that the configuration names, checked before a model is loaded."""
    found = [] if config.pool is None else [load_pool(config.pool, run=config.runs, notify=hooks.notify)]
    if isinstance(config, FineceConfig) and config.answers is not None:
        found.append(load_pool(config.answers))
    for pool in found:
        check_pool(pool, config.engine.identity[0], forks=isinstance(config, FineceConfig))
    return found


def _responses(
    config: GraceConfig | FineceConfig | RewardConfig,
    task: Task,
    method: TrainingMethod,
    pools: list[Pool],
    hooks: Hooks,
    phases: Phases,
) -> tuple[Split, dict[str, Any]]:
    """Return the responses in two parts, and their description as JSON values."""
    model, revision = config.engine.identity
    template, prompt = prompt_of(pools if config.pool is not None else [], task)
    base: dict[str, Any] = {"model": model, "revision": revision, "template": template}
    worked: dict[int, tuple[int, ...]] = {}
    with opened(config.engine, prompt, hooks) as engine:
        assert isinstance(engine, TransformersEngine)
        method.check_tokenizer(engine.encoder.tokenizer)
        if config.pool is None:
            path = Path(str(config.out)) / "pool.sqlite"
            drawn = _draw(config, task, engine, path, hooks)
            hooks.notify(str(drawn.pool))
            pools = [load_pool(path, run=drawn.pool.number, notify=hooks.notify), *pools]
        total = sum(len(pool.entries) for pool in pools)
        with phases.phase("reading", "read", total, facts="the responses, as tokens"):
            read = [_read(config, pool, engine, model, phases) for pool in pools]
        if isinstance(config, FineceConfig):
            responses = _completions(config, pools[0], read)
            base |= {"responses": len(responses), "tree": asdict(config.tree)}
        else:
            (responses,) = read
            base |= {"responses": len(responses)}
            if isinstance(config, GraceConfig) and config.recipe.anchor == "solution":
                prompts = {one.question: one.prompt for one in responses}
                context = engine.encoder.context
                worked = solutions(pools[0], task.solutions, encode=engine.encode, context=context, prompts=prompts)
    return split(responses, config.recipe.held_out, config.recipe.seed, worked), base


def _draw(
    config: GraceConfig | FineceConfig | RewardConfig, task: Task, engine: TransformersEngine, path: Path, hooks: Hooks
) -> SampleOutcome:
    """Draw the responses that the pool does not hold yet: whole answers for GrACE, trees for FineCE."""
    if not isinstance(config, FineceConfig):
        return draw_answers(config, task, engine, path, hooks)
    tree = Tree(config.tree, engine.decode, model_embedding(engine) if config.tree.embedding == "model" else tfidf)
    watched = ending_early(hooks, path, each=config.tree.k)
    return grow_trees_into(path, tree, config.engine, task, engine, asdict(config), hooks=watched)


def draw_answers(
    config: AnswersConfig, task: Task, engine: TransformersEngine, path: Path, hooks: Hooks
) -> SampleOutcome:
    """Draw the whole answers that the pool does not hold yet.

    Raises:
        InputError: the first responses are all right or all wrong.
    """
    sampling = SampleConfig(config.task, config.engine, config.samples, out=str(path))
    return sample_into(path, sampling, task, engine, hooks=ending_early(hooks, path, each=config.samples))


def _completions(config: FineceConfig, pool: Pool, read: list[tuple[Response, ...]]) -> tuple[Response, ...]:
    """Return the responses of a pool of trees, and of the pool of further answers.

    Raises:
        InputError: the pool holds no prefixes.
    """
    if config.tree.levels and not any(one.given for one in read[0]):
        raise InputError(
            f"{pool.path} holds no prefixes: FineCE learns from completions of partial answers, so let this command "
            "draw them (pool=null), or give such a pool as answers=POOL"
        )
    return combine(*read) if len(read) > 1 else read[0]


def _read(
    config: GraceConfig | FineceConfig | RewardConfig,
    pool: Pool,
    engine: TransformersEngine,
    model: str,
    phases: Phases,
) -> tuple[Response, ...]:
    """Return the graded responses of a pool: in the engine's tokens, or as a reward model reads question and text."""
    if not isinstance(config, RewardConfig):
        return read_tokens(pool, engine, model, phases, forks=isinstance(config, FineceConfig))
    tokenizer = engine.encoder.tokenizer

    def write(problem: Problem, texts: Sequence[str]) -> list[tuple[Ids, Ids]]:
        found = []
        for text in texts:
            ids = written_ids(tokenizer, problem.question, text)
            while len(ids) > 1 and ids[-1] == tokenizer.pad_token_id:  # a classifier is read before its padding
                ids.pop()
            found.append((tuple(ids[:1]), tuple(ids[1:])))
        return found

    return read_texts(pool, model=model, write=write, context=engine.encoder.context, advance=phases.advance)


def read_tokens(
    pool: Pool, engine: TransformersEngine, model: str, phases: Phases, *, forks: bool = False
) -> tuple[Response, ...]:
    """Return the graded responses of a pool in the tokens of the engine's model.

    Raises:
        InputError: as :func:`~tts.training.responses.read_responses`.
    """
    return read_responses(
        pool,
        model=model,
        prompt_ids=engine.prompt_ids,
        encode=engine.encode,
        end=engine.encoder.tokenizer.eos_token_id,
        context=engine.encoder.context,
        forks=forks,
        advance=phases.advance,
    )
