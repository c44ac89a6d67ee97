"""A causal model with a head that judges a whole text, and the sequence classifier that it becomes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts.errors import InputError
from tts.logistic import fit_logistic
from tts.training.last_states import LastStates, decoder_of
from tts.training.packing import Packed

START_RIDGE = 10.0
"""Penalty on the head's first weights, in nats of the total log loss and in units of a hidden state's mean square."""


class RewardModel(nn.Module):
    """A causal model, perhaps with adapters, and a linear head without a bias on its last hidden state.

    Attributes:
        model: the model with its language head, which is not trained.
        states: computes last hidden states.
        score: the head.
        config: the model's configuration.
    """

    def __init__(self, model: Any, states: LastStates) -> None:
        """Put a head of zeros on a model: it starts at confidence 1/2."""
        super().__init__()
        self.states = states
        self.model, self.config = model, model.config
        self.score = nn.Linear(model.config.get_text_config().hidden_size, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    @property
    def decoder(self) -> Any:
        """The model without its language head."""
        return decoder_of(self.model)

    def forward(self, packed: Packed) -> Tensor:
        """Return the log-odds of being right at the end of each branch, [branches]."""
        states = packed.ends(packed.read(self.states(self.model, packed)))
        log_odds: Tensor = self.score(states.float())[:, 0]
        return log_odds

    def start(self, read: Callable[[], tuple[NDArray[np.float64], NDArray[np.float64]]]) -> None:
        """Set the head to the ridge-penalised logistic regression on the base's states.

        A head of zeros would leave the adapters without a gradient at the first step.

        Args:
            read: computes the last hidden states of the responses, [responses, width], and their grades, [responses].

        Source:
            Kumar et al., arXiv 2202.10054: linear probing, then fine-tuning.
        """
        states, right = read()
        penalty = np.full(states.shape[1], START_RIDGE * float(np.square(states).mean()))
        weights = torch.tensor(fit_logistic(states, right, penalty), dtype=torch.float32)
        with torch.no_grad():
            self.score.weight.copy_(weights[None])

    def get_input_embeddings(self) -> Any:
        """Return the model's input embeddings."""
        return self.model.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """Return the model's output embeddings."""
        return self.model.get_output_embeddings()


def empty_classifier(config: Any) -> Any:
    """Return a sequence classifier of one label without weights.

    Args:
        config: of the causal model.

    Raises:
        InputError: this type of model has no sequence classifier with a linear head.
    """
    from transformers import AutoModelForSequenceClassification

    auto: Any = AutoModelForSequenceClassification
    own = copy.deepcopy(config)
    own.num_labels = 1
    try:
        with torch.device("meta"):
            made = auto.from_config(own)
        if not isinstance(getattr(made, "score", None), nn.Linear):
            raise ValueError("its head is no linear layer called score")
    except (ValueError, NotImplementedError) as error:
        raise InputError(
            f"a model of type {config.model_type} cannot become a sequence classifier "
            f"({str(error).splitlines()[0]:.120}): choose another base model"
        ) from None
    return made


def classifier(model: RewardModel) -> Any:
    """Return the model as a sequence classifier; adapters are merged into the weights."""
    inner = model.model.merge_and_unload() if hasattr(model.model, "merge_and_unload") else model.model
    made = empty_classifier(inner.config)
    setattr(made, made.base_model_prefix, inner.base_model)
    made.score = model.score
    return made
