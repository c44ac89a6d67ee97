"""The objective of GrACE: calibration loss plus lambda times the language-model loss.

    L = L_cal + lambda * L_LM   (arXiv 2509.09438)

L_cal is the squared error between confidence and target at the end of the response, plus, for a trace, its mean over
all positions. L_LM keeps the text as it was. Its anchor is the cross-entropy of the model's own response in the softmax
without the confidence token, that of a worked solution, or the divergence from the base model on the response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts.progress.phases import Phases
from tts.training.adapters import is_tied
from tts.training.grace.losses import confidence_logit, confidence_loss, divergence, language_loss
from tts.training.grace.recipe import GraceRecipe
from tts.training.grace.targets import targets
from tts.training.grace.token_row import start_row
from tts.training.history import Evaluation, evaluated
from tts.training.last_states import LastStates
from tts.training.loop import precision
from tts.training.packing import Packed, pack
from tts.training.responses import Branches, Response, Split, group_rows, passes, row_tokens

Floats = NDArray[np.float64]

START_RESPONSES = 512
"""Responses that the token's first row is fitted on."""


class GraceObjective:
    """The loss of a GrACE model; an :class:`~tts.training.loop.Objective`.

    Attributes:
        rows: numbers of the responses in each row, which answer one question and share its prompt.
        lengths: tokens of each row.
        targets: of each response, [responses]; see :mod:`tts.training.grace.targets`.
        base: a copy of the base model, where the anchor is the base and every weight is trained; else None.
        states: computes last hidden states.
    """

    def __init__(self, split: Split, recipe: GraceRecipe, *, token: int, end: int, device: str) -> None:
        """Take the responses; :meth:`set_targets` or a checkpoint gives the targets."""
        self.split, self.recipe, self.token, self.end, self.device = split, recipe, token, end, device
        self.rows = group_rows(split.train)
        self.lengths = [self._branches(row).length for row in self.rows]
        self.targets: Floats = np.empty(0)
        self.base: Any = None
        self.states = LastStates()

    @property
    def extra_state(self) -> Mapping[str, Any]:
        """The targets, which a checkpoint keeps because the trained model would give others."""
        return {"targets": self.targets}

    @property
    def held_out_tokens(self) -> int:
        """See :class:`~tts.training.loop.Objective`."""
        return row_tokens(self.split.held_out)

    def prepare(self, model: Any, phases: Phases, *, start_row: bool) -> None:
        """Compute the targets, and with ``start_row`` fit the token's first rows.

        The first rows need a forward pass over some responses, two passes with tied embeddings; the targets of a probe
        one over every response.
        """
        some = self._some()
        total = (1 + is_tied(model)) * row_tokens(some) if start_row else 0
        total += row_tokens(self.split.train) if self.recipe.targets.kind == "probe" else 0
        with phases.phase("preparing", "prepare", total, facts="reads responses" if total else ""):
            if start_row:
                self._start_row(model, some, phases.advance)
            self._set_targets(model, phases.advance)

    def _set_targets(self, model: Any, advance: Callable[[int], None]) -> None:
        """Compute the targets."""

        def states() -> Floats:
            order, found, _ = self._read(model, self.split.train, advance)
            out = np.empty(tuple(found.shape))
            out[order] = found.double().cpu().numpy()
            return out

        self.targets = targets(self.recipe.targets, self.split.train, states, seed=self.recipe.seed)

    def _some(self) -> list[Response]:
        """Return the responses that the token's first rows are fitted on."""
        order = np.random.default_rng([self.recipe.seed, 13]).permutation(len(self.split.train))[:START_RESPONSES]
        return [self.split.train[i] for i in order]

    def _start_row(self, model: Any, some: Sequence[Response], advance: Callable[[int], None]) -> None:
        """Fit the token's first rows on some of the responses."""
        right = torch.tensor([one.correct for one in some])

        def read_some() -> tuple[Tensor, Tensor, Tensor]:
            order, states, logits = self._read(model, some, advance, within=self.recipe.positions == "every")
            return states, logits, right[order]

        start_row(model, read_some, self.token)

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """See :class:`~tts.training.loop.Objective`."""
        rows = [self.rows[i] for i in part]
        count = sum(len(self.rows[i]) for i in batch)
        tokens = sum(self._language_tokens(self.rows[i]) for i in batch)
        packed = self._pack([self._branches(row) for row in rows])
        wanted = torch.tensor(self.targets[[i for row in rows for i in row]], dtype=torch.float32)
        logits = self._logits(model, packed)
        log_odds = confidence_logit(logits, self.token)
        off = confidence_loss(log_odds, packed, wanted.to(self.device), self.recipe) / count
        lm = self._language_loss(model, logits, packed) / tokens
        return off + self.recipe.weight_lm * lm, float(off.detach()), float(lm.detach())

    def evaluate(self, model: Any, step: int, advance: Callable[[int], None]) -> Evaluation:
        """See :class:`~tts.training.loop.Objective`."""
        held = self.split.held_out
        confidence, lm = np.empty(len(held)), 0.0
        for some, packed, tokens in self._passes(held):
            logits = self._logits(model, packed)
            found = packed.ends(confidence_logit(logits, self.token))
            confidence[some] = found.sigmoid().double().cpu().numpy()
            lm += float(language_loss(logits, packed.source, packed.labels, self.token))
            advance(tokens)
        return evaluated(step, confidence, self.split, lm)

    def _language_tokens(self, row: Sequence[int]) -> int:
        """The number of tokens of a row in the mean of the language-model loss."""
        some = [self.split.train[i] for i in row]
        if self.recipe.anchor == "solution":
            return len(self.split.solutions[some[0].question]) + 1
        return sum(len(one.ids) + one.ended for one in some)

    def _language_loss(self, model: Any, logits: Tensor, packed: Packed) -> Tensor:
        """The language-model loss of the logits at places, summed over tokens."""
        some = slice(packed.responses, None) if self.recipe.anchor == "solution" else slice(packed.responses)
        source, labels = packed.source[some], packed.labels[some]
        if self.recipe.anchor != "base":
            return language_loss(logits, source, labels, self.token)
        if self.recipe.method == "grow":  # the next-token distributions stay the base's
            return torch.zeros((), device=logits.device)
        with torch.no_grad():
            if self.base is not None:
                before = self._logits(self.base, packed)
            else:
                with model.disable_adapter():
                    before = self._logits(model, packed)
        return divergence(logits, before, source, labels, self.token)

    def _branches(self, row: Sequence[int]) -> Branches:
        """A row, with the worked solution if that is the anchor."""
        solutions = self.split.solutions if self.recipe.anchor == "solution" else {}
        return Branches.of(self.split.train, row, solutions.get(self.split.train[row[0]].question))

    def _pack(self, rows: Sequence[Branches]) -> Packed:
        return pack(rows, end=self.end, token=self.token, after=self.recipe.readout == "after", device=self.device)

    def _passes(self, responses: Sequence[Response]) -> Iterator[tuple[list[int], Packed, int]]:
        """All responses, without solutions, in passes of similar length, and the tokens of each pass."""
        size = max(1, round(self.recipe.micro_batch_size * len(self.rows) / len(self.split.train)))
        for some, rows in passes(responses, size):
            yield some, self._pack(rows), sum(row.length for row in rows)

    def _logits(self, model: Any, packed: Packed) -> Tensor:
        """Logits at the places that branches read, [places, vocab]."""
        with precision(self.recipe.dtype, self.device):
            return self.states.read(model, packed)[1].float()

    @torch.no_grad()
    def _read(
        self, model: Any, responses: Sequence[Response], advance: Callable[[int], None], *, within: bool = False
    ) -> tuple[list[int], Tensor, Tensor]:
        """Run the model on responses.

        Args:
            model: the model.
            responses: the responses.
            advance: receives the tokens of each pass.
            within: whether to read four places inside each response too.

        Returns:
            (indices of the responses in the order of the passes, last hidden states where the confidence is read
            [n, width], logits there [n, vocab]).
        """
        order, states, logits = [], [], []
        for some, packed, tokens in self._passes(responses):
            hidden, vocabulary = self.states.read(model, packed)
            branches = torch.arange(len(some))
            shares = (0.0, 0.25, 0.5, 0.75) if within else ()
            for at in (packed.at, *((share * packed.at).long() for share in shares)):
                order += some
                places = packed.source[branches, at]
                states.append(hidden[places].float())
                logits.append(vocabulary[places].float())
            advance(tokens)
        return order, torch.cat(states), torch.cat(logits)
