"""The training loop: optimiser steps, evaluations on held-out questions, checkpoints and early stopping.

An :class:`Objective` has the rows, their losses and the evaluation; the loop knows nothing else about the method.
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
from tts.progress.phases import Phases
from tts.training.adapters import optimisers, trainable
from tts.training.checkpoint import BEST, CHECKPOINT, write
from tts.training.history import Evaluation, History
from tts.training.responses import batches
from tts.training.schedule import Schedule

SAVE_EVERY_S = 60.0
"""Seconds between checkpoints."""


class Objective(Protocol):
    """The responses that a model learns from, and its loss on them."""

    @property
    def rows(self) -> Sequence[Sequence[int]]:
        """The numbers of the responses in each row, which share one forward pass."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        ...

    @property
    def extra_state(self) -> Mapping[str, Any]:
        """The values that a checkpoint holds beside the weights and the state of the optimisers."""
        ...

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """Return the loss of some rows as a share of the loss of their batch.

        Args:
            model: the trained model.
            part: numbers of the rows.
            batch: numbers of all rows of the batch.

        Returns:
            (the loss to minimise, its calibration loss, its language-model loss or 0 without).
        """
        ...

    @property
    def held_out_tokens(self) -> int:
        """Tokens that an evaluation reads."""
        ...

    def evaluate(self, model: Any, step: int, advance: Callable[[int], None]) -> Evaluation:
        """Return the evaluation of the model's confidences on the held-out questions; called without gradients.

        Args:
            model: the trained model.
            step: optimiser steps so far.
            advance: receives the tokens of each forward pass.
        """
        ...


class Loop:
    """One training.

    Attributes:
        model: the trained model; at the end it has the best weights.
        history: the losses and the evaluations.
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
        saved: Mapping[str, Any] | None,
        device: str,
        report: Callable[[str], None],
        phases: Phases,
    ) -> None:
        """Start, or continue a checkpoint.

        Args:
            out: a directory for checkpoints.
            model: the model; its trained weights require gradients.
            objective: the loss and the evaluation.
            schedule: the optimisers, the steps and when to stop.
            identity: the values that a checkpoint must share, see :func:`tts.training.checkpoint.read`.
            saved: the checkpoint to continue, or None.
            device: cpu, cuda or mps.
            report: receives a line about each evaluation, an early stop and a continued checkpoint.
            phases: receives the progress.
        """
        self.out, self.model, self.objective, self.schedule = out, model, objective, schedule
        self.device, self.report, self.phases = device, report, phases
        self.history, self.step = History(), 0
        self._identity = identity
        self._weights = dict(trainable(model))
        self._optimisers = optimisers(model, schedule)
        self._peaks = [optimiser.param_groups[0]["lr"] for optimiser in self._optimisers]
        self._responses = sum(map(len, objective.rows))
        if saved is not None:
            self._restore(saved)

    @property
    def per_batch(self) -> int:
        """Rows in a batch: as many as hold ``batch_size`` responses on average."""
        return max(1, round(self.schedule.batch_size * len(self.objective.rows) / self._responses))

    @property
    def per_pass(self) -> int:
        """Rows in one pass."""
        return max(1, round(self.schedule.micro_batch_size * len(self.objective.rows) / self._responses))

    @property
    def per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return math.ceil(len(self.objective.rows) / self.per_batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole schedule."""
        return self.schedule.epochs * self.per_epoch

    def run(self) -> None:
        """Train, and end with the best weights.

        Raises:
            TTSError: the loss is not finite; the best checkpoint is kept.
        """
        if not self._stalled():
            self._take_steps()
            if self._stalled():
                self.report(f"held-out Brier has not improved in {self.schedule.patience} evaluations: stopping early")
        self.phases.expect("learn", 0)
        self.phases.expect("evaluate", 0)
        state = torch.load(self.out / BEST, map_location=self.device)
        self._set_weights(state["weights"])
        self.model.eval()

    def _take_steps(self) -> None:
        """Take steps until the last one, or until held-out Brier stops improving."""
        batches_left = self._batches_left()
        if not batches_left:
            return
        self.phases.expect(
            "evaluate", sum(map(self._is_due, range(self.step + 1, self.steps + 1))) * self.objective.held_out_tokens
        )
        total = sum(self._tokens(batch) for batch in batches_left)
        with self.phases.phase("training", "learn", total, facts=f"{self.steps - self.step} steps"):
            written = time.monotonic()
            for batch in batches_left:
                losses = self.learn(batch)
                self.step += 1
                self.history.losses.append((self.step, *losses))
                self.phases.advance(0, self._line())
                due = self._is_due(self.step)
                if due:
                    self._evaluate()
                if due or time.monotonic() - written > SAVE_EVERY_S:
                    self._save(CHECKPOINT)
                    written = time.monotonic()
                if due and self._stalled():
                    return

    def _tokens(self, rows: Sequence[int]) -> int:
        return sum(self.objective.lengths[i] for i in rows)

    def _is_due(self, step: int) -> bool:
        """Return whether an evaluation follows a step: as often in an epoch as scheduled, and at its end."""
        count, within = self.schedule.evaluations, step % self.per_epoch
        return not within or within in {round((i + 1) * self.per_epoch / count) for i in range(count)}

    def _batches_left(self) -> list[list[int]]:
        """Return the batches of all steps to come, each the numbers of its rows."""
        epoch, done = divmod(self.step, self.per_epoch)
        found: list[list[int]] = []
        for number in range(epoch, self.schedule.epochs):
            rng = np.random.default_rng([self.schedule.seed, 14, number])
            found += batches(self.objective.lengths, self.per_batch, rng)
        return found[done:]

    def learn(self, batch: Sequence[int]) -> tuple[float, float]:
        """Take one optimiser step on a batch of rows, in as many passes as needed; return its two losses.

        Raises:
            TTSError: a loss or the gradient is not finite.
        """
        scale = self._scale()
        for optimiser, peak in zip(self._optimisers, self._peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * scale
        self.model.train()
        calibration = language = 0.0
        for start in range(0, len(batch), self.per_pass):
            part = batch[start : start + self.per_pass]
            loss, off, lm = self.objective.losses(self.model, part, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            calibration, language = calibration + off, language + lm
            self.phases.advance(self._tokens(part), self._line())
        norm = float(torch.nn.utils.clip_grad_norm_(self._weights.values(), 1.0))
        if not (math.isfinite(calibration + language) and math.isfinite(norm)):
            kept = (
                f"the best weights so far are kept in {self.out / BEST}"
                if self.history.evaluations
                else "none were kept yet"
            )
            raise TTSError(
                f"the loss at step {self.step + 1} is not finite (calibration {calibration:g}, language model "
                f"{language:g}, gradient {norm:g}): {kept}; train again into an empty directory with a lower "
                f"recipe.learning_rate than {self.schedule.learning_rate:g}"
            )
        for optimiser in self._optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return calibration, language

    def _scale(self) -> float:
        """The next step's learning rate as a share of its peak."""
        warm = max(1, round(self.schedule.warmup * self.steps))
        return min((self.step + 1) / warm, (self.steps - self.step) / max(1, self.steps - warm))

    def _evaluate(self) -> None:
        """Evaluate on the held-out questions; keep the weights if they are the best so far."""
        self.model.eval()
        with self.phases.phase("evaluating", "evaluate", self.objective.held_out_tokens), torch.inference_mode():
            found = self.objective.evaluate(self.model, self.step, self.phases.advance)
        self.history.evaluations.append(found)
        if self.history.best is found:
            self._save(BEST)
        self.report(f"step {found.step}/{self.steps}: {found}")

    def _stalled(self) -> bool:
        done = self.history.evaluations
        return bool(done) and len(done) - 1 - done.index(self.history.best) >= self.schedule.patience

    def _line(self) -> str:
        """Return the step and the calibration loss of the last steps."""
        last = [calibration for _, calibration, _ in self.history.losses[-20:]]
        loss = f", loss {math.fsum(last) / len(last):.3f}" if last else ""
        return f"step {self.step}/{self.steps}{loss}"

    def _set_weights(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])

    def _save(self, name: str) -> None:
        """Write the weights, and in a checkpoint everything else that the following steps depend on."""
        state: dict[str, Any] = {
            "identity": self._identity,
            "step": self.step,
            "weights": {key: weight.detach() for key, weight in self._weights.items()},
        }
        if name == CHECKPOINT:
            state |= {
                **self.objective.extra_state,
                "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
                "losses": self.history.losses,
                "evaluations": [asdict(one) for one in self.history.evaluations],
                "random": torch.get_rng_state(),
            }
        write(self.out / name, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._set_weights(state["weights"])
        for optimiser, stored in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        self.step = int(state["step"])
        self.history.losses = [tuple(one) for one in state["losses"]]
        self.history.evaluations = [Evaluation(**one) for one in state["evaluations"]]
        torch.set_rng_state(state["random"].cpu())
        self.report(f"continuing at step {self.step} of {self.steps}")


def precision(dtype: str, device: str) -> Any:
    """Return a context for matrix products in "float32", "bfloat16", or "auto": bfloat16 where the device has it."""
    if dtype == "float32" or (dtype == "auto" and not fast_bfloat16(device)):
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)
