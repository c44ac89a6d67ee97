"""The loop of a training: steps of the optimisers, looks at held-out questions, checkpoints, early stopping.

Knows nothing about what is learned: an :class:`Objective` has the rows, their losses and the looks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from tts.engines.hf.device import fast_bfloat16
from tts.errors import TTSError
from tts.training.adapters import optimisers, trainable
from tts.training.checkpoint import BEST, CHECKPOINT, write
from tts.training.history import History, Look
from tts.training.responses import batches
from tts.training.schedule import Schedule

SAVE_EVERY = 60.0
"""Seconds between checkpoints."""
SHOWN_EVERY = 5.0
"""Seconds between lines of progress."""


class Objective(Protocol):
    """What a model learns."""

    @property
    def rows(self) -> Sequence[Sequence[int]]:
        """The numbers of the responses in each row: what is computed together."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        ...

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """The loss of some rows as a share of that of their batch.

        Returns:
            (what to descend, the calibration loss in it, the language-model loss in it, 0 without).
        """
        ...

    def look(self, model: Any, step: int) -> Look:
        """What confidences are worth on the held-out questions; called without gradients."""
        ...


class Loop:
    """One training.

    Attributes:
        model: what is trained; at the end it has the best weights.
        history: what happened.
        step: steps taken.
    """

    def __init__(
        self,
        out: Path,
        model: Any,
        objective: Objective,
        schedule: Schedule,
        *,
        identity: Mapping[str, Any],
        kept: Mapping[str, Any],
        saved: Mapping[str, Any] | None,
        device: str,
        tell: Callable[[str], None],
    ) -> None:
        """Start, or continue a checkpoint.

        Args:
            out: a directory, for checkpoints.
            model: with what is trained wanting gradients.
            objective: what it learns.
            schedule: how.
            identity: what a checkpoint must share to be continued, see :func:`tts.training.checkpoint.read`.
            kept: what else a checkpoint holds, beside the weights and what moves them.
            saved: the checkpoint to continue, or None.
            device: cpu, cuda or mps.
            tell: gets a line of progress now and then.
        """
        self.out, self.model, self.objective, self.schedule = out, model, objective, schedule
        self.device, self.tell = device, tell
        self.history, self.step = History(), 0
        self._identity, self._kept = identity, kept
        self._weights = dict(trainable(model))
        self._optimisers = optimisers(model, schedule)
        self._peaks = [optimiser.param_groups[0]["lr"] for optimiser in self._optimisers]
        self._responses = sum(map(len, objective.rows))
        if saved is not None:
            self._restore(saved)

    @property
    def per_batch(self) -> int:
        """Rows a batch: as many as hold the schedule's responses, on average."""
        return max(1, round(self.schedule.batch * len(self.objective.rows) / self._responses))

    @property
    def per_pass(self) -> int:
        """Rows in one pass."""
        return max(1, round(self.schedule.rows * len(self.objective.rows) / self._responses))

    @property
    def per_epoch(self) -> int:
        """Optimiser steps an epoch."""
        return math.ceil(len(self.objective.rows) / self.per_batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole schedule."""
        return self.schedule.epochs * self.per_epoch

    def go(self) -> None:
        """Train, and end with the best weights.

        Raises:
            TTSError: the loss is no finite number; the best checkpoint is kept.
        """
        if not self._stalled():
            self._go()
            if self._stalled():
                self.tell(f"held-out Brier has not improved in {self.schedule.patience} looks: stopping early")
        state = torch.load(self.out / BEST, map_location=self.device)
        self._take(state["weights"])
        self.model.eval()

    def _go(self) -> None:
        """Take steps until the last, or until held-out Brier has stalled."""
        schedule, per_epoch = self.schedule, self.per_epoch
        looks = {round((i + 1) * per_epoch / schedule.evaluations) for i in range(schedule.evaluations)}
        written = shown = began = time.monotonic()
        first = self.step
        while self.step < self.steps:
            epoch, done = divmod(self.step, per_epoch)
            rng = np.random.default_rng([schedule.seed, 14, epoch])
            for batch in list(batches(self.objective.lengths, self.per_batch, rng))[done:]:
                losses = self.learn(batch)
                self.step += 1
                self.history.losses.append((self.step, *losses))
                now = time.monotonic()
                if now - shown > SHOWN_EVERY or self.step == self.steps:
                    shown, pace = now, (now - began) / (self.step - first)
                    self.tell(self._line(pace))
                look = self.step % per_epoch in looks or self.step % per_epoch == 0
                if look:
                    self._look()
                if look or now - written > SAVE_EVERY:
                    self._save(CHECKPOINT)
                    written = now
                if look and self._stalled():
                    return

    def learn(self, batch: Sequence[int]) -> tuple[float, float]:
        """One step of the optimisers over a batch of rows, in as many passes as they need; its two losses.

        Raises:
            TTSError: a loss or the gradient is no finite number.
        """
        scale = self._scale()
        for optimiser, peak in zip(self._optimisers, self._peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * scale
        self.model.train()
        calibration = language = 0.0
        for start in range(0, len(batch), self.per_pass):
            loss, off, lm = self.objective.losses(self.model, batch[start : start + self.per_pass], batch)
            loss.backward()  # type: ignore[no-untyped-call]
            calibration, language = calibration + off, language + lm
        norm = float(torch.nn.utils.clip_grad_norm_(self._weights.values(), 1.0))
        if not (math.isfinite(calibration + language) and math.isfinite(norm)):
            kept = (
                f"the best weights so far are kept in {self.out / BEST}" if self.history.looks else "none were kept yet"
            )
            raise TTSError(
                f"the loss at step {self.step + 1} is no finite number (calibration {calibration:g}, language model "
                f"{language:g}, gradient {norm:g}): {kept}; train again into an empty directory with a lower "
                f"recipe.rate than {self.schedule.rate:g}"
            )
        for optimiser in self._optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return calibration, language

    def _scale(self) -> float:
        """The next step's learning rate as a share of its peak."""
        warm = max(1, round(self.schedule.warmup * self.steps))
        return min((self.step + 1) / warm, (self.steps - self.step) / max(1, self.steps - warm))

    def _look(self) -> None:
        """Judge the held-out questions; keep the weights where they are the best so far."""
        self.model.eval()
        with torch.inference_mode():
            look = self.objective.look(self.model, self.step)
        self.history.looks.append(look)
        if self.history.best is look:
            self._save(BEST)
        self.tell(f"step {look.step}/{self.steps}  held out: {look}")

    def _stalled(self) -> bool:
        looks = self.history.looks
        return bool(looks) and len(looks) - 1 - looks.index(self.history.best) >= self.schedule.patience

    def _line(self, pace: float) -> str:
        last = self.history.losses[-20:]
        calibration, language = (math.fsum(one[i] for one in last) / len(last) for i in (1, 2))
        lm = f"  language model {language:.4f}" if language else ""
        left = pace * (self.steps - self.step) / 60
        return f"step {self.step}/{self.steps}  calibration {calibration:.4f}{lm}  {left:.1f} min left"

    def _take(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])

    def _save(self, name: str) -> None:
        """Write the weights, and for a checkpoint everything else that what follows depends on."""
        state: dict[str, Any] = {
            "identity": self._identity,
            "step": self.step,
            "weights": {key: weight.detach() for key, weight in self._weights.items()},
        }
        if name == CHECKPOINT:
            state |= {
                **self._kept,
                "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
                "losses": self.history.losses,
                "looks": [asdict(look) for look in self.history.looks],
                "random": torch.get_rng_state(),
            }
        write(self.out / name, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._take(state["weights"])
        for optimiser, kept in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.step = int(state["step"])
        self.history.losses = [tuple(one) for one in state["losses"]]
        self.history.looks = [Look(**look) for look in state["looks"]]
        torch.set_rng_state(state["random"].cpu())
        self.tell(f"continuing at step {self.step} of {self.steps}")


def precision(dtype: str, device: str) -> Any:
    """A context for matrix products: of "float32", "bfloat16", or "auto": bfloat16 where the device has it."""
    if dtype == "float32" or (dtype == "auto" and not fast_bfloat16(device)):
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)
