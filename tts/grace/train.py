"""Train a GrACE model: calibration loss plus lambda times the language-model loss, with checkpoints and early stopping.

    L = L_cal + lambda * L_LM   (arXiv 2509.09438)

L_cal is the squared error between confidence and target at the end of the response, plus, for a trace, its mean over
all positions. L_LM is the cross-entropy of the model's own response in the softmax without the confidence token, or
the divergence from the base model there.
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

from tts.errors import InputError, TTSError
from tts.grace.history import History, Look, measured
from tts.grace.losses import Packed, confidence_logit, confidence_loss, divergence, language_loss, pack
from tts.grace.model import adapted, add_token, start_row, trainable
from tts.grace.recipe import Recipe
from tts.grace.responses import Response, Split, batches
from tts.grace.targets import targets
from tts.pool import atomic_path

Floats = NDArray[np.float64]

CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"
SAVE_EVERY = 60.0
"""Seconds between checkpoints."""
SHOWN_EVERY = 5.0
"""Seconds between lines of progress."""
SETTLING_RATE, SETTLING_WEIGHT = 0.4, 2.0
"""While it settles: the first rate, as a share of the peak rate, and lambda."""
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
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> Trained:
    """Train until held-out Brier has not improved for the recipe's patience, or its epochs are over, then settle.

    Args:
        out: a directory; a checkpoint in it, of the same recipe and base, is continued.
        model: the base model in float32; it is changed.
        tokenizer: its tokenizer; the token is added to it.
        split: the responses.
        recipe: how.
        base: what else the weights depend on (the model's name and fingerprint, the pool), kept with the checkpoint.
        device: cpu, cuda or mps.
        tell: gets a line of progress now and then.

    Raises:
        InputError: the tokenizer has the token, or a checkpoint is of something else.
        TTSError: the loss is no finite number; the best checkpoint is kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(out, model, tokenizer, split, recipe, base, device, tell)
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
        device: str,
        tell: Callable[[str], None],
    ) -> None:
        self.out, self.split, self.recipe, self.device, self.tell = out, split, recipe, device, tell
        self.end = int(tokenizer.eos_token_id)
        self.history = History()
        self.step = 0
        torch.manual_seed(recipe.seed)
        self.token = add_token(model, tokenizer, recipe.token)
        model.to(torch.device(device))
        shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
        self.identity = {"recipe": asdict(recipe), "base": dict(base), "shapes": shapes}
        saved = self._saved()
        model.eval()
        if saved is None:
            count = np.random.default_rng([recipe.seed, 13]).permutation(len(split.train))[:INITIAL]
            some = [split.train[i] for i in count]
            rate = float(np.mean([one.correct for one in split.train]))
            start_row(model, lambda: self._read(model, some, within=recipe.positions == "every"), rate, self.token)
            self.targets = targets(recipe.targets, split.train, lambda: self._states(model), seed=recipe.seed)
        # Adapters can be switched off; of a model that is trained whole, a copy stays as it was.
        self.base = copy.deepcopy(model) if recipe.keep == "base" and recipe.method == "full" else None
        self.model = adapted(model, recipe, self.token)
        self.weights = dict(trainable(self.model))
        self.optimiser = self._optimiser()
        if saved is not None:
            self._restore(saved)

    @property
    def per_epoch(self) -> int:
        """Optimiser steps an epoch."""
        return math.ceil(len(self.split.train) / self.recipe.batch)

    @property
    def main(self) -> int:
        """Optimiser steps until it settles."""
        return self.recipe.epochs * self.per_epoch

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole recipe."""
        return self.main + math.ceil(self.recipe.settle * self.per_epoch)

    def go(self) -> None:
        """Train, and end with the weights to keep."""
        if self.step < self.main and not self._stalled():
            self._go(self.main)
            if self._stalled():
                self.tell(f"held-out Brier has not improved in {self.recipe.patience} looks: stopping early")
        if self.steps == self.main:
            self._best()
            return
        if not self.history.settled:
            self._best()
            self.optimiser = self._optimiser()
            self.step, self.history.settled = self.main, True
        self._go(self.steps)
        self.model.eval()

    def _go(self, last: int) -> None:
        """Take steps until number ``last``, or until held-out Brier has stalled."""
        recipe, per_epoch = self.recipe, self.per_epoch
        looks = {round((i + 1) * per_epoch / recipe.evaluations) for i in range(recipe.evaluations)}
        written = shown = began = time.monotonic()
        first = self.step
        while self.step < last:
            epoch, done = divmod(self.step, per_epoch)
            rng = np.random.default_rng([recipe.seed, 14, epoch])
            for chunk in list(batches(self.split.train, recipe.batch, rng))[done : done + last - self.step]:
                losses = self._learn(chunk)
                self.step += 1
                self.history.losses.append((self.step, *losses))
                now = time.monotonic()
                if now - shown > SHOWN_EVERY or self.step == last:
                    shown, pace = now, (now - began) / (self.step - first)
                    self.tell(self._line(pace))
                look = self.step % per_epoch in looks or self.step % per_epoch == 0 or self.step == last
                if look:
                    self._look()
                if look or now - written > SAVE_EVERY:
                    self._save(CHECKPOINT)
                    written = now
                if look and self._stalled():
                    return

    def _learn(self, chunk: Sequence[int]) -> tuple[float, float]:
        """One step of the optimiser over a batch, in as many passes as its rows need."""
        recipe = self.recipe
        rate, weight = self._schedule()
        self.optimiser.param_groups[0]["lr"] = rate
        drawn = sum(len(self.split.train[i].ids) + self.split.train[i].ended for i in chunk)
        self.model.train()
        calibration = language = 0.0
        for start in range(0, len(chunk), recipe.rows):
            part = chunk[start : start + recipe.rows]
            packed = self._pack([self.split.train[i] for i in part])
            wanted = torch.tensor(self.targets[part], dtype=torch.float32, device=self.device)
            logits = self._logits(packed)
            off = confidence_loss(logits, packed, wanted, self.token, recipe) / len(chunk)
            right = torch.tensor([self.split.train[i].correct for i in part], device=self.device)
            lm = self._kept(logits, packed, right) / drawn
            (off + weight * lm).backward()  # type: ignore[no-untyped-call]
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
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return calibration, language

    def _schedule(self) -> tuple[float, float]:
        """Learning rate and lambda of the next step."""
        rate, weight = self.recipe.rate, self.recipe.weight_lm
        if self.history.settled:
            return SETTLING_RATE * rate * (self.steps - self.step) / (self.steps - self.main), SETTLING_WEIGHT
        warm = max(1, round(self.recipe.warmup * self.main))
        return rate * min((self.step + 1) / warm, (self.main - self.step) / max(1, self.main - warm)), weight

    def _optimiser(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.weights.values(), lr=self.recipe.rate, betas=(0.9, 0.95), weight_decay=0.0)

    def _kept(self, logits: Tensor, packed: Packed, right: Tensor) -> Tensor:
        """The language-model loss, summed over the responses' tokens; ``right`` says which of them are, [rows]."""
        if self.history.settled:
            return language_loss(logits, packed.labels.masked_fill(~right[:, None], -100), self.token)
        if self.recipe.keep == "response":
            return language_loss(logits, packed.labels, self.token)
        with torch.no_grad():
            if self.base is not None:
                before = self._logits(packed, self.base)
            else:
                with self.model.disable_adapter():
                    before = self._logits(packed)
        return divergence(logits, before, packed.labels, self.token)

    def _look(self) -> None:
        """Score the held-out questions; keep the weights where they are the best so far."""
        held = self.split.held_out
        confidence, lm = np.empty(len(held)), 0.0
        for rows, packed in self._passes(held):
            with torch.inference_mode():
                logits = self._logits(packed)
                at = logits[torch.arange(len(rows)), packed.at]
                confidence[rows] = confidence_logit(at, self.token).sigmoid().double().cpu().numpy()
                lm += float(language_loss(logits, packed.labels, self.token))
        look = measured(self.step, confidence, held, lm)
        self.history.looks.append(look)
        if self.history.best is look and not self.history.settled:
            self._save(BEST)
        self.tell(
            f"step {look.step}/{self.steps}  held out: Brier {look.brier:.4f}  AUROC {look.auroc:.3f}  "
            f"within questions {look.within:.3f}  language model {look.lm:.3f}"
        )

    def _stalled(self) -> bool:
        looks = self.history.looks
        return (
            not self.history.settled
            and bool(looks)
            and len(looks) - 1 - looks.index(self.history.best) >= self.recipe.patience
        )

    def _line(self, pace: float) -> str:
        last = self.history.losses[-20:]
        calibration, language = (math.fsum(one[i] for one in last) / len(last) for i in (1, 2))
        return (
            f"step {self.step}/{self.steps}  calibration {calibration:.4f}  language model {language:.4f}  "
            f"{pace * (self.steps - self.step) / 60:.1f} min left"
        )

    def _pack(self, responses: Sequence[Response]) -> Packed:
        after = self.recipe.readout == "after"
        return pack(responses, end=self.end, token=self.token, after=after, device=self.device)

    def _passes(self, responses: Sequence[Response]) -> Iterator[tuple[list[int], Packed]]:
        """All responses in passes of like length."""
        self.model.eval()
        order = sorted(range(len(responses)), key=lambda i: responses[i].length)
        for start in range(0, len(order), 2 * self.recipe.rows):
            rows = order[start : start + 2 * self.recipe.rows]
            yield rows, self._pack([responses[i] for i in rows])

    def _logits(self, packed: Packed, model: Any = None) -> Tensor:
        with self._autocast():
            out: Tensor = (model or self.model)(input_ids=packed.ids, use_cache=False).logits
        return out.float()

    def _autocast(self) -> Any:
        if self.recipe.dtype == "float32":
            return nullcontext()
        return torch.autocast(self.device.partition(":")[0], dtype=torch.bfloat16)

    @torch.no_grad()
    def _read(self, model: Any, responses: Sequence[Response], *, within: bool = False) -> tuple[Tensor, Tensor]:
        """Last hidden states where the confidence is read [n, width], and the logits there [n, vocab].

        ``within`` adds four places inside each response.
        """
        states, logits = [], []
        for start in range(0, len(responses), self.recipe.rows):
            part = responses[start : start + self.recipe.rows]
            packed = self._pack(part)
            found = model(input_ids=packed.ids, use_cache=False, output_hidden_states=True)
            rows = torch.arange(len(part))
            places = [packed.at]
            if within:
                first = packed.at - packed.inside.sum(1) + 1
                places += [first + (share * (packed.at - first)).long() for share in (0.0, 0.25, 0.5, 0.75)]
            for at in places:
                states.append(found.hidden_states[-1][rows, at].float())
                logits.append(found.logits[rows, at].float())
        return torch.cat(states), torch.cat(logits)

    def _states(self, model: Any) -> Floats:
        """Last hidden states of the training responses, [responses, width]."""
        self.tell(f"reading {len(self.split.train)} responses for the probe")
        states, _ = self._read(model, self.split.train)
        return states.double().cpu().numpy()

    def _best(self) -> None:
        state = torch.load(self.out / BEST, map_location=self.device)
        self._take(state["weights"])
        self.model.eval()

    def _take(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])

    def _save(self, name: str) -> None:
        """Write whole or not at all."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "weights": {key: weight.detach() for key, weight in self.weights.items()},
        }
        if name == CHECKPOINT:
            state |= {
                "optimiser": self.optimiser.state_dict(),
                "targets": self.targets,
                "losses": self.history.losses,
                "looks": [asdict(look) for look in self.history.looks],
                "settled": self.history.settled,
                "random": torch.get_rng_state(),
            }
        with atomic_path(self.out / name) as temp:
            torch.save(state, temp)

    def _saved(self) -> dict[str, Any] | None:
        """The checkpoint to continue, if there is one.

        Raises:
            InputError: it is broken, or of something else.
        """
        path = self.out / CHECKPOINT
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=False)
            theirs = state["identity"]
        except Exception as error:
            raise InputError(
                f"{path} is no checkpoint of this program ({error}): train into an empty directory"
            ) from None
        for key, what in (("shapes", "architecture"), ("base", "base model or pool"), ("recipe", "recipe")):
            if theirs.get(key) != self.identity[key]:
                raise InputError(
                    f"{path} is a checkpoint of another {what}{_difference(theirs.get(key), self.identity[key])}: "
                    "train into an empty directory"
                )
        return state

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._take(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.targets = state["targets"]
        self.step = int(state["step"])
        self.history.losses = [tuple(one) for one in state["losses"]]
        self.history.looks = [Look(**look) for look in state["looks"]]
        self.history.settled = state["settled"]
        torch.set_rng_state(state["random"].cpu())
        self.tell(f"continuing at step {self.step} of {self.steps}")


def _difference(theirs: Any, ours: Any) -> str:
    """The first entry that differs, in words."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in [*ours, *theirs]:
            if theirs.get(key) != ours.get(key):
                return f" ({key}: {theirs.get(key)!r} there, {ours.get(key)!r} here)"
    return ""
