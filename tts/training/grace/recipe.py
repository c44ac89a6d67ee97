"""The recipe of a GrACE model: the settings of ``tts train grace``, each with its source.

Imports no torch. The paper's summary gives the formula, the targets and the loss; it gives no number. Values
marked "ours" are therefore this framework's, chosen on the bundled model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tts.errors import InputError
from tts.training.schedule import Schedule

TARGETS = ("probe", "hard", "soft")
READOUTS = ("before", "after")
POSITIONS = ("end", "every")
LOSSES = ("squared", "log")
ANCHORS = ("response", "base", "solution")


@dataclass
class TargetsConfig:
    """The target of a response's confidence.

    Attributes:
        kind: "probe": the accuracy of the bin that a cross-validated linear probe on the last hidden state puts the
            response in (GrACE); "hard": 1 if it is right, else 0; "soft": the share of the samples' confidence that its
            answer has (Self-Calibration, arXiv 2503.00031), which needs no gold answer.
        folds: k of the probe's cross-validation, >= 2, whole questions each. Ours: the paper's k is not known.
        bins: of equally many responses, >= 1. Ours: the paper's number is not known.
    """

    kind: str = "hard"
    folds: int = 5
    bins: int = 10


@dataclass
class GraceRecipe(Schedule):
    """Everything the trained weights depend on, beside the base model and the responses.

    The settings that it shares with other trainings are in :class:`~tts.training.schedule.Schedule`.

    Attributes:
        token: the confidence token, a piece of text that the tokenizer does not know.
        readout: "before": its probability as the next token after the response, which costs nothing; "after": its
            probability at its own position, which costs one more token. The paper leaves it open.
        positions: "end": trained at the end of the response; "every": after each of its tokens too, which makes the
            probabilities along a response a trace. The paper has "end".
        targets: the target of a response's confidence.
        loss: "squared" error (GrACE), or "log": cross-entropy between confidence and target.
        anchor: the language-model loss that keeps the text: the cross-entropy of the model's own "response" (GrACE);
            "base", ours: the divergence KL(base || model) of the next-token distributions at the same places, without
            the noise of sampled tokens, for one more forward pass; or "solution", ours: the cross-entropy of the
            problem's worked solution, for tasks that have one.
        weight_lm: lambda, the weight of that loss, in nats a token, >= 0. Ours.
    """

    token: str = "<CNF>"
    readout: str = "before"
    positions: str = "every"
    targets: TargetsConfig = field(default_factory=TargetsConfig)
    loss: str = "squared"
    anchor: str = "base"
    weight_lm: float = 5.0

    def __post_init__(self) -> None:
        """Refuse values that no training can follow."""
        super().__post_init__()
        self.check_names({"readout": READOUTS, "positions": POSITIONS, "loss": LOSSES, "anchor": ANCHORS})
        if self.targets.kind not in TARGETS:
            raise InputError(f"recipe.targets.kind must be one of {', '.join(TARGETS)}, got {self.targets.kind!r}")
        for key, value, least in (("folds", self.targets.folds, 2), ("bins", self.targets.bins, 1)):
            if value < least:
                raise InputError(f"recipe.targets.{key} must be at least {least}, got {value}")
        if not self.weight_lm >= 0:
            raise InputError(f"recipe.weight_lm must be at least 0, got {self.weight_lm}")
        if not self.token.strip():
            raise InputError("recipe.token must be a piece of text, got nothing")
        if self.method == "grow" and self.readout == "after":
            raise InputError(
                "recipe.method=grow needs recipe.readout=before: the base reads a token that is fed, and its parts are "
                "not trained; give recipe.readout=before, or recipe.method=lora or full"
            )
        if self.readout == "after" and self.method == "lora" and self.lora.layers is not None:
            raise InputError(
                "recipe.lora.layers needs recipe.readout=before: what the lower layers compute of a confidence token "
                "that is fed changes with its row; give recipe.readout=before, or leave recipe.lora.layers out"
            )
        if self.readout == "after" and self.positions == "every":
            raise InputError(
                "recipe.positions=every needs recipe.readout=before: after each token there is no confidence token to "
                "read at; give recipe.positions=end, or recipe.readout=before"
            )
