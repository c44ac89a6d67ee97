"""The training pipeline of GrACE and FineCE: load a base model, train it, write the model directory and its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tts.engines.config import EngineConfig
from tts.engines.hf.device import pick
from tts.models.loading import quiet
from tts.progress.phases import Phases
from tts.training.base_model import load_base
from tts.training.checkpoint import CHECKPOINT, read
from tts.training.history import History
from tts.training.loop import Loop
from tts.training.method import TrainingMethod
from tts.training.responses import Split, row_tokens


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The outcome of a training.

    Attributes:
        model: the model with its best weights.
        tokens: ids of its confidence tokens; empty for a value head.
        history: the losses and the evaluations.
    """

    model: Any
    tokens: tuple[int, ...]
    history: History


def build(
    out: Path,
    split: Split,
    method: TrainingMethod,
    *,
    engine: EngineConfig,
    base: Mapping[str, Any],
    report: Callable[[str], None] = print,
    phases: Phases | None = None,
) -> TrainedModel:
    """Train the engine's model on responses and write it.

    Args:
        out: the directory; a checkpoint in it is continued.
        split: the responses.
        method: the training method with its recipe.
        engine: names the base model and the device.
        base: describes the responses as JSON values; "model" names the base model.
        report: receives a line about each evaluation, an early stop and a continued checkpoint.
        phases: receives the progress.

    Raises:
        InputError: as :func:`train` and :func:`tts.training.base_model.load_base`.
    """
    phases = phases or Phases()
    with phases.phase("loading", "load", 1, facts=str(base["model"])):
        loaded = load_base(engine, method.recipe)
    base = {**base, **loaded.grown_from}
    trained = train(
        out,
        loaded.model,
        loaded.tokenizer,
        split,
        method.for_base(engine),
        base=base,
        device=pick(engine.device),
        report=report,
        phases=phases,
    )
    extra = {
        "recipe": asdict(method.recipe),
        "learned_from": dict(base),
        "held_out": asdict(trained.history.best),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
    with quiet(), phases.phase("writing", "write", 1, facts=str(out)):
        method.write(
            out,
            trained.model,
            loaded.tokenizer,
            tokens=trained.tokens,
            base=str(base["model"]),
            dtype=loaded.dtype,
            extra=extra,
        )
    return trained


def train(
    out: Path,
    model: Any,
    tokenizer: Any,
    split: Split,
    method: TrainingMethod,
    *,
    base: Mapping[str, Any],
    device: str = "cpu",
    report: Callable[[str], None] = print,
    phases: Phases | None = None,
) -> TrainedModel:
    """Train until held-out Brier has not improved for the recipe's patience, or until the last epoch ends.

    Args:
        out: a directory; a checkpoint in it, of the same recipe and base, is continued.
        model: the base model in float32; it is changed.
        tokenizer: its tokenizer; the confidence tokens are added to it.
        split: the responses.
        method: the training method with its recipe.
        base: names the base model and the responses, as JSON values; part of what a checkpoint must share.
        device: cpu, cuda or mps.
        report: receives a line about each evaluation, an early stop and a continued checkpoint.
        phases: receives the progress.

    Raises:
        InputError: the tokenizer cannot hold the confidence tokens, a checkpoint belongs to another training, or the
            responses lack what the recipe learns from.
        TTSError: the loss is not finite; the best checkpoint is kept.
    """
    method.check(split)
    phases = phases or Phases()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(method.recipe.seed)
    tokens = method.add_tokens(model, tokenizer)
    model.to(torch.device(device)).eval()
    shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
    identity = {"recipe": asdict(method.recipe), "base": dict(base), "shapes": shapes}
    saved = read(out / CHECKPOINT, identity, device)
    end = int(tokenizer.eos_token_id)
    recipe = method.recipe
    phases.expect("write", 1)
    if saved is None:  # the loop counts exactly what a checkpoint leaves to be done
        phases.expect("learn", recipe.epochs * row_tokens(split.train))
        phases.expect("evaluate", recipe.epochs * recipe.evaluations * row_tokens(split.held_out))
    learner, objective = method.start(model, split, saved, tokens=tokens, end=end, device=device, phases=phases)
    loop = Loop(
        out, learner, objective, recipe, identity=identity, saved=saved, device=device, report=report, phases=phases
    )
    loop.run()
    return TrainedModel(loop.model, tuple(tokens), loop.history)
