"""Ranking and calibration in the FineCE experiment: every score at every position of an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments import finece_traces as traces
from benchmarks.experiments.finece_traces import POSITIONS, Prefixes
from benchmarks.experiments.grace import shown
from evals.metrics import ranking
from evals.metrics.counts import resampled
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from tts.models.grace import read_card as read_grace
from tts.pool import Pool
from tts.scorers.calibration.maps import fit_map

Floats = NDArray[np.float64]
Say = Callable[[str], None]
REPLICATES = 1000


@dataclass(frozen=True)
class Reading:
    """A score at every position of every test sample, raw and as a probability, [samples, positions]."""

    name: str
    raw: Floats
    probability: Floats
    free: bool


def positions(fit: Prefixes, test: Prefixes, both: tuple[Pool, Pool], grace: Pool, say: Say) -> None:
    """AUROC and ECE of every score at every position."""
    every, test = test, traces.alike(test, grace)
    say("\n## Confidence by position: AUROC (does the answer that begins so end well?)")
    lost = len(every.samples) - len(test.samples)
    say(f"{lost} of {len(every.samples)} samples, drawn otherwise by GrACE's model, left out")
    readings = [Reading("finece", found := traces.finece(test), found, False)]
    from tts.models.bundled import weights as bundled

    token = read_grace(bundled("grace")).token_id
    trace = traces.watched(test, grace, token)
    readings.append(Reading("grace, trace", trace, trace, False))
    prompts = _prompts(both)
    probe = traces.probed(fit, test, prompts)
    readings.append(Reading("hidden-state probe", probe, probe, False))
    for name in traces.FREE:
        mine, theirs = traces.training_free(fit, name), traces.training_free(test, name)
        scaled = np.empty_like(theirs)
        for at in range(theirs.shape[1]):
            scaled[:, at] = fit_map("platt", mine[:, at], fit.correct)(theirs[:, at])
        readings.append(Reading(name, theirs, scaled, True))
    questions = len(np.unique(test.question))
    times = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions)
    groups = [*((name, [at]) for at, name in enumerate(POSITIONS)), ("overall", list(range(len(POSITIONS))))]
    say(f"{'position':20}" + "".join(f"{one.name:>22}" for one in readings) + f"{'least lead over free':>34}")
    ranked: dict[str, dict[str, tuple[float, Floats]]] = {}
    for name, places in groups:
        ranked[name] = {one.name: auroc(one.raw[:, places], test, times) for one in readings}
        cells = [shown(*ranked[name][one.name]) for one in readings]
        leads = {one.name: ranked[name]["finece"][1] - ranked[name][one.name][1] for one in readings if one.free}
        worst = min(leads, key=lambda key: float(np.quantile(leads[key], 0.025)))
        gap = ranked[name]["finece"][0] - ranked[name][worst][0]
        say(
            f"{name:20}"
            + "".join(f"{c:>22}" for c in cells)
            + f"{shown(gap, leads[worst], sign=True) + ' ' + worst:>34}"
        )
    say("")
    say("within questions (of a right and a wrong sample of one question, which has more?):")
    say(f"{'position':20}" + "".join(f"{one.name:>22}" for one in readings))
    for name, places in groups[:-1]:
        say(f"{name:20}" + "".join(f"{within(one.raw[:, places[0]], test):22.3f}" for one in readings))
    say("")
    say("ECE (10 bins of equal width); training-free scores Platt-scaled at each position on the calibration split,")
    say("FineCE, GrACE and the probe as they are:")
    say(f"{'position':20}" + "".join(f"{one.name:>22}" for one in readings))
    errors: dict[str, list[tuple[float, Floats]]] = {one.name: [] for one in readings}
    for at, name in enumerate(POSITIONS):
        cells = []
        for one in readings:
            errors[one.name].append(ece(one.probability[:, at], test, times))
            cells.append(shown(*errors[one.name][-1]))
        say(f"{name:20}" + "".join(f"{cell:>22}" for cell in cells))
    cells = []
    for one in readings:
        value = float(np.mean([e for e, _ in errors[one.name]]))
        cells.append(shown(value, np.mean([r for _, r in errors[one.name]], axis=0)))
    say(f"{'mean of positions':20}" + "".join(f"{cell:>22}" for cell in cells))


def _prompts(both: tuple[Pool, Pool]) -> Any:
    from transformers import AutoTokenizer

    from tts.models.bundled import weights

    tokenizer = AutoTokenizer.from_pretrained(weights())

    def prompt(question: int, of_fit: bool) -> Sequence[int]:
        problem = both[0 if of_fit else 1].entries[question].problem
        ids: Sequence[int] = tokenizer(f"{problem.question}\n").input_ids
        return ids

    return prompt


def auroc(raw: Floats, test: Prefixes, times: Floats) -> tuple[float, Floats]:
    """Pooled over the given positions, with its value on resamples of the questions."""
    count = raw.shape[1]
    scored = ScoredSamples.of(raw.T.ravel(), np.tile(test.correct, count), np.tile(test.question, count))
    plain = next(iter(resampled(scored, np.ones((1, scored.questions)))))
    many = np.concatenate([ranking.auroc(c) for c in resampled(scored, times)])
    return float(ranking.auroc(plain)[0]), many


def within(raw: Floats, test: Prefixes) -> float:
    """Of a right and a wrong sample of one question, how often the right one has more, [samples]."""
    scored = ScoredSamples.of(raw, test.correct, test.question)
    return float(ranking.within_question_auroc(next(iter(resampled(scored, np.ones((1, scored.questions))))))[0])


def ece(probability: Floats, test: Prefixes, times: Floats) -> tuple[float, Floats]:
    """In 10 bins of equal width, with its value on resamples of the questions, [samples]."""
    scored = ScoredSamples.of(probability, test.correct, test.question)
    plain = next(iter(resampled(scored, np.ones((1, scored.questions)))))
    many = np.concatenate([probability.ece_equal_width(c) for c in resampled(scored, times)])
    return float(probability.ece_equal_width(plain)[0]), many
