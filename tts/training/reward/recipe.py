"""The recipe of an outcome reward model: the settings of ``tts train reward``.

Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from tts.training.schedule import Schedule


@dataclass
class RewardRecipe(Schedule):
    """Everything the trained weights depend on, beside the base model and the responses.

    The settings are those of :class:`~tts.training.schedule.Schedule`, with method "lora", whose adapters are merged,
    or "full". The loss is the log loss of the response's grade at the last token.

    Source:
        Cobbe et al., arXiv 2110.14168: verifiers that are trained on graded samples of the generator. Their loss is
        squared, at every token; here it is the log loss, at the last one, where a sequence classifier is read.
    """

    def __post_init__(self) -> None:
        """Refuse values that no training can follow."""
        super().__post_init__()
        self.check_names({"method": ("lora", "full")})
