"""The recipe of a head: the settings of ``tts train head``, each with its source.

Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from tts.errors import InputError
from tts.models.head import Kind, Pooling

TARGETS = ("bins", "hard")


@dataclass
class HeadTargets:
    """The target of a response's confidence in a head of kind "probe".

    Attributes:
        kind: "bins": the accuracy of the bin that a cross-fitted probe puts the response in (ActCab); "hard": 1 if it
            is right, else 0.
        folds: of the cross-fitted probes, >= 2, whole questions each. ActCab has 10.
        bins: of equal width on [0, 1], >= 1. ActCab has 50.
    """

    kind: str = "bins"
    folds: int = 10
    bins: int = 50


@dataclass
class HeadRecipe:
    """Everything the weights of a head depend on, beside the base model and the responses.

    A head is a ridge-penalised logistic regression on standardised states: a convex problem that is solved exactly, so
    it has no learning rate and no epochs.

    Attributes:
        kind: "probe" (ActCab, arXiv 2406.13230): a response's states in the model that drew it; "p_ik" (Kadavath et
            al., arXiv 2207.05221): the state at the question's last token, which needs no response; "apricot" (arXiv
            2403.05973): an auxiliary model's states of question and response, with targets that are accuracies of
            clusters of questions.
        pooling: of a response's tokens: their "mean" (ActCab) or the "last" one; not for "p_ik".
        layer: the layer that is read: -1 is the last (all three papers), 0 the embeddings.
        targets: of a "probe".
        auxiliary: directory of the model that "apricot" reads; null: the base model. The paper has DeBERTa, fine-tuned.
        cluster_size: questions in a cluster of "apricot", on average, >= 1. Ours: the paper has HDBSCAN, whose
            clusters have at least 3.
        ridge: penalty on each weight, in nats of the total log loss, > 0. Ours.
        held_out: share of the questions that is never fitted to, in (0, 1). Ours.
        seed: of the split and the folds.
    """

    kind: str = "probe"
    pooling: str = "mean"
    layer: int = -1
    targets: HeadTargets = field(default_factory=HeadTargets)
    auxiliary: str | None = None
    cluster_size: int = 5
    ridge: float = 10.0
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no head can be fitted with."""
        for key, value, names in (
            ("kind", self.kind, get_args(Kind)),
            ("pooling", self.pooling, get_args(Pooling)),
            ("targets.kind", self.targets.kind, TARGETS),
        ):
            if value not in names:
                raise InputError(f"recipe.{key} must be one of {', '.join(names)}, got {value!r}")
        for key, number, least in (
            ("targets.folds", self.targets.folds, 2),
            ("targets.bins", self.targets.bins, 1),
            ("cluster_size", self.cluster_size, 1),
            ("seed", self.seed, 0),
        ):
            if number < least:
                raise InputError(f"recipe.{key} must be at least {least}, got {number}")
        if not self.ridge > 0:
            raise InputError(f"recipe.ridge must be above 0, got {self.ridge}")
        if not 0 < self.held_out < 1:
            raise InputError(f"recipe.held_out must be in (0, 1), got {self.held_out}")
        if self.auxiliary is not None and self.kind != "apricot":
            raise InputError(f"recipe.auxiliary is for recipe.kind=apricot, got {self.kind}: leave it out")

    @property
    def least_questions(self) -> int:
        """The fewest questions that can be fitted to."""
        return self.targets.folds if self.kind == "probe" and self.targets.kind == "bins" else 1
