"""The scorer ``reward`` from a configuration: an outcome reward model, or a process reward model of a form."""

from __future__ import annotations

from tts.errors import InputError, unknown_name
from tts.scorers.base import Scorer
from tts.scorers.reward.forms import FORMS
from tts.scorers.reward.outcome import OutcomeReward
from tts.scorers.reward.process import ProcessReward

OUTCOME = "outcome"


def open_reward(
    *,
    path: str,
    form: str = OUTCOME,
    aggregate: str | None = None,
    separator: str | None = None,
    positive: int | None = None,
    template: str | None = None,
    batch: int = 8,
    device: str = "cpu",
) -> Scorer:
    """Build the scorer.

    Args:
        path: the directory of the model and its tokenizer.
        form: "outcome" for a sequence classifier; "qwen", "math_shepherd", "rlhflow" or "skywork" for a process reward
            model by that convention.
        aggregate: of a process reward model, from its steps to the sample: "last", "min", "prod" or "mean"; None takes
            "last".
        separator: of a process reward model, the text between two steps; None takes the form's.
        positive: of an outcome reward model, the label that means "right"; None takes the last one.
        template: of an outcome reward model, text with ``{question}`` and ``{text}`` to classify.
        batch: samples a forward pass, >= 1.
        device: where torch puts the model.

    Raises:
        InputError: an unknown form, an option of the other kind, or a directory without such a model.
    """
    if form == OUTCOME:
        if aggregate is not None or separator is not None:
            raise InputError(
                f"aggregate and separator are for process reward models: give scorer.form={', '.join(FORMS)}"
            )
        return OutcomeReward(path, positive=positive, template=template, batch=batch, device=device)
    if form not in FORMS:
        raise unknown_name("form of reward models", form, (OUTCOME, *FORMS))
    if positive is not None or template is not None:
        raise InputError(
            "positive and template are for outcome reward models: leave them out, or give scorer.form=outcome"
        )
    return ProcessReward(path, form, aggregate=aggregate or "last", separator=separator, batch=batch, device=device)
