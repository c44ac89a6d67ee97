"""Scorers from a configuration: a name, its options, and perhaps a calibration file.

{name: deepconf_tail, window: 16, calibration: tail.json}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tts.answers import Grader
from tts.components import read_options
from tts.errors import InputError
from tts.registry import SCORERS
from tts.scorers.base import Calibrated, Scorer
from tts.scorers.calibration.calibration_file import OWN_DRAWS, Provenance, load_calibration, model_name
from tts.scorers.calibration.maps import CalibrationMap
from tts.scorers.controls import AUTO
from tts.scorers.trace_scores import TRACE_SCORES, TraceScorer
from tts.types import Problem, Signals


@dataclass(frozen=True, slots=True)
class OpenScorer:
    """A scorer with its name and its part of a run's key.

    Attributes:
        scorer: the scorer, calibrated if a calibration was given.
        name: the name in calibration files.
        key: everything its confidences depend on, as JSON values.
    """

    scorer: Scorer
    name: str
    key: Mapping[str, object]

    @property
    def inner(self) -> Scorer:
        """The scorer without its calibration."""
        return self.scorer.scorer if isinstance(self.scorer, Calibrated) else self.scorer

    @property
    def probability(self) -> bool:
        """True if its confidences are probabilities; a raw score must be calibrated first."""
        return not isinstance(self.scorer, TraceScorer) or self.scorer.trace_score.probability is not None

    def calibrated(self, calibration: CalibrationMap) -> OpenScorer:
        """Return the same scorer through a calibration map."""
        return OpenScorer(
            Calibrated(self.inner, calibration), self.name, {**self.key, "calibration": calibration.to_dict()}
        )


def open_scorer(
    spec: Mapping[str, Any],
    *,
    model: str,
    revision: str,
    template: str,
    top: int = 0,
    folder: Path | None = None,
    extract: Callable[[Problem, str], str | None] | None = None,
    grader: Grader = AUTO,
    sampling: str = "",
    source: str = OWN_DRAWS,
) -> OpenScorer:
    """Build a scorer.

    Args:
        spec: {name, calibration, ...} with the options of that scorer.
        model: the model whose samples it judges; a calibration must have been fitted on the same model.
        revision: the model's revision, or empty.
        template: the prompt template of the samples.
        top: k of the top-k confidences that are recorded anyway; 0 if none are.
        folder: the model's local directory, which may hold a card; None if it has none.
        extract: reads the answer from a text; None if the task is unknown.
        grader: the rule by which an answer is right.
        sampling: the parameters that its samples are drawn with, by
            :func:`~tts.scorers.calibration.calibration_file.sampling_text`.
        source: who writes the texts that it judges.

    Raises:
        InputError: an unknown name or option, a value of the wrong type, or a calibration of another provenance.
    """
    given = dict(spec)
    name, file = given.pop("name", None), given.pop("calibration", None)
    build = SCORERS.get(name)
    if top and name in TRACE_SCORES and TRACE_SCORES[name].column == "top":
        given.setdefault("top", top)
    nested = partial(
        open_scorer,
        model=model,
        revision=revision,
        template=template,
        top=top,
        folder=folder,
        extract=extract,
        grader=grader,
        sampling=sampling,
        source=source,
    )
    at_hand = Provenance(model_name(model, revision), name, template, sampling=sampling, source=source)
    context = {
        "folder": folder,
        "provenance": at_hand,
        "extract": extract,
        "grader": grader,
        "nested": nested,
    }
    options = read_options(
        f"scorer {name}", build, given, hidden=tuple(context), also=("calibration",), section="scorer"
    )
    wanted = inspect.signature(build).parameters
    scorer: Scorer = build(**options, **{key: value for key, value in context.items() if key in wanted})
    SCORERS.check_built(name, scorer)
    built = OpenScorer(scorer, scorer.name, {"name": name, **(scorer.key or given)})
    if file is None:
        return built
    if not isinstance(file, str):
        raise InputError(f"scorer.calibration must be a file, got {file!r}")
    return built.calibrated(load_calibration(file, replace(at_hand, scorer=built.name)))


def union_of_signals(*needs: Signals) -> Signals:
    """Return the union of signals.

    Raises:
        InputError: they want the mean over different numbers of top tokens.
    """
    all_of_them = Signals()
    for one in needs:
        try:
            all_of_them |= one
        except ValueError as error:
            raise InputError(f"engine.signals.top, the scorer and the strategies must agree: {error}") from None
    return all_of_them
