"""The training of a head from its configuration to its directory: the one path that command line and Python share.

Draws the base model's responses where no pool is given, reads the frozen states once, fits, and evaluates on the
held-out questions. Responses that were drawn are found again when the command is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evals.live.hooks import SILENT, Hooks
from evals.live.run_session import notify_all, opened
from evals.tasks import Task, load_task
from evals.training.checks import check_head
from evals.training.config import HeadConfig
from evals.training.pool_prompt import prompt_of
from evals.training.settings import head_settings_text
from evals.training.train_model import draw_answers, read_tokens, split_counts
from tts.engines.hf.compatibility import other_layers
from tts.engines.hf.device import pick
from tts.engines.hf.engine import TransformersEngine
from tts.models.head import Head, HeadCard, Kind, Pooling, write_head
from tts.models.reader import TextEncoder, load_reader
from tts.models.resolve import fingerprint
from tts.models.states import Item, StateReader, States
from tts.pool import Pool, load_pool
from tts.progress.phases import Phases
from tts.training.gradable import check_pool
from tts.training.heads.clusters import fit_clustered
from tts.training.heads.evaluation import HeadEvaluation, evaluate_head
from tts.training.heads.fit import fit_question_probe, fit_response_probe
from tts.training.reading import read_texts
from tts.training.responses import Response, Split, split
from tts.types import Problem
from tts.wording import counted

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeadOutcome:
    """The outcome of :func:`train_head`.

    Attributes:
        card: the card that was written.
        head: the head.
        evaluation: on the held-out questions.
        split: the responses that it was fitted to and evaluated on.
    """

    card: HeadCard
    head: Head
    evaluation: HeadEvaluation
    split: Split


def train_head(config: HeadConfig, *, hooks: Hooks = SILENT) -> HeadOutcome:
    """Draw or read graded responses, fit a head on a frozen model's states of them, and write its directory.

    Args:
        config: the base model, the responses, the recipe and the directory, which exists.
        hooks: what the caller wants to see.

    Raises:
        InputError: the base, the auxiliary model, the questions or the pool cannot be used. What is known before
            anything is drawn is refused then.
        KeyboardInterrupt: on Ctrl-C, with a sentence on how to continue.
    """
    task, out = load_task(config.task, engine=config.engine), Path(str(config.out))
    check_head(config, task)
    pool = None
    if config.pool is not None:
        pool = load_pool(config.pool, run=config.runs, notify=hooks.notify)
        check_pool(pool, config.engine.identity[0])
    notify_all(task.notes if pool is None else (), hooks)
    hooks.notify(head_settings_text(config, task))
    try:
        with hooks.phases() as shown:
            return _train(config, task, pool, out, hooks, Phases(shown))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; repeat the command to read the same responses again in {out}") from None


def _train(config: HeadConfig, task: Task, pool: Pool | None, out: Path, hooks: Hooks, phases: Phases) -> HeadOutcome:
    recipe = config.recipe
    model, revision = config.engine.identity
    template, prompt = prompt_of([] if pool is None else [pool], task)
    with opened(config.engine, prompt, hooks) as engine:
        assert isinstance(engine, TransformersEngine)
        reader, encoder = _reader(config, engine)
        if pool is None:
            drawn = draw_answers(config, task, engine, out / "pool.sqlite", hooks)
            hooks.notify(str(drawn.pool))
            pool = load_pool(out / "pool.sqlite", run=drawn.pool.number, notify=hooks.notify)
        with phases.phase("reading", "read", len(pool.entries), facts="the responses, as tokens"):
            responses = _responses(pool, engine, encoder, model, phases)
        parts = split(responses, recipe.held_out, recipe.seed)
        hooks.notify(split_counts(parts))
        states = _states(reader, [*parts.train, *parts.held_out], recipe.kind, phases)
        vectors = _question_vectors(reader, parts.train, phases) if recipe.kind == "apricot" else None
    pooled, count = states.pooled("last" if recipe.kind == "p_ik" else recipe.pooling), len(parts.train)
    head = _fit(config, pooled[:count], parts.train, vectors, phases)
    found = evaluate_head(head.log_odds(pooled[count:]), parts)
    learned = {"model": model, "revision": revision, "template": template, "responses": len(responses)}
    extra: dict[str, Any] = {
        "recipe": asdict(recipe),
        "learned_from": learned,
        "held_out": asdict(found),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }
    place = ""
    if recipe.auxiliary is not None:
        folder = Path(recipe.auxiliary).expanduser().resolve()
        place, extra["reader_files"] = str(folder), fingerprint(folder)
    pooling = "last" if recipe.kind == "p_ik" else cast("Pooling", recipe.pooling)
    card = HeadCard(cast("Kind", recipe.kind), model, place, recipe.layer, pooling, pooled.shape[1], extra)
    with phases.phase("writing", "write", 1, facts=str(out)):
        write_head(out, card, head)
    return HeadOutcome(card, head, found, parts)


def _reader(config: HeadConfig, engine: TransformersEngine) -> tuple[StateReader, TextEncoder | None]:
    """Return the reader of the states, and the writer of its texts where these are not the engine's tokens.

    Raises:
        InputError: the model that is read has no such layer, or the auxiliary model cannot be loaded.
    """
    recipe, model = config.recipe, engine.batch.decoder.model
    if recipe.kind != "apricot":
        full = not other_layers(model.config.get_text_config())
        return StateReader(model.base_model, layer=recipe.layer, shared=full), None
    if recipe.auxiliary is None:
        source: Path | str = config.engine.folder or config.engine.model
        reader = StateReader(model.base_model, layer=recipe.layer, shared=False)
    else:
        source, device = Path(recipe.auxiliary).expanduser(), pick(config.engine.device)
        reader = load_reader(source, device=device, dtype="float32", layer=recipe.layer, shared=False)
    return reader, TextEncoder(source, reader.context)


def _responses(
    pool: Pool, engine: TransformersEngine, encoder: TextEncoder | None, model: str, phases: Phases
) -> tuple[Response, ...]:
    if encoder is None:
        return read_tokens(pool, engine, model, phases)

    def write(problem: Problem, texts: Sequence[str]) -> list[Item]:
        return [encoder.item(problem.question, text) for text in texts]

    return read_texts(pool, model=model, write=write, advance=phases.advance)


def _states(reader: StateReader, responses: Sequence[Response], kind: str, phases: Phases) -> States:
    """Return the states of responses, or of their prompts alone, [responses]."""
    items = [(one.prompt, () if kind == "p_ik" else one.ids) for one in responses]
    tokens = sum(row.length for row in reader.rows(items))
    facts = f"{counted(len(set(items)), 'text')}, {tokens} tokens"
    with phases.phase("states", "prepare", tokens, facts=facts):
        return reader.read(items, phases.advance)


def _question_vectors(reader: StateReader, responses: Sequence[Response], phases: Phases) -> Floats:
    """Return the mean state of each distinct question, in rising order of their numbers, [questions, width]."""
    prompts = {one.question: one.prompt for one in responses}
    items: list[Item] = [((), prompts[number]) for number in sorted(prompts)]
    tokens = sum(row.length for row in reader.rows(items))
    with phases.phase("questions", "prepare", tokens, facts=counted(len(items), "question")):
        return reader.read(items, phases.advance).mean


def _fit(
    config: HeadConfig, states: Floats, responses: Sequence[Response], vectors: Floats | None, phases: Phases
) -> Head:
    recipe = config.recipe
    correct = np.array([one.correct for one in responses])
    question = np.array([one.question for one in responses])
    fits = 1 + recipe.targets.folds if recipe.kind == "probe" and recipe.targets.kind == "bins" else 1
    with phases.phase("fitting", "fit", fits, facts=f"{states.shape[1]} weights"):
        if vectors is not None:
            return fit_clustered(states, correct, question, vectors, recipe)
        if recipe.kind == "p_ik":
            return fit_question_probe(states, correct, question, recipe)
        return fit_response_probe(states, correct, question, recipe, phases.advance)
