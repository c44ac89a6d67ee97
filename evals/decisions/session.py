"""The decision of a strategy on each question of a pool: the answer, what speaks for it, and what it cost.

A decision is the one that a live run with the same samples takes: they are handed over in recorded order, and equal
answers are found draw by draw. Gold answers are not read, unless a score is fitted on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evals.config import DecideConfig
from evals.methods import methods
from evals.replay.independent import dependence
from evals.replay.provenance import is_calibrated, provenance_of
from evals.replay.rescore import CONFIDENCE, STACKED, rescored
from evals.replay.traces import recorded_source, source_of
from evals.tasks.equality import open_equality
from evals.tasks.reading import reading_of
from strategies.catalog import Method
from strategies.mass import MassError
from strategies.vote import BUDGET
from tts.answers.canonical import canonical
from tts.answers.meaning.equality import Equality
from tts.engines.loop import LOOP
from tts.errors import InputError
from tts.pool import Entry, Pool, PoolStore
from tts.progress.phases import tracked
from tts.requirements import Missing
from tts.runtime.recorded import decide, decide_equal
from tts.scorers.calibration.calibration_file import load_calibration
from tts.strategy import Strategy
from tts.types import Decision, Sample

POOL = "pool"
"""The reason of a decision on every sample of a question that has fewer than the budget."""


@dataclass(frozen=True, slots=True)
class PoolDecision:
    """The decision on one question of a pool.

    Attributes:
        id: the question.
        answer: the answer, or None where no sample could be read.
        p_correct: P(the answer is right), in [0, 1]; None where the strategy estimates none, or reads confidences that
            no calibration map has made probabilities.
        vote_share: the answer's share of the votes, in [0, 1]; None where nothing was voted on.
        samples: the indices of the samples used, in the order in which they were handed over.
        tokens: generated tokens of the samples used and of their scores; None where the pool does not count them.
        stopped_by: the rule that ended the drawing, "budget", or "pool" where the question has fewer samples than that.
        speaker: the most confident of the samples used with this answer, the first one where none has a confidence;
            None without an answer.
        strategy: the strategy's name.
        certified: whether the answer is certainly the model's most probable one; None where masses are not known.
        masses: the probability of the distinct texts used, by answer; None as ``certified``.
        unseen_mass: the probability of all other texts, in [0, 1]; None as ``certified``.
    """

    id: str
    answer: str | None
    p_correct: float | None
    vote_share: float | None
    samples: tuple[int, ...]
    tokens: int | None
    stopped_by: str
    speaker: Sample | None
    strategy: str
    certified: bool | None = None
    masses: Mapping[str, float] | None = field(default=None, hash=False)
    unseen_mass: float | None = None


@dataclass(frozen=True)
class Decider:
    """A strategy that is ready to decide on a pool, whatever could be refused.

    Attributes:
        pool: the samples, with the confidences that the strategy reads.
        method: the strategy.
        budget: the most samples of a question; None takes all of each.
        equality: merges equal answers; None compares canonical texts.
        kind: the kind of answers.
        calibrated: whether the confidences are known to be probabilities.
    """

    pool: Pool
    method: Method
    budget: int | None
    equality: Equality | None
    kind: str
    calibrated: bool

    def __iter__(self) -> Iterator[PoolDecision]:
        """Yield the decision on each question, in the order of the pool."""
        built: dict[int, Strategy] = {}
        for entry in tracked(self.pool.entries, "deciding", "replay", self.pool.questions):
            size = len(entry.samples) if self.budget is None else min(self.budget, len(entry.samples))
            if size not in built:
                built[size] = self.method.build(size)
            yield self._decide(built[size], entry)

    @property
    def report(self) -> str | None:
        """A sentence about the comparisons of answers; None if there is nothing to say."""
        return None if self.equality is None else self.equality.report

    def _decide(self, strategy: Strategy, entry: Entry) -> PoolDecision:
        problem, same = replace(entry.problem, gold=None, accepted=()), tuple[str, ...]()
        try:
            if self.equality is None:
                decision = decide(strategy, problem, spelled_alike(entry.samples, self.kind))
            else:
                decision, same = LOOP.run(decide_equal(strategy, problem, entry.samples, self.equality))
        except MassError as error:
            raise error.named(source_of(entry)) from None
        estimates = self.calibrated or not strategy.requires.confidence
        short = self.budget is not None and len(entry.samples) < self.budget
        return PoolDecision(
            entry.problem.id,
            decision.answer,
            decision.p_correct if estimates else None,
            decision.vote_share,
            tuple(sample.index for sample in decision.samples),
            None if decision.usage is None else decision.usage.generated,
            POOL if short and decision.reason == BUDGET else decision.reason,
            speaker_of(decision, same),
            self.method.name,
            decision.certified,
            decision.masses,
            decision.unseen_mass,
        )


def open_decider(pool: Pool, config: DecideConfig, *, notify: Callable[[str], None] = lambda _: None) -> Decider:
    """Check everything that can be refused, and return what decides on the questions of a pool.

    Args:
        pool: the recorded samples, scores beside them, as :func:`tts.pool.read_pool` returns them, or with the scores
            of one scorer as confidences.
        config: the strategy, its budget, the score that it reads and the equality of answers.
        notify: receives a sentence about what is missing.

    Raises:
        InputError: an unknown name, or a pool that cannot serve the strategy.
    """
    if lack := dependence(pool):
        raise InputError(f"{pool.path}: {lack}: draw a pool with `tts sample`")
    if config.answers == "auto":
        config = replace(config, answers=recorded_kind(pool) or "auto")
    required = config.equal["name"] != "auto"
    equality = open_equality(config.equal, config.answers, key="equal", required=required)
    pool, calibrated = _scored(pool, config, equality)
    [method], _ = methods([config.strategy], recorded_source(pool), window=config.window, check=decides, notify=notify)
    if method.requires.confidence:
        _check_probabilities(pool)
        if not calibrated:
            notify("p_correct is null: these confidences went through no calibration map (calibration=FILE)")
    if config.budget is not None and pool.samples_min < config.budget:
        short = sum(len(entry.samples) < config.budget for entry in pool.narrow().entries)
        notify(f"{short} of {pool.questions} questions have fewer than {config.budget} samples: all of theirs decide")
    return Decider(pool, method, config.budget, equality, config.answers, calibrated)


def spelled_alike(samples: Sequence[Sample], kind: str) -> list[Sample]:
    """Return samples whose equal answers are spelled alike, as the first of them; answers of no such kind are none.

    Args:
        samples: the samples of one question.
        kind: the kind of answers, which chooses the canonical form.
    """
    first: dict[str, str] = {}
    found = []
    for sample in samples:
        key = None if sample.answer is None else canonical(sample.answer, kind)
        answer = None if key is None else first.setdefault(key, str(sample.answer))
        found.append(sample if answer == sample.answer else replace(sample, answer=answer))
    return found


def speaker_of(decision: Decision, same: Sequence[str] = ()) -> Sample | None:
    """Return the sample that speaks for a decision: the most confident one with its answer, the first of equal ones.

    Args:
        decision: a decision with its samples.
        same: further spellings of its answer.
    """
    agreeing = [s for s in decision.samples if s.answer is not None and s.answer in (decision.answer, *same)]
    return max(agreeing, key=lambda s: -np.inf if s.confidence is None else s.confidence, default=None)


def recorded_kind(pool: Pool) -> str | None:
    """Return the kind by which the runs of a pool read their replies; None where it is not recorded, or they differ."""
    if not pool.runs:
        return None
    with PoolStore.read(pool.path) as store:
        found = {reading_of(run.reading) for run in store.runs() if run.id in pool.runs}
    reading = found.pop() if len(found) == 1 else None
    return None if reading is None else reading.kind


def _scored(pool: Pool, config: DecideConfig, equality: Equality | None) -> tuple[Pool, bool]:
    """Return the pool with the confidences asked for, and whether they are known to be probabilities."""
    score = config.score
    if score is None and config.calibration is None:
        return pool, bool(pool.scored_by) and is_calibrated(pool, pool.scored_by)
    score = score or pool.scored_by or CONFIDENCE
    raw = config.calibration is not None
    found = rescored(
        pool,
        score,
        probability=not raw,
        raw=raw,
        window=config.window,
        answers=config.answers,
        equality=equality,
    )
    recorded = found.scored_by == score and is_calibrated(found, score)
    if config.calibration is None:
        return found, score == STACKED or recorded
    if recorded:
        raise InputError(f"{pool.path}: the scores {score!r} are calibrated already: leave calibration out")
    calibration = load_calibration(config.calibration, provenance_of(found, score, window=config.window))

    def mapped(entry: Entry) -> list[float | None]:
        return [None if s.confidence is None else float(calibration(s.confidence)) for s in entry.answered]

    return found.with_confidences(mapped, "usage"), True


def _check_probabilities(pool: Pool) -> None:
    """Refuse confidences outside of [0, 1].

    Raises:
        InputError: naming their range.
    """
    low, high = pool.facts.confidence_min or 0.0, pool.facts.confidence_max or 0.0
    if low < 0.0 or high > 1.0:
        raise InputError(
            f"{pool.path}: the confidences span [{low:g}, {high:g}] and this strategy reads "
            "probabilities: give calibration=FILE, which `tts calibrate` fits, or a strategy that only counts"
        )


def decides(row: Method) -> Missing | None:
    """Return the reason that a strategy cannot decide on samples without gold answers, or None."""
    if row.scores != "recorded":
        return Missing("is a control that decides by gold answers or by chance", "name another strategy")
    if row.learn is not None and row.example.keys() - row.params.keys():
        return Missing(
            "learns from graded answers of other questions", "play it by `tts compare`, or live with fit=POOL"
        )
    return None
