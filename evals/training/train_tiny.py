"""The training of the bundled reasoner from its configuration to its grades: the path of command line and Python."""

from __future__ import annotations

from pathlib import Path

from evals.live.hooks import SILENT, Hooks
from evals.training.config import TinyConfig
from evals.training.settings import tiny_settings_text
from tts.engines.hf.device import pick
from tts.progress.phases import Phases
from tts.training.checkpoint import CHECKPOINT
from tts.training.tiny.grade import grade
from tts.training.tiny.train import record, train


def train_tiny(config: TinyConfig, *, hooks: Hooks = SILENT) -> dict[str, float]:
    """Train on generated stories, write the model directory, and return its grades on the test split.

    Args:
        config: the recipe and the directory.
        hooks: what the caller wants to see.

    Returns:
        As :func:`tts.training.tiny.grade.grade`; ``recipe.json`` in the directory has them too.

    Raises:
        InputError: no such device, or a checkpoint of another recipe.
        KeyboardInterrupt: on Ctrl-C, with a sentence on how to continue.
    """
    out, device = Path(str(config.out)), pick(config.device)
    hooks.notify(tiny_settings_text(config))
    with hooks.phases() as shown:
        phases = Phases(shown)
        try:
            recipe = config.recipe.shortened(config.share)
            train(out, recipe, device=device, report=hooks.notify, phases=phases)
            numbers = grade(out, device=device, phases=phases)
        except KeyboardInterrupt:
            again = "to continue with the last checkpoint" if (out / CHECKPOINT).exists() else "to start again"
            raise KeyboardInterrupt(f"interrupted; repeat the command {again} in {out}") from None
    record(out, numbers)
    return numbers
