"""What a GrACE model is trained by: the schema of ``tts train grace``, every value with where it comes from.

Knows nothing about torch. The paper's summary gives the formula, the targets and the loss; it gives no number. Values
marked "ours" are therefore this framework's, chosen on the bundled model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tts.errors import InputError

TARGETS = ("probe", "hard", "soft")
READOUTS = ("before", "after")
POSITIONS = ("end", "every")
LOSSES = ("squared", "log")
KEEPS = ("response", "base", "solution")
METHODS = ("lora", "full", "grow")
DTYPES = ("auto", "bfloat16", "float32")


@dataclass
class TargetsConfig:
    """What the confidence of a response is trained towards.

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
class LoraConfig:
    """Low-rank adapters on every linear layer.

    Attributes:
        rank: of each adapter, >= 1. Ours.
        alpha: scale of an adapter is alpha / rank. Ours.
        dropout: on an adapter's input, in [0, 1). Ours.
    """

    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0


@dataclass
class GrowConfig:
    """What is added to a model that grows; see :mod:`tts.grace.grow`.

    Attributes:
        channels: of the residual stream, >= 1. Ours.
        heads: more key-value heads in every layer, >= 1, with as many queries each as the model has. Ours.
        neurons: more in every layer's MLP, >= 1. Ours.
        layers: more layers, of new parts only and as wide as all others, at the end, >= 0: what reads the base's last
            word. Ours.
    """

    channels: int = 64
    heads: int = 1
    neurons: int = 192
    layers: int = 2


@dataclass
class Recipe:
    """Everything the trained weights depend on, beside the base model and the responses.

    Attributes:
        token: the confidence token, a piece of text that the tokenizer does not know.
        readout: "before": its probability as the next token after the response, which costs nothing; "after": its
            probability at its own position, which costs one more token. The paper leaves it open.
        positions: "end": trained at the end of the response; "every": after each of its tokens too, which makes the
            probabilities along a response a trace. The paper has "end".
        targets: what the confidence is trained towards.
        loss: "squared" error (GrACE), or "log": cross-entropy between confidence and target.
        keep: what keeps the text as it was: the cross-entropy of the model's own "response" (GrACE), or the divergence
            KL(base || model) of the next-token distributions at the same places, "base": the same aim without the noise
            of sampled tokens, for one more forward pass, ours; or the cross-entropy of the problem's worked "solution",
            for tasks that have one, ours.
        weight_lm: lambda, the weight of that language-model loss, in nats a token, >= 0. Ours.
        method: "lora": adapters and the new token's rows; "full": every weight; or "grow", ours: new channels, heads
            and neurons beside the base's, which stay as they are, so that the text cannot change.
        lora: the adapters.
        grow: what is added.
        rate: peak learning rate of AdamW, > 0. Ours.
        muon_rate: peak learning rate of Muon, which then takes the matrices of the layers from AdamW; 0 leaves all to
            AdamW. Not for adapters. Ours.
        warmup: share of the steps until the peak, in [0, 1); after it the rate falls linearly to zero. Ours.
        epochs: passes over the responses, >= 1. Ours.
        batch: responses a step of the optimiser, >= 1, rounded to whole questions. Ours.
        rows: responses in one pass, rounded to whole questions; a batch of more is accumulated, >= 1.
        evaluations: looks at the held-out questions an epoch, >= 1.
        patience: looks without a better Brier score until training stops early, >= 1. Ours.
        held_out: share of the questions that is never trained on, in (0, 1). Ours.
        dtype: the precision of matrix products: bfloat16, float32, or "auto": bfloat16 where the hardware has it.
            Weights and losses are in float32.
        seed: of the split, the order and the adapters.
    """

    token: str = "<CNF>"
    readout: str = "before"
    positions: str = "every"
    targets: TargetsConfig = field(default_factory=TargetsConfig)
    loss: str = "squared"
    keep: str = "base"
    weight_lm: float = 5.0
    method: str = "lora"
    lora: LoraConfig = field(default_factory=LoraConfig)
    grow: GrowConfig = field(default_factory=GrowConfig)
    rate: float = 2e-4
    muon_rate: float = 0.0
    warmup: float = 0.05
    epochs: int = 2
    batch: int = 64
    rows: int = 64
    evaluations: int = 2
    patience: int = 4
    held_out: float = 0.1
    dtype: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no training could follow."""
        for key, given, allowed in (
            ("targets.kind", self.targets.kind, TARGETS),
            ("readout", self.readout, READOUTS),
            ("positions", self.positions, POSITIONS),
            ("loss", self.loss, LOSSES),
            ("keep", self.keep, KEEPS),
            ("method", self.method, METHODS),
            ("dtype", self.dtype, DTYPES),
        ):
            if given not in allowed:
                raise InputError(f"recipe.{key} must be one of {', '.join(allowed)}, got {given!r}")
        for key, value, least in (
            ("targets.folds", self.targets.folds, 2),
            ("targets.bins", self.targets.bins, 1),
            ("lora.rank", self.lora.rank, 1),
            ("grow.channels", self.grow.channels, 1),
            ("grow.heads", self.grow.heads, 1),
            ("grow.neurons", self.grow.neurons, 1),
            ("grow.layers", self.grow.layers, 0),
            ("epochs", self.epochs, 1),
            ("batch", self.batch, 1),
            ("rows", self.rows, 1),
            ("evaluations", self.evaluations, 1),
            ("patience", self.patience, 1),
            ("seed", self.seed, 0),
        ):
            if value < least:
                raise InputError(f"recipe.{key} must be at least {least}, got {value}")
        if not (self.rate > 0 and self.lora.alpha > 0 and self.weight_lm >= 0 and self.muon_rate >= 0):
            raise InputError(
                "recipe.rate and recipe.lora.alpha must be above 0, recipe.weight_lm and recipe.muon_rate at least 0, "
                f"got {self.rate}, {self.lora.alpha}, {self.weight_lm} and {self.muon_rate}"
            )
        if not (0 <= self.warmup < 1 and 0 <= self.lora.dropout < 1 and 0 < self.held_out < 1):
            raise InputError(
                "recipe.warmup and recipe.lora.dropout must be in [0, 1) and recipe.held_out in (0, 1), "
                f"got {self.warmup}, {self.lora.dropout} and {self.held_out}"
            )
        if not self.token.strip():
            raise InputError("recipe.token must be a piece of text, got nothing")
        if self.muon_rate and self.method == "lora":
            raise InputError("recipe.muon_rate needs recipe.method full or grow, adapters are trained by AdamW: give 0")
        if self.method == "grow" and self.readout == "after":
            raise InputError(
                "recipe.method=grow needs recipe.readout=before: the base reads a token that is fed, and its parts are "
                "not trained; give readout=before, or method lora or full"
            )
        if self.readout == "after" and self.positions == "every":
            raise InputError(
                "recipe.positions=every needs recipe.readout=before: after each token there is no confidence token to "
                "read at; give positions=end, or readout=before"
            )
