"""Settings that every training shares: the trained weights, the optimisers, the steps and when to stop.

Imports no torch. No paper gives these values; those marked "ours" were chosen on the bundled model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tts.errors import InputError

METHODS = ("lora", "full", "grow")
DTYPES = ("auto", "bfloat16", "float32")


@dataclass
class LoraConfig:
    """Low-rank adapters on every linear layer.

    Attributes:
        rank: of each adapter, >= 1. Ours.
        alpha: scale of an adapter is alpha / rank. Ours.
        dropout: on an adapter's input, in [0, 1). Ours.
        layers: the number of last layers that have adapters, >= 1; what the layers below compute of a response is
            computed in the first epoch and kept. None: all layers have. Ours.
    """

    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0
    layers: int | None = None


@dataclass
class GrowConfig:
    """The parts that are added to a model that grows; see :mod:`tts.training.grow`.

    Attributes:
        channels: of the residual stream, >= 1. Ours.
        heads: more key-value heads in every layer, >= 0, with as many queries each as the model has. Ours.
        neurons: more in every layer's MLP, >= 0. With 0 heads and 0 neurons the layers at the end alone are new, and
            what the base computes of a response is computed in the first epoch and kept. Ours.
        layers: more layers at the end, >= 0; they have new parts only, are as wide as the others, and read the base's
            last states. Ours.
        base: a model that was grown from the same base before (a bundled model's name or a directory); its parts stay
            as they are and the new parts read them too; null: the base alone. Ours.
    """

    channels: int = 64
    heads: int = 1
    neurons: int = 192
    layers: int = 2
    base: str | None = None


@dataclass
class Schedule:
    """The settings of a training that do not depend on its objective.

    Attributes:
        method: "lora": adapters and the new tokens' rows; "full": every weight; or "grow", ours: new channels, heads
            and neurons beside the base's, which stay as they are, so that the text cannot change.
        lora: the adapters.
        grow: the added parts.
        learning_rate: peak of AdamW, > 0. Ours.
        muon_learning_rate: peak of Muon, which then takes the matrices of the layers from AdamW; 0 leaves all to
            AdamW. Not for adapters. Ours.
        warmup: share of the steps until the peak, in [0, 1); after it the rate falls linearly to zero. Ours.
        epochs: passes over the responses, >= 1. Ours.
        batch_size: responses in a step of the optimiser, >= 1, rounded to whole questions. Ours.
        micro_batch_size: responses in one forward pass, >= 1, rounded to whole questions; the gradients of a larger
            batch are accumulated.
        evaluations: evaluations on the held-out questions in an epoch, >= 1.
        patience: evaluations without a better Brier score until training stops early, >= 1. Ours.
        held_out: share of the questions that is never trained on, in (0, 1). Ours.
        dtype: the precision of matrix products: bfloat16, float32, or "auto": bfloat16 where the hardware has it.
            Weights and losses are in float32.
        seed: of the split, the order and the adapters.
    """

    method: str = "lora"
    lora: LoraConfig = field(default_factory=LoraConfig)
    grow: GrowConfig = field(default_factory=GrowConfig)
    learning_rate: float = 2e-4
    muon_learning_rate: float = 0.0
    warmup: float = 0.05
    epochs: int = 2
    batch_size: int = 64
    micro_batch_size: int = 64
    evaluations: int = 2
    patience: int = 4
    held_out: float = 0.1
    dtype: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no training can follow."""
        self.check_names({"method": METHODS, "dtype": DTYPES})
        for key, value, least in (
            ("lora.rank", self.lora.rank, 1),
            ("lora.layers", 1 if self.lora.layers is None else self.lora.layers, 1),
            ("grow.channels", self.grow.channels, 1),
            ("grow.heads", self.grow.heads, 0),
            ("grow.neurons", self.grow.neurons, 0),
            ("grow.layers", self.grow.layers, 0),
            ("epochs", self.epochs, 1),
            ("batch_size", self.batch_size, 1),
            ("micro_batch_size", self.micro_batch_size, 1),
            ("evaluations", self.evaluations, 1),
            ("patience", self.patience, 1),
            ("seed", self.seed, 0),
        ):
            if value < least:
                raise InputError(f"recipe.{key} must be at least {least}, got {value}")
        if not (self.learning_rate > 0 and self.lora.alpha > 0 and self.muon_learning_rate >= 0):
            raise InputError(
                "recipe.learning_rate and recipe.lora.alpha must be above 0 and recipe.muon_learning_rate at least 0, "
                f"got {self.learning_rate}, {self.lora.alpha} and {self.muon_learning_rate}"
            )
        if not (0 <= self.warmup < 1 and 0 <= self.lora.dropout < 1 and 0 < self.held_out < 1):
            raise InputError(
                "recipe.warmup and recipe.lora.dropout must be in [0, 1) and recipe.held_out in (0, 1), "
                f"got {self.warmup}, {self.lora.dropout} and {self.held_out}"
            )
        if bool(self.grow.heads) != bool(self.grow.neurons) or not (self.grow.heads or self.grow.layers):
            raise InputError(
                "recipe.grow.heads and recipe.grow.neurons must both be at least 1, or both be 0 with at least 1 of "
                f"recipe.grow.layers, got {self.grow.heads}, {self.grow.neurons} and {self.grow.layers}"
            )
        if self.muon_learning_rate and self.method == "lora":
            raise InputError(
                "recipe.muon_learning_rate needs recipe.method full or grow, adapters are trained by AdamW: give 0"
            )

    @property
    def grow_base(self) -> str | None:
        """The grown model that this training extends; None without."""
        return self.grow.base if self.method == "grow" else None

    def check_names(self, allowed: dict[str, tuple[str, ...]]) -> None:
        """Refuse values that are not among those allowed.

        Raises:
            InputError: a value is not allowed; the sentence names the key.
        """
        for key, names in allowed.items():
            if getattr(self, key) not in names:
                raise InputError(f"recipe.{key} must be one of {', '.join(names)}, got {getattr(self, key)!r}")
