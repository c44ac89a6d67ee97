"""The settings of a training as a short block of text: what was given, the defaults, and what was chosen here."""

from __future__ import annotations

from collections.abc import Mapping

from evals.tasks import Task
from evals.training.config import AnswersConfig, FineceConfig, GraceConfig, HeadConfig, RewardConfig, TinyConfig
from tts.engines.hf.device import fast_bfloat16, pick, pick_dtype
from tts.training.responses import held_out_questions
from tts.training.schedule import Schedule
from tts.wording import counted


def settings_text(config: GraceConfig | FineceConfig | RewardConfig, task: Task) -> str:
    """Return the settings of a training, a few lines of at most 80 columns where names are short."""
    recipe, engine = config.recipe, config.engine
    names = {GraceConfig: "GrACE", FineceConfig: "FineCE", RewardConfig: "Reward"}
    method = next(name for kind, name in names.items() if isinstance(config, kind))
    device = pick(engine.device)
    chosen = [f"device {device}"] if engine.device == "auto" else []
    if engine.dtype == "auto" and config.pool is None:
        drawn = pick_dtype(engine.dtype, engine.device, engine.folder or engine.model, engine.revision)
        chosen.append(f"drawn in {drawn}")
    if recipe.dtype == "auto":
        chosen.append(f"trained in {'bfloat16' if fast_bfloat16(device) else 'float32'}")
    rows = {
        "learns from": _source(config, task),
        "method": _method(recipe),
        "confidence": _confidence(config),
        "text": _text(config),
        "optimiser": f"learning rate {recipe.learning_rate:g}"
        + (f", Muon's {recipe.muon_learning_rate:g}" if recipe.muon_learning_rate else "")
        + f", {counted(recipe.epochs, 'epoch')}, batches of {counted(recipe.batch_size, 'response')}",
        "held out": f"{_held_out(config, task)}, {counted(recipe.evaluations, 'evaluation')} an epoch, "
        f"patience {recipe.patience}",
        "chosen here": ", ".join(chosen),
        "writes": str(config.out),
        "every key": f"tts config train {method.lower()}",
    }
    return _block(f"{method} on {engine.model}", rows)


def head_settings_text(config: HeadConfig, task: Task) -> str:
    """Return the settings of a head's training, a few lines of at most 80 columns where names are short."""
    recipe, engine = config.recipe, config.engine
    layer = "the last layer" if recipe.layer == -1 else f"layer {recipe.layer}"
    pooled = "mean state" if recipe.pooling == "mean" else "last state"
    targets = recipe.targets
    reads, learns = {
        "probe": (
            f"{pooled} of a response, {layer}",
            "grades" if targets.kind == "hard" else f"accuracies of {targets.bins} bins, {targets.folds} folds",
        ),
        "p_ik": (f"state at the question's last token, {layer}", "share of right responses to the question"),
        "apricot": (
            f"{pooled} of a response in {recipe.auxiliary or 'the base model'}, {layer}",
            f"accuracies of clusters of {counted(recipe.cluster_size, 'question')} on average",
        ),
    }[recipe.kind]
    device = pick(engine.device)
    rows = {
        "learns from": _source(config, task),
        "reads": reads,
        "targets": learns,
        "fit": f"logistic regression, ridge {recipe.ridge:g}",
        "held out": _held_out(config, task),
        "chosen here": f"device {device}" if engine.device == "auto" else "",
        "writes": str(config.out),
        "every key": "tts config train head",
    }
    return _block(f"Head {recipe.kind} on {engine.model}", rows)


def tiny_settings_text(config: TinyConfig) -> str:
    """Return the settings of a training of the bundled reasoner, a few lines of at most 80 columns."""
    recipe = config.recipe.shortened(config.share)
    device = pick(config.device)
    chosen = [f"device {device}"] if config.device == "auto" else []
    chosen.append(f"trained in {'bfloat16' if fast_bfloat16(device) else 'float32'}")
    share = f", {config.share:g} of the recipe's" if config.share < 1 else ""
    rows = {
        "learns from": f"generated stories, batches of {recipe.batch_tokens} tokens",
        "model": f"{counted(recipe.layers, 'layer')}, {recipe.width} wide, from scratch",
        "steps": f"{recipe.steps}{share}, in {counted(len(recipe.phases), 'part')}",
        "optimiser": f"learning rate {recipe.learning_rate:g}, Muon's {recipe.muon_learning_rate:g}",
        "chosen here": ", ".join(chosen),
        "writes": str(config.out),
        "every key": "tts config train tiny",
    }
    return _block("The bundled reasoner", rows)


def _block(title: str, rows: Mapping[str, str]) -> str:
    """Return a title and the rows that have a value."""
    return "\n".join([title, *(f"  {name:<12} {value}" for name, value in rows.items() if value)])


def _source(config: FineceConfig | AnswersConfig, task: Task) -> str:
    if config.pool is not None:
        return f"the responses in {config.pool}"
    questions = f"{counted(len(task.problems), 'question')} of {task.name}"
    if not isinstance(config, FineceConfig):
        return f"{questions}, {counted(config.samples, 'sample')} each, drawn first"
    tree = config.tree
    most = tree.k * (1 + tree.clusters * tree.levels)
    return f"{questions}, trees of at most {most} samples each, drawn first"


def _method(recipe: Schedule) -> str:
    if recipe.method == "lora":
        return f"lora, rank {recipe.lora.rank}, alpha {recipe.lora.alpha}"
    if recipe.method == "full":
        return "full: every weight"
    grow = recipe.grow
    parts = (
        counted(grow.channels, "channel"),
        counted(grow.heads, "head"),
        counted(grow.neurons, "neuron"),
        counted(grow.layers, "layer"),
    )
    return f"grow by {', '.join(parts)}" + (f", upon {grow.base}" if grow.base else "")


def _confidence(config: GraceConfig | FineceConfig | RewardConfig) -> str:
    if isinstance(config, RewardConfig):
        return "a classifier's logit at the last token, log loss"
    where = "after every token" if config.recipe.positions == "every" else f"at {config.recipe.positions}"
    if isinstance(config, GraceConfig):
        one = config.recipe
        text = f"token {one.token} {where}, {one.targets.kind} targets, {one.loss} loss"
        return text
    return f"{config.recipe.read} {where}"


def _text(config: GraceConfig | FineceConfig | RewardConfig) -> str:
    """Return the loss that keeps the text as it was; empty where there is none."""
    if not isinstance(config, GraceConfig) or not config.recipe.weight_lm:
        return ""
    return f"kept near the {config.recipe.anchor}, weight {config.recipe.weight_lm:g}"


def _held_out(config: GraceConfig | FineceConfig | HeadConfig | RewardConfig, task: Task) -> str:
    share = f"{config.recipe.held_out:.0%} of the questions"
    if config.pool is not None:
        return share
    return f"{share} ({held_out_questions(len(task.problems), config.recipe.held_out)})"
