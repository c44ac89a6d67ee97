"""The seam between the shared training pipeline and a training method such as GrACE or FineCE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from tts.engines.config import EngineConfig
from tts.progress.phases import Phases
from tts.training.loop import Objective
from tts.training.responses import Split
from tts.training.schedule import Schedule


class TrainingMethod(Protocol):
    """One way to teach a model a confidence; :func:`tts.training.build.build` calls the methods in this order."""

    @property
    def recipe(self) -> Schedule:
        """The recipe: everything the trained weights depend on beside the base model and the responses."""
        ...

    def for_base(self, engine: EngineConfig) -> TrainingMethod:
        """Return the method for this base model, which the same method may have trained before.

        Raises:
            InputError: the recipe contradicts the card of that model.
        """
        ...

    def check(self, split: Split) -> None:
        """Check that the responses hold all that the recipe learns from.

        Raises:
            InputError: something is missing.
        """
        ...

    def check_tokenizer(self, tokenizer: Any) -> None:
        """Check, before any response is drawn, that :meth:`add_tokens` can do its work.

        Raises:
            InputError: the tokenizer cannot hold the confidence tokens.
        """
        ...

    def add_tokens(self, model: Any, tokenizer: Any) -> list[int]:
        """Add the confidence tokens to the vocabulary and the model.

        Returns:
            Their ids; empty for a method without tokens.

        Raises:
            InputError: the tokenizer cannot hold them.
        """
        ...

    def start(
        self,
        model: Any,
        split: Split,
        saved: Mapping[str, Any] | None,
        *,
        tokens: list[int],
        end: int,
        device: str,
        phases: Phases,
    ) -> tuple[Any, Objective]:
        """Prepare the model and its objective.

        Args:
            model: the base model with the confidence tokens, on the device, in evaluation mode; it is changed.
            split: the responses.
            saved: the checkpoint to continue, or None.
            tokens: ids of the confidence tokens.
            end: id of the token that ends a response.
            device: cpu, cuda or mps.
            phases: receives the progress.

        Returns:
            The model whose trained weights require gradients, and what it learns.
        """
        ...

    def write(
        self,
        out: Path,
        model: Any,
        tokenizer: Any,
        *,
        tokens: tuple[int, ...],
        base: str,
        dtype: torch.dtype,
        extra: Mapping[str, Any],
    ) -> None:
        """Write the trained model, its tokenizer and its card.

        Args:
            out: the directory.
            model: the trained model.
            tokenizer: its tokenizer.
            tokens: ids of the confidence tokens.
            base: name of the base model.
            dtype: the precision of the written weights, unless the model needs float32.
            extra: further JSON values for the card.
        """
        ...
