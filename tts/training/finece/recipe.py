"""The recipe of a FineCE scorer: the settings of ``tts train finece``, each with its source.

Imports no torch. Values marked "ours" are this framework's, chosen on the bundled model.
"""

from __future__ import annotations

from dataclasses import dataclass

from tts.errors import InputError
from tts.models.finece import VALUES
from tts.training.schedule import Schedule

READS = ("values", "numbers", "head")
POSITIONS = ("labels", "every")


@dataclass
class FineceRecipe(Schedule):
    """Everything the trained weights depend on, beside the base model and the labelled prefixes.

    The settings that it shares with other trainings are in :class:`~tts.training.schedule.Schedule`. The scorer is
    separate from the generator: adapters or a whole model that only score, or, with method "grow", parts that the text
    does not read.

    Attributes:
        read: "values": the confidence is the expectation over eleven added tokens, which stand for 0, 1/10, ..., 1 and
            are never drawn; "numbers": the expectation over the tokenizer's tokens for the numbers 0 to 10, as an
            instructed model prints them (the paper's choice), for methods lora and full; "head": a linear head on the
            last hidden state (the paper's additional value head, as one logit), for methods lora and full.
        token: the text of the tokens of "values", with {} for the number.
        positions: "labels": trained where Algorithm 1 has labels: questions, partial answers, whole answers (the
            paper); "every", ours: after each token of a response too, with the response's correctness as the target.
    """

    read: str = "values"
    token: str = "<C{}>"
    positions: str = "every"

    def __post_init__(self) -> None:
        """Refuse values that no training can follow."""
        super().__post_init__()
        self.check_names({"read": READS, "positions": POSITIONS})
        if self.token.count("{}") != 1:
            raise InputError(f"recipe.token must have {{}} once, in the place of the number, got {self.token!r}")
        if self.method == "grow" and self.read != "values":
            raise InputError(
                f"recipe.method=grow needs recipe.read=values, tokens that the text does not need, got {self.read!r}: "
                "give recipe.read=values, or recipe.method=lora or full"
            )

    @property
    def tokens(self) -> list[str]:
        """The texts of the confidence tokens; none for a head."""
        if self.read == "head":
            return []
        return [self.token.replace("{}", str(v)) if self.read == "values" else str(v) for v in range(VALUES)]
