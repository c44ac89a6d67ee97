"""Train a GrACE model: calibration loss plus lambda times the language-model loss.

    L = L_cal + lambda * L_LM   (arXiv 2509.09438)

L_cal is the squared error between confidence and target at the end of the response, plus, for a trace, its mean over
all positions. L_LM keeps the text as it was: the cross-entropy of the model's own response in the softmax without the
confidence token, or of a worked solution, or the divergence from the base model on the response.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts.errors import InputError
from tts.training.adapters import adapted, add_tokens
from tts.training.checkpoint import CHECKPOINT, read
from tts.training.grace.losses import confidence_logit, confidence_loss, divergence, language_loss
from tts.training.grace.model import start_row
from tts.training.grace.recipe import Recipe
from tts.training.grace.targets import targets
from tts.training.history import History, Look, measured
from tts.training.loop import Loop, precision
from tts.training.packing import Packed, forward, pack
from tts.training.responses import Branches, Response, Split, in_passes, together

Floats = NDArray[np.float64]

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
    torch.manual_seed(recipe.seed)
    fresh = token is None
    if token is None:
        (token,) = add_tokens(model, tokenizer, [recipe.token])
    model.to(torch.device(device))
    shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
    identity = {"recipe": asdict(recipe), "base": dict(base), "shapes": shapes}
    saved = read(out / CHECKPOINT, identity, device)
    model.eval()
    confidence = Confidence(split, recipe, token=token, end=int(tokenizer.eos_token_id), device=device)
    if saved is not None:
        confidence.targets = saved["targets"]
    else:
        if fresh:
            confidence.start(model)
        confidence.aim(model, tell)
    if recipe.keep == "base" and recipe.method == "full":
        confidence.base = copy.deepcopy(model)  # adapters can be switched off; of the whole model, a copy stays
    loop = Loop(
        out,
        adapted(model, recipe, [token]),
        confidence,
        recipe,
        identity=identity,
        kept={"targets": confidence.targets},
        saved=saved,
        device=device,
        tell=tell,
    )
    loop.go()
    return Trained(loop.model, token, loop.history)


class Confidence:
    """What a GrACE model learns: an :class:`~tts.training.loop.Objective`.

    Attributes:
        rows: numbers of the responses in each row: some to one question, which share its prompt.
        lengths: tokens of each row.
        targets: of each response, [responses]; see :mod:`tts.training.grace.targets`.
        base: the model as it was, where it is to keep to that and cannot be switched back; else None.
    """

    def __init__(self, split: Split, recipe: Recipe, *, token: int, end: int, device: str) -> None:
        """Take the responses; targets are still to come."""
        self.split, self.recipe, self.token, self.end, self.device = split, recipe, token, end, device
        self.rows = together(split.train)
        self.lengths = [self._branches(row).length for row in self.rows]
        self.targets: Floats = np.empty(0)
        self.base: Any = None

    def aim(self, model: Any, tell: Callable[[str], None]) -> None:
        """Set the targets; those of a probe read every response first."""

        def states() -> Floats:
            tell(f"reading {len(self.split.train)} responses for the probe")
            order, found, _ = self._read(model, self.split.train)
            out = np.empty(tuple(found.shape))
            out[order] = found.double().cpu().numpy()
            return out

        self.targets = targets(self.recipe.targets, self.split.train, states, seed=self.recipe.seed)

    def start(self, model: Any) -> None:
        """Start the token's rows, by some of the responses."""
        order = np.random.default_rng([self.recipe.seed, 13]).permutation(len(self.split.train))[:INITIAL]
        some = [self.split.train[i] for i in order]
        right = torch.tensor([one.correct for one in some])

        def read_some() -> tuple[Tensor, Tensor, Tensor]:
            order, states, logits = self._read(model, some, within=self.recipe.positions == "every")
            return states, logits, right[order]

        start_row(model, read_some, self.token)

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """See :class:`~tts.training.loop.Objective`."""
        rows = [self.rows[i] for i in part]
        count = sum(len(self.rows[i]) for i in batch)
        said = sum(self._said(self.rows[i]) for i in batch)
        packed = self._pack([self._branches(row) for row in rows])
        wanted = torch.tensor(self.targets[[i for row in rows for i in row]], dtype=torch.float32)
        logits = self._logits(model, packed)
        own = logits[: packed.responses]
        off = confidence_loss(own, packed, wanted.to(self.device), self.token, self.recipe) / count
        lm = self._kept(model, logits, packed) / said
        return off + self.recipe.weight_lm * lm, float(off.detach()), float(lm.detach())

    def look(self, model: Any, step: int) -> Look:
        """See :class:`~tts.training.loop.Objective`."""
        held = self.split.held_out
        confidence, lm = np.empty(len(held)), 0.0
        for some, packed in self._passes(held):
            logits = self._logits(model, packed)
            at = logits[torch.arange(len(some)), packed.at]
            confidence[some] = confidence_logit(at, self.token).sigmoid().double().cpu().numpy()
            lm += float(language_loss(logits, packed.labels, self.token))
        return measured(step, confidence, held, lm)

    def _said(self, row: Sequence[int]) -> int:
        """Tokens of a row that the language-model loss is a mean over."""
        some = [self.split.train[i] for i in row]
        if self.recipe.keep == "solution":
            return len(self.split.solutions[some[0].question]) + 1
        return sum(len(one.ids) + one.ended for one in some)

    def _kept(self, model: Any, logits: Tensor, packed: Packed) -> Tensor:
        """The language-model loss of branches' logits, summed over tokens."""
        own, labels = logits[: packed.responses], packed.labels[: packed.responses]
        if self.recipe.keep == "solution":
            return language_loss(logits[packed.responses :], packed.labels[packed.responses :], self.token)
        if self.recipe.keep == "response":
            return language_loss(own, labels, self.token)
        with torch.no_grad():
            if self.base is not None:
                before = self._logits(self.base, packed)
            else:
                with model.disable_adapter():
                    before = self._logits(model, packed)
        return divergence(own, before, labels, self.token)

    def _branches(self, row: Sequence[int]) -> Branches:
        """A row; the solution is in it where the recipe keeps to that."""
        solutions = self.split.solutions if self.recipe.keep == "solution" else {}
        return Branches.of(self.split.train, row, solutions.get(self.split.train[row[0]].question))

    def _pack(self, rows: Sequence[Branches]) -> Packed:
        return pack(rows, end=self.end, token=self.token, after=self.recipe.readout == "after", device=self.device)

    def _passes(self, responses: Sequence[Response]) -> Iterator[tuple[list[int], Packed]]:
        """All responses and nothing else, in passes of like length."""
        size = max(1, round(self.recipe.rows * len(self.rows) / len(self.split.train)))
        for some, rows in in_passes(responses, size):
            yield some, self._pack(rows)

    def _logits(self, model: Any, packed: Packed) -> Tensor:
        """Logits of every branch, [branches, width, vocab]."""
        with precision(self.recipe.dtype, self.device):
            out: Tensor = forward(model, packed).logits
        return packed.branches(out).float()

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
