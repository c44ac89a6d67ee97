"""Train a GrACE model: calibration loss plus lambda times the language-model loss, with checkpoints and early stopping.

    L = L_cal + lambda * L_LM   (arXiv 2509.09438)

L_cal is the squared error between confidence and target at the end of the response, plus, for a trace, its mean over
all positions. L_LM keeps the text as it was: the cross-entropy of the model's own response in the softmax without the
confidence token, or of a worked solution, or the divergence from the base model on the response.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts.engines.device import fast_bfloat16
from tts.errors import InputError, TTSError
from tts.grace.checkpoint import BEST, CHECKPOINT, read, write
from tts.grace.history import History, Look, measured
from tts.grace.losses import confidence_logit, confidence_loss, divergence, language_loss
from tts.grace.model import adapted, add_token, optimisers, start_row, trainable
from tts.grace.packing import Packed, forward, pack
from tts.grace.recipe import Recipe
from tts.grace.responses import Branches, Response, Split, batches, together
from tts.grace.targets import targets

Floats = NDArray[np.float64]

SAVE_EVERY = 60.0
"""Seconds between checkpoints."""
SHOWN_EVERY = 5.0
"""Seconds between lines of progress."""
INITIAL = 512
"""Responses that the token's first row is fitted on."""


@dataclass(slots=True)
class Trained:
    """The outcome: the model with its best weights, the token, and what happened."""

    model: Any
    token: int
    history: History


def train(
    out: Path,
    model: Any,
    tokenizer: Any,
    split: Split,
    recipe: Recipe,
    *,
    base: Mapping[str, Any],
    token: int | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> Trained:
    """Train until held-out Brier has not improved for the recipe's patience, or its epochs are over.

    Args:
        out: a directory; a checkpoint in it, of the same recipe and base, is continued.
        model: the base model in float32; it is changed.
        tokenizer: its tokenizer; the token is added to it.
        split: the responses, and worked solutions where the recipe keeps to them.
        recipe: how to train.
        base: what names the base model and the responses, as JSON values; part of what a checkpoint must share.
        token: the confidence token that the model has already, where it is a GrACE model that is trained further.
        device: cpu, cuda or mps.
        tell: gets a line of progress now and then.

    Raises:
        InputError: the tokenizer has the token, a checkpoint is of something else, or solutions are missing.
        TTSError: the loss is no finite number; the best checkpoint is kept.
    """
    if recipe.keep == "solution":
        missing = sorted({one.question for one in split.train} - set(split.solutions))
        if missing:
            raise InputError(
                f"recipe.keep=solution needs a worked solution of every problem and {len(missing)} have none: "
                "give a task that has them, or recipe.keep=base"
            )
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(out, model, tokenizer, split, recipe, base, token, device, tell)
    run.go()
    return Trained(run.model, run.token, run.history)


class _Run:
    """One training."""

    def __init__(
        self,
        out: Path,
        model: Any,
        tokenizer: Any,
        split: Split,
        recipe: Recipe,
        base: Mapping[str, Any],
        token: int | None,
        device: str,
        tell: Callable[[str], None],
    ) -> None:
        self.out, self.split, self.recipe, self.device, self.tell = out, split, recipe, device, tell
        self.end = int(tokenizer.eos_token_id)
        self.history = History()
        self.step = 0
        self.rows = together(split.train)
        self.lengths = [self._branches(split.train, row).length for row in self.rows]
        torch.manual_seed(recipe.seed)
        fresh = token is None
        self.token = add_token(model, tokenizer, recipe.token) if token is None else token
        model.to(torch.device(device))
        shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
        self.identity = {"recipe": asdict(recipe), "base": dict(base), "shapes": shapes}
        saved = read(out / CHECKPOINT, self.identity, device)
        model.eval()
        if saved is None:
            if fresh:
                self._start(model)
            self.targets = targets(recipe.targets, split.train, lambda: self._states(model), seed=recipe.seed)
        # Adapters can be switched off; of a model that is trained whole, a copy stays as it was.
        self.base = copy.deepcopy(model) if recipe.keep == "base" and recipe.method == "full" else None
        self.model = adapted(model, recipe, self.token)
        self.weights = dict(trainable(self.model))
        self.optimisers = optimisers(self.model, recipe)
        self.peaks = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        if saved is not None:
            self._restore(saved)

    @property
    def per_batch(self) -> int:
        """Rows a batch: as many as hold the recipe's responses, on average."""
        return max(1, round(self.recipe.batch * len(self.rows) / len(self.split.train)))

    @property
    def per_pass(self) -> int:
        """Rows in one pass."""
        return max(1, round(self.recipe.rows * len(self.rows) / len(self.split.train)))

    @property
    def per_epoch(self) -> int:
        """Optimiser steps an epoch."""
        return math.ceil(len(self.rows) / self.per_batch)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole recipe."""
        return self.recipe.epochs * self.per_epoch

    def go(self) -> None:
        """Train, and end with the best weights."""
        if not self._stalled():
            self._go()
            if self._stalled():
                self.tell(f"held-out Brier has not improved in {self.recipe.patience} looks: stopping early")
        state = torch.load(self.out / BEST, map_location=self.device)
        self._take(state["weights"])
        self.model.eval()

    def _go(self) -> None:
        """Take steps until the last, or until held-out Brier has stalled."""
        recipe, per_epoch = self.recipe, self.per_epoch
        looks = {round((i + 1) * per_epoch / recipe.evaluations) for i in range(recipe.evaluations)}
        written = shown = began = time.monotonic()
        first = self.step
        while self.step < self.steps:
            epoch, done = divmod(self.step, per_epoch)
            rng = np.random.default_rng([recipe.seed, 14, epoch])
            for chunk in list(batches(self.lengths, self.per_batch, rng))[done:]:
                losses = self._learn(chunk)
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

    def _learn(self, chunk: Sequence[int]) -> tuple[float, float]:
        """One step of the optimisers over a batch, in as many passes as its rows need."""
        recipe = self.recipe
        scale = self._schedule()
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * scale
        rows = [self.rows[i] for i in chunk]
        count = sum(len(row) for row in rows)
        said = sum(self._said(row) for row in rows)
        self.model.train()
        calibration = language = 0.0
        for start in range(0, len(rows), self.per_pass):
            part = rows[start : start + self.per_pass]
            packed = self._pack([self._branches(self.split.train, row) for row in part])
            wanted = torch.tensor(self.targets[[i for row in part for i in row]], dtype=torch.float32)
            logits = self._logits(packed)
            own = logits[: packed.responses]
            off = confidence_loss(own, packed, wanted.to(self.device), self.token, recipe) / count
            lm = self._kept(logits, packed) / said
            (off + recipe.weight_lm * lm).backward()  # type: ignore[no-untyped-call]
            calibration += float(off.detach())
            language += float(lm.detach())
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        if not (math.isfinite(calibration + language) and math.isfinite(float(norm))):
            kept = (
                f"the best weights so far are kept in {self.out / BEST}" if self.history.looks else "none were kept yet"
            )
            raise TTSError(
                f"the loss at step {self.step + 1} is no finite number (calibration {calibration:g}, language model "
                f"{language:g}, gradient {float(norm):g}): {kept}; train again into an empty directory with a lower "
                f"recipe.rate than {recipe.rate:g}"
            )
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return calibration, language

    def _schedule(self) -> float:
        """The next step's learning rate as a share of its peak."""
        warm = max(1, round(self.recipe.warmup * self.steps))
        return min((self.step + 1) / warm, (self.steps - self.step) / max(1, self.steps - warm))

    def _said(self, row: Sequence[int]) -> int:
        """Tokens of a row that the language-model loss is a mean over."""
        some = [self.split.train[i] for i in row]
        if self.recipe.keep == "solution":
            return len(self.split.solutions[some[0].question]) + 1
        return sum(len(one.ids) + one.ended for one in some)

    def _kept(self, logits: Tensor, packed: Packed) -> Tensor:
        """The language-model loss of branches' logits, summed over tokens."""
        own, labels = logits[: packed.responses], packed.labels[: packed.responses]
        if self.recipe.keep == "solution":
            return language_loss(logits[packed.responses :], packed.labels[packed.responses :], self.token)
        if self.recipe.keep == "response":
            return language_loss(own, labels, self.token)
        with torch.no_grad():
            if self.base is not None:
                before = self._logits(packed, self.base)
            else:
                with self.model.disable_adapter():
                    before = self._logits(packed)
        return divergence(own, before, labels, self.token)

    def _look(self) -> None:
        """Score the held-out questions; keep the weights where they are the best so far."""
        held = self.split.held_out
        confidence, lm = np.empty(len(held)), 0.0
        self.model.eval()
        for some, packed in self._passes(held):
            with torch.inference_mode():
                logits = self._logits(packed)
                at = logits[torch.arange(len(some)), packed.at]
                confidence[some] = confidence_logit(at, self.token).sigmoid().double().cpu().numpy()
                lm += float(language_loss(logits, packed.labels, self.token))
        look = measured(self.step, confidence, held, lm)
        self.history.looks.append(look)
        if self.history.best is look:
            self._save(BEST)
        self.tell(
            f"step {look.step}/{self.steps}  held out: Brier {look.brier:.4f}  AUROC {look.auroc:.3f}  "
            f"within questions {look.within:.3f}  language model {look.lm:.3f}"
        )

    def _stalled(self) -> bool:
        looks = self.history.looks
        return bool(looks) and len(looks) - 1 - looks.index(self.history.best) >= self.recipe.patience

    def _line(self, pace: float) -> str:
        last = self.history.losses[-20:]
        calibration, language = (math.fsum(one[i] for one in last) / len(last) for i in (1, 2))
        return (
            f"step {self.step}/{self.steps}  calibration {calibration:.4f}  language model {language:.4f}  "
            f"{pace * (self.steps - self.step) / 60:.1f} min left"
        )

    def _branches(self, responses: Sequence[Response], row: Sequence[int], *, solved: bool = True) -> Branches:
        """A row; the solution is in it where the recipe keeps to that and it is ``solved``."""
        some = tuple(responses[i] for i in row)
        solution = self.split.solutions[some[0].question] if solved and self.recipe.keep == "solution" else None
        return Branches(some[0].prompt, some, solution)

    def _pack(self, rows: Sequence[Branches]) -> Packed:
        return pack(rows, end=self.end, token=self.token, after=self.recipe.readout == "after", device=self.device)

    def _passes(self, responses: Sequence[Response]) -> Iterator[tuple[list[int], Packed]]:
        """All responses and nothing else, in passes of like length."""
        rows = [(row, self._branches(responses, row, solved=False)) for row in together(responses)]
        rows.sort(key=lambda one: one[1].length)
        for start in range(0, len(rows), self.per_pass):
            part = rows[start : start + self.per_pass]
            yield [i for row, _ in part for i in row], self._pack([branches for _, branches in part])

    def _logits(self, packed: Packed, model: Any = None) -> Tensor:
        """Logits of every branch, [branches, width, vocab]."""
        with self._autocast():
            out: Tensor = forward(model or self.model, packed).logits
        return packed.branches(out).float()

    def _autocast(self) -> Any:
        dtype = self.recipe.dtype
        if dtype == "float32" or (dtype == "auto" and not fast_bfloat16(self.device)):
            return nullcontext()
        return torch.autocast(self.device.partition(":")[0], dtype=torch.bfloat16)

    def _start(self, model: Any) -> None:
        """Start the token's rows, by some of the responses."""
        order = np.random.default_rng([self.recipe.seed, 13]).permutation(len(self.split.train))[:INITIAL]
        some = [self.split.train[i] for i in order]
        right = torch.tensor([one.correct for one in some])

        def read_some() -> tuple[Tensor, Tensor, Tensor]:
            order, states, logits = self._read(model, some, within=self.recipe.positions == "every")
            return states, logits, right[order]

        start_row(model, read_some, self.token)

    @torch.no_grad()
    def _read(
        self, model: Any, responses: Sequence[Response], *, within: bool = False
    ) -> tuple[list[int], Tensor, Tensor]:
        """Indices of responses as they were read, last hidden states where the confidence is, and the logits there.

        ``within`` adds four places inside each response.
        """
        order, states, logits = [], [], []
        for some, packed in self._passes(responses):
            found = forward(model, packed, output_hidden_states=True)
            hidden, said = packed.branches(found.hidden_states[-1]), packed.branches(found.logits)
            branches = torch.arange(len(some))
            shares = (0.0, 0.25, 0.5, 0.75) if within else ()
            for at in (packed.at, *((share * packed.at).long() for share in shares)):
                order += some
                states.append(hidden[branches, at].float())
                logits.append(said[branches, at].float())
        return order, torch.cat(states), torch.cat(logits)

    def _states(self, model: Any) -> Floats:
        """Last hidden states of the training responses, [responses, width]."""
        self.tell(f"reading {len(self.split.train)} responses for the probe")
        order, states, _ = self._read(model, self.split.train)
        out = np.empty(tuple(states.shape))
        out[order] = states.double().cpu().numpy()
        return out

    def _take(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])

    def _save(self, name: str) -> None:
        """Write the weights, and for a checkpoint everything else that what follows depends on."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "weights": {key: weight.detach() for key, weight in self.weights.items()},
        }
        if name == CHECKPOINT:
            state |= {
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "targets": self.targets,
                "losses": self.history.losses,
                "looks": [asdict(look) for look in self.history.looks],
                "random": torch.get_rng_state(),
            }
        write(self.out / name, state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._take(state["weights"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.targets = state["targets"]
        self.step = int(state["step"])
        self.history.losses = [tuple(one) for one in state["losses"]]
        self.history.looks = [Look(**look) for look in state["looks"]]
        torch.set_rng_state(state["random"].cpu())
        self.tell(f"continuing at step {self.step} of {self.steps}")
