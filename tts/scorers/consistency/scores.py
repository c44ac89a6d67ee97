"""Consistency scores: one number of each sample that compares it with the question's other samples.

Live they judge the samples that are drawn together, in a replay all samples of a question; both take the same table.
Equal answers are found by the caller, so that these scores group them as votes do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tts.errors import MissingSignalError, unknown_name
from tts.scorers.base import BaseScorer
from tts.scorers.consistency.cocoa import answer_disagreement, text_disagreement
from tts.scorers.consistency.self_consistency import SelfConsistency, frequency
from tts.scorers.consistency.semantic_entropy import groups_of, semantic_entropy
from tts.scorers.metered import MeteredEngine
from tts.scorers.trace_scores import TRACE_SCORES
from tts.types import End, Problem, Sample, Signals

Answers = Sequence[Hashable | None]
Measure = Callable[[str, Sequence[Sample], Answers], NDArray[np.float64]]

FREQUENCY = "frequency"
_NONE, _LOGPROBS, _ENTROPY = Signals(), Signals(logprobs=True), Signals(entropy=True)


@dataclass(frozen=True, slots=True)
class ConsistencyScore:
    """One number of each sample of a question, high where it is good.

    Attributes:
        name: the name that users type.
        source: the paper.
        measure: from the name, the samples and their answers to the scores.
        probability: from a score to a number in [0, 1].
        needs: the signals to collect while drawing.
        scorer: the name in calibration files; empty takes ``name``.
    """

    name: str
    source: str
    measure: Measure
    probability: Callable[[float], float]
    needs: Signals = _NONE
    scorer: str = ""

    def raw(self, samples: Sequence[Sample], answers: Answers) -> NDArray[np.float64]:
        """Return the scores of all samples of one question, shape [len(samples)].

        Failed and aborted samples are none of the question's: they get NaN and change no other score. So does a sample
        without answer, text and log-probabilities where the score reads these.

        Args:
            samples: the samples.
            answers: the answer of each, equal where the task takes them for equal; None where there is none.

        Raises:
            MissingSignalError: a sample lacks what the score reads.
        """
        drawn = [place for place, s in enumerate(samples) if s.end not in (End.FAILED, End.ABORTED)]
        scores = np.full(len(samples), np.nan)
        if drawn:
            scores[drawn] = self.measure(self.name, [samples[i] for i in drawn], [answers[i] for i in drawn])
        return scores


def _shares(name: str, samples: Sequence[Sample], answers: Answers) -> NDArray[np.float64]:
    return frequency(answers)


def _entropy(name: str, samples: Sequence[Sample], answers: Answers, *, weight: str) -> NDArray[np.float64]:
    """The negated semantic entropy, the same for all samples; ``weight`` is the trace score of log-weights, or none."""
    logs = _read(name, samples, weight) if weight else np.zeros(len(samples))
    known = ~np.isnan(logs)
    if not known.any():
        return np.full(len(samples), np.nan)
    return np.full(len(samples), 0.0 - semantic_entropy(groups_of(answers)[known], logs[known]))


def _cocoa(
    name: str, samples: Sequence[Sample], answers: Answers, *, certainty: str, text: bool
) -> NDArray[np.float64]:
    """The negated product of uncertainty and disagreement; ``certainty`` is a trace score, at most 0."""
    uncertainty = np.maximum(0.0, -_read(name, samples, certainty))
    return 0.0 - uncertainty * (text_disagreement(_texts(name, samples)) if text else answer_disagreement(answers))


def _read(name: str, samples: Sequence[Sample], score: str) -> NDArray[np.float64]:
    """The trace score of each sample, NaN for an empty one."""
    try:
        return np.array([math.nan if _is_empty(s) else TRACE_SCORES[score].raw(s) for s in samples])
    except MissingSignalError as error:
        raise MissingSignalError(f"{name} reads every sample of a question: {error}") from None


def _is_empty(sample: Sample) -> bool:
    return sample.answer is None and not sample.text.strip() and not sample.trace.logprobs


def _texts(name: str, samples: Sequence[Sample]) -> list[str]:
    for sample in samples:
        if sample.answer is not None and not sample.text.strip():
            raise MissingSignalError(
                f"{name} compares texts and sample {sample.index} has none: record the samples with their texts, or "
                f"choose {name.removesuffix('_text')}, which compares answers"
            )
    return [sample.text for sample in samples]


def _exp(score: float) -> float:
    return math.exp(min(score, 0.0))


def _itself(score: float) -> float:
    return score


_KUHN, _FARQUHAR, _COCOA = "Kuhn et al. 2302.09664", "Farquhar et al., Nature 2024", "CoCoA 2502.04964"
_CERTAINTY = {"msp": ("total_logprob", _LOGPROBS), "ppl": ("mean_logprob", _LOGPROBS), "mte": ("entropy", _ENTROPY)}

_ALL = (
    ConsistencyScore(FREQUENCY, "Wang et al. 2203.11171", _shares, _itself, scorer=SelfConsistency.name),
    ConsistencyScore("semantic_entropy", _KUHN, partial(_entropy, weight="total_logprob"), _exp, _LOGPROBS),
    ConsistencyScore(
        "semantic_entropy_normalised", _FARQUHAR, partial(_entropy, weight="mean_logprob"), _exp, _LOGPROBS
    ),
    ConsistencyScore("semantic_entropy_discrete", _FARQUHAR, partial(_entropy, weight=""), _exp),
    *(
        ConsistencyScore(
            f"cocoa_{kind}{'_text' if text else ''}", _COCOA, partial(_cocoa, certainty=score, text=text), _exp, needs
        )
        for text in (False, True)
        for kind, (score, needs) in _CERTAINTY.items()
    ),
)
CONSISTENCY_SCORES: dict[str, ConsistencyScore] = {score.name: score for score in _ALL}
"""By name: frequency = the share of the samples that give the sample's answer, 0 without an answer.

semantic_entropy = -H, H the entropy of the groups of equal answers in nats, each with the mass of its samples: p =
exp(sum log p(token)) of the sample; semantic_entropy_normalised takes p = exp(mean log p(token)), and
semantic_entropy_discrete counts each sample once. The natural map exp(-H), the inverse perplexity of the answers, is 1
where all samples agree and 1 / n where n groups are equally probable. It judges the question: all of its samples have
the same score. A sample without an answer is a group of its own; a sample alone has entropy 0.

cocoa = -u, u = A * mean over the other samples of 1 - similarity. A is -sum log p(token) (msp), -mean log p(token)
(ppl) or the mean entropy of tokens (mte); similarity is 1 for equal answers and 0 for others, or ROUGE-L of the texts
(_text). u >= 0 has no upper bound; the natural map is exp(-u). A sample alone has no other samples: u = A."""


class ConsistencyScorer(BaseScorer):
    """A consistency score as a :class:`~tts.scorers.base.Scorer`; ``raw`` gives the score as it is."""

    judges_prefixes = False
    compares_samples = True

    def __init__(self, score: str) -> None:
        """Choose a score.

        Args:
            score: a name of :data:`CONSISTENCY_SCORES`.

        Raises:
            InputError: an unknown name.
        """
        if score not in CONSISTENCY_SCORES:
            raise unknown_name("consistency score", score, CONSISTENCY_SCORES)
        self.consistency_score = CONSISTENCY_SCORES[score]
        self.name, self.needs = score, self.consistency_score.needs

    async def raw(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The raw scores, shape [len(samples)].

        Raises:
            MissingSignalError: a sample lacks what the score reads.
        """
        return self.consistency_score.raw(samples, [sample.answer for sample in samples])

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The natural map of the raw scores, in [0, 1], shape [len(samples)].

        Raises:
            MissingSignalError: a sample lacks what the score reads.
        """
        raw = await self.raw(problem, samples, engine)
        return np.array([self.consistency_score.probability(value) for value in raw.tolist()], dtype=np.float64)


CONSISTENCY_SCORERS: dict[str, Callable[[], ConsistencyScorer]] = {
    name: partial(ConsistencyScorer, name) for name in CONSISTENCY_SCORES if name != FREQUENCY
}
"""Builders of the scorers of :data:`CONSISTENCY_SCORES` by name; frequency is the scorer self_consistency."""
