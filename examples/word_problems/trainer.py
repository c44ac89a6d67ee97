"""The Trainer of transformers with batches of ours: the loss of learned tokens alone, and float32 copies of weights."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from tts.training.last_states import decoder_of
from word_problems.optimizer import MasterAdamW
from word_problems.rows import IGNORED, Row

BETAS, WEIGHT_DECAY, MAX_GRADIENT, WARM_UP, LAST_RATE = (0.9, 0.98), 0.01, 1.0, 0.05, 0.03
"""AdamW's constants, the largest norm of a gradient, the share of warm-up, and the last learning rate's share."""
STATE = "trainer_state.json"
"""The last file of a checkpoint to be written."""


class Batches(Dataset[Sequence[Row]]):
    """Batches in their order, each one item."""

    def __init__(self, batches: Sequence[Sequence[Row]]) -> None:
        """Take the batches."""
        self._batches = batches

    def __len__(self) -> int:
        """The number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Sequence[Row]:
        """Return a batch."""
        return self._batches[index]


def collate(items: Sequence[Sequence[Row]]) -> dict[str, torch.Tensor]:
    """Return one batch as tensors [rows, tokens]; padding stands at the right, where causal attention never looks."""
    [rows] = items
    longest = max(len(row.ids) for row in rows)
    return {
        "input_ids": torch.tensor([[*row.ids, *[0] * (longest - len(row.ids))] for row in rows]),
        "labels": torch.tensor([[*row.labels, *[IGNORED] * (longest - len(row.labels))] for row in rows]),
    }


class LearnedTokensTrainer(Trainer):
    """A Trainer whose loss, and whose output layer, is computed for learned tokens alone."""

    def compute_loss(
        self, model: Any, inputs: Mapping[str, Any], return_outputs: bool = False, **_: Any
    ) -> torch.Tensor | tuple[torch.Tensor, None]:
        """Return the mean cross-entropy, in nats, of the learned tokens of a batch."""
        # On a processor the backward pass of fused attention takes three times as long as that of plain products.
        with sdpa_kernel(SDPBackend.MATH) if model.device.type == "cpu" else nullcontext():
            hidden = decoder_of(model)(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state[:, :-1]
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        logits = model.get_output_embeddings()(hidden[learned]).float()
        loss = torch.nn.functional.cross_entropy(logits, labels[learned])
        return (loss, None) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return AdamW over all parameters that are trained; with copies where the embedding is in bfloat16."""
        if self.optimizer is None:
            trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
            short = self.model.get_input_embeddings().weight.dtype == torch.bfloat16
            options: dict[str, Any] = {"lr": self.args.learning_rate, "betas": BETAS, "weight_decay": WEIGHT_DECAY}
            self.optimizer = (
                MasterAdamW(trained, **options) if short else torch.optim.AdamW(trained, fused=True, **options)
            )
        return self.optimizer


class Progress(TrainerCallback):
    """A line for each logged step, and the seconds of training of all sessions in the log."""

    def __init__(self, tokens: Sequence[int], show: Callable[[str], None]) -> None:
        """Take the tokens of each batch and a function that prints a line."""
        self._tokens, self._show = tokens, show
        self._first = 0
        self._before = self._began = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._first, self._began = state.global_step, time.monotonic()
        self._before = max((entry.get("seconds", 0.0) for entry in state.log_history), default=0.0)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Print where the training stands."""
        if "loss" not in (logs or {}):
            return
        here, step = time.monotonic() - self._began, state.global_step
        state.log_history[-1]["seconds"] = self._before + here
        rate = sum(self._tokens[self._first : step]) / here
        left = sum(self._tokens[step:]) / rate / 60
        self._show(
            f"step {step} of {len(self._tokens)}: loss {logs['loss']:.3f}, {rate:.0f} tokens/s, "
            f"about {left:.1f} min left"
        )


def train(
    model: Any,
    batches: Sequence[Sequence[Row]],
    folder: Path,
    *,
    learning_rate: float,
    seed: int,
    save_every: int,
    show: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Train a model in place, from the last checkpoint in a folder where there is one, and return the log.

    The input embedding, and with it a tied output layer, stays as it is.

    Args:
        model: a causal language model; in float32, but for an embedding that may be in bfloat16.
        batches: one a step.
        folder: holds the checkpoints.
        learning_rate: the largest; it falls along a cosine after a linear warm-up.
        seed: that of the Trainer.
        save_every: steps between checkpoints.
        show: prints a line.
    """
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=len(batches),
        per_device_train_batch_size=1,
        learning_rate=learning_rate,
        max_grad_norm=MAX_GRADIENT,
        warmup_steps=WARM_UP,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": LAST_RATE},
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        logging_steps=min(20, max(len(batches) // 10, 1)),
        logging_first_step=True,
        save_steps=save_every,
        save_total_limit=1,
        seed=seed,
        disable_tqdm=True,
        report_to="none",
        dataloader_pin_memory=False,
    )
    tokens = [sum(len(row.ids) for row in batch) for batch in batches]
    trainer = LearnedTokensTrainer(model, arguments, collate, Batches(batches), callbacks=[Progress(tokens, show)])
    trainer.remove_callback(PrinterCallback)
    last = last_checkpoint(folder)
    if last is not None:
        show(f"continuing behind step {last.name.rpartition('-')[2]}")
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    return list(trainer.state.log_history)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the last whole checkpoint of a folder, and remove those that a kill left unfinished."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            json.loads((path / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
        else:
            whole.append(path)
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
