"""The plan of a live run: the strategies that a configuration names, with their parameters, and the scorer.

Everything here is decided before anything is drawn. Parameters and calibration maps are fitted on a pool of other
questions only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from evals.comparison.fit import FIT_PERMUTATIONS, choose, scores_for
from evals.config import RunConfig
from evals.methods import ALL, described, does_without, playable
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.traces import recorded_source
from evals.tasks import Task
from strategies.catalog import Method
from tts.answers import Grader
from tts.engines.base import Capabilities
from tts.engines.config import recorded_signals
from tts.engines.loop import LOOP
from tts.errors import InputError, UnsupportedError
from tts.pool import Entry, Pool, PoolStore, load_pool
from tts.pool.files import pool_format
from tts.pool.runs import canonical_json
from tts.requirements import Requirements, missing
from tts.scorers.available import live_source
from tts.scorers.base import Calibrated, RawScorer, Scorer
from tts.scorers.calibration.calibration_file import sampling_text
from tts.scorers.calibration.maps import fit_map
from tts.scorers.config import OpenScorer, open_scorer, union_of_signals
from tts.scorers.metered import MeteredEngine
from tts.strategy import Strategy
from tts.types import End, Signals

NO_SIGNALS = Signals()


@dataclass(frozen=True)
class PlannedStrategy:
    """A strategy to play, the catalogue's row it was built from, and the parameters beside that row's own."""

    method: Method
    params: Mapping[str, Any]
    strategy: Strategy
    named: bool = True

    def renamed(self, name: str, budget: int) -> PlannedStrategy:
        """Return the same strategy under another name."""
        method = replace(self.method, name=name)
        return replace(self, method=method, strategy=method.build(budget, self.params))


@dataclass(frozen=True)
class Plan:
    """The strategies and the scorer of a live run.

    Attributes:
        strategies: the strategies, in the order asked for.
        skipped: the strategies of "all" that cannot be played, with the reason.
        scorer: the scorer, or None.
        recorded: signals to record whatever the strategies need.
        shared: the signals of other plans that share the draws.
        capabilities: those of the engine; None before it is open.
    """

    strategies: tuple[PlannedStrategy, ...]
    skipped: Mapping[str, str]
    scorer: OpenScorer | None
    recorded: Signals
    shared: Signals = NO_SIGNALS
    capabilities: Capabilities | None = None

    @property
    def judge(self) -> Scorer | None:
        """The scorer itself."""
        return None if self.scorer is None else self.scorer.scorer

    @property
    def signals(self) -> Signals:
        """The signals that every draw records, so that each draw can serve every strategy."""
        judged = self.scorer.scorer.needs if self.scorer is not None else Signals()
        read = [planned.strategy.requires.collected(self.capabilities) for planned in self.strategies]
        return union_of_signals(self.recorded, self.shared, judged, *read)

    def within(self, capabilities: Capabilities, *, notify: Callable[[str], None] = lambda _: None) -> Plan:
        """Return the plan without the strategies of "all" that this engine cannot serve.

        Args:
            capabilities: those of the engine.
            notify: receives a sentence about signals that a strategy does without.

        Raises:
            InputError: nothing is left, or the scorer reads log-probabilities that this engine does not return.
        """
        if self.judge is not None and self.judge.needs.logprobs and not capabilities.logprobs:
            raise InputError(
                f"scorer {self.judge.name} reads log-probabilities, and this engine's servers return none in a stream: "
                "choose another scorer or server"
            )
        if self.judge is not None and (unmet := self.judge.lacks(capabilities)):
            raise InputError(f"scorer {self.judge.name} {unmet}")
        kept, skipped, available = [], dict(self.skipped), live_source(self.judge, capabilities)
        for planned in self.strategies:
            lack = missing(planned.strategy.requires, available)
            without = missing(Requirements(signals=planned.strategy.requires.preferred), available)
            if planned.named or not (lack or without):
                kept.append(planned)
                if without is not None:
                    notify(does_without(planned.method.name, without))
            else:
                skipped[planned.method.name] = str(lack or without)
        if not kept:
            raise InputError("none of the strategies can be played by this engine: name others")
        return replace(self, strategies=tuple(kept), skipped=skipped, capabilities=capabilities)


def plan(
    config: RunConfig,
    task: Task,
    *,
    model: str,
    revision: str,
    notify: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Choose, fit and build the strategies and the scorer.

    Args:
        config: of the run.
        task: the problems, which are not fitted on.
        model: the model that draws.
        revision: its revision, or empty.
        notify: receives a sentence about the run of the fit pool that was chosen.

    Raises:
        InputError: an unknown name, a strategy or scorer that cannot be played live as configured, or a fit pool that
            holds scored questions or not enough samples.
    """
    scorer = None
    if config.scorer is not None:
        top = config.engine.signals.top
        scorer = open_scorer(
            config.scorer,
            model=model,
            revision=revision,
            template=task.template,
            top=top,
            folder=config.engine.folder,
            extract=task.extract,
            grader=task.grader,
            sampling=sampling_text(asdict(config.engine.sampling)),
        )
        if not scorer.probability and config.calibrate is None:
            raise InputError(
                f"scorer {scorer.name} gives raw scores, and a run needs probabilities: give scorer.calibration "
                "(see `tts calibrate`), or fit=POOL and calibrate=platt"
            )
    pool = None if config.fit is None else load_pool(config.fit, run=config.fit_run, notify=notify)
    source = live_source(None if scorer is None else scorer.scorer)
    fit = None if pool is None else recorded_source(pool, "fit pool")
    chosen, skipped = playable(config.strategies, source, fit=fit, window=config.window)
    named = {described(entry).name for entry in config.strategies if entry != ALL}
    params: Sequence[Mapping[str, Any]] = [{}] * len(chosen)
    if pool is not None:
        check_apart(pool, task, model)
        scorer, params = fit_plan(config, pool, chosen, scorer, task.grader)
    strategies = tuple(
        PlannedStrategy(row, given, row.build(config.budget, given), row.name in named)
        for row, given in zip(chosen, params, strict=True)
    )
    return Plan(strategies, skipped, scorer, recorded_signals(config.engine))


def check_apart(pool: Pool, task: Task, model: str) -> None:
    """Refuse to fit on questions that are scored, or on another model's samples.

    Raises:
        InputError: naming what they share, or both models.
    """
    texts = {problem.question for problem in task.problems}
    ids = {problem.id for problem in task.problems}
    shared = [e.problem.id for e in pool.narrow().entries if e.problem.id in ids or e.problem.question in texts]
    if shared:
        raise InputError(
            f"fit pool {pool.path} holds {len(shared)} of the questions that are scored, {shared[0]!r} for one: "
            "fit on another split, such as one drawn with task.split=calibration"
        )
    if pool.models and set(pool.models) != {model}:
        raise InputError(
            f"fit pool {pool.path} was drawn by {', '.join(pool.models)} and this run draws by {model}: "
            "fit on samples of the same model"
        )


def fit_plan(
    config: RunConfig, pool: Pool, chosen: Sequence[Method], scorer: OpenScorer | None, grader: Grader
) -> tuple[OpenScorer | None, Sequence[Mapping[str, Any]]]:
    """Return the scorer with its calibration map, and the parameters of each strategy, all from the fit pool.

    Raises:
        InputError: the pool has too few samples, or lacks the confidences or signals that are needed.
    """
    if scorer is not None and config.fit is not None and scorer.scorer.uses_engine:
        pool = with_scores_of(pool, scorer)
    raw = score_pool(pool, scorer.inner, raw=config.calibrate is not None) if scorer is not None else pool
    if scorer is not None and config.calibrate is not None:
        arrays = PoolArrays.of(raw, answers=grader.kind, equality=grader.equality)
        seen = arrays.labels >= 0
        if arrays.confidence is None:
            raise InputError(f"fit pool {pool.path} has no answer to calibrate on: fit on another")
        scorer = scorer.calibrated(fit_map(config.calibrate, arrays.confidence[seen], arrays.sample_correct[seen]))
    if scorer is not None:
        pool = score_pool(pool, scorer.scorer)
    if not any(row.objective or row.learn for row in chosen):
        return scorer, [{}] * len(chosen)
    if pool.samples_min < config.budget:
        raise InputError(
            f"fit pool {pool.path} has a question with {pool.samples_min} samples and the budget is {config.budget}: "
            "draw more samples for it, or lower the budget"
        )
    arrays = PoolArrays.of(pool, answers=grader.kind, equality=grader.equality)
    if arrays.confidence is None and any(row.requires.confidence for row in chosen):
        raise InputError(f"fit pool {pool.path} has no confidences to fit on: draw it with the same scorer")
    fold = Fold.fit_all(arrays.questions)
    orders = Permutations(arrays.sizes, count=FIT_PERMUTATIONS, draws=config.budget, seed=config.engine.seed)
    scores = scores_for(arrays, fold, orders, calibrate=None, seed=config.engine.seed)
    return scorer, choose(arrays, chosen, orders, scores, fold, budget=config.budget, margin=config.margin)


def score_pool(pool: Pool, scorer: Scorer, *, raw: bool = False) -> Pool:
    """Return the pool with the scorer's confidences of its answered samples.

    A scorer that needs no engine scores the recorded samples again; for any other the recorded confidences count.

    Args:
        pool: the samples.
        scorer: the scorer, calibrated or not.
        raw: take raw scores, if the scorer has them.

    Raises:
        InputError: the confidences can neither be computed nor found.
    """
    if scorer.uses_engine:
        return _recorded(pool, scorer)
    read, together = scorer.raw if raw and isinstance(scorer, RawScorer) else scorer.score, scorer.compares_samples

    def scores(entry: Entry) -> list[float]:
        judged = [s for s in entry.samples if s.answer is not None or (together and s.end is not End.FAILED)]
        try:
            found: list[float] = LOOP.run(read(entry.problem, judged, MeteredEngine(None))).tolist()
        except UnsupportedError as error:
            raise InputError(f"fit pool {pool.path}: {error}") from None
        return [score for sample, score in zip(judged, found, strict=True) if sample.answer is not None]

    return pool.with_confidences(scores)


def with_scores_of(pool: Pool, scorer: OpenScorer) -> Pool:
    """Return a fit pool with the recorded scores of this scorer, uncalibrated; a pool that names no scorers as it is.

    Raises:
        InputError: it holds scores of others alone, naming them.
    """
    if pool_format(pool.path) != "sqlite":
        return pool
    ours = canonical_json({key: value for key, value in scorer.key.items() if key != "calibration"})
    with PoolStore.read(pool.path) as store:
        keys = store.scorers()
    label = next((label for label in pool.scorers if canonical_json(keys[label]) == ours), None)
    if label is None:
        theirs = ", ".join(canonical_json(keys[label]) for label in pool.scorers)
        raise InputError(
            f"fit pool {pool.path} has scores of {theirs or 'no scorer'} and this run uses {ours}: "
            "draw it by `tts run` with the same scorer, and no calibration"
        )
    return pool.with_scores(label)


def _recorded(pool: Pool, scorer: Scorer) -> Pool:
    """Return the pool with its recorded confidences, calibrated if the scorer is."""
    if not pool.has_confidence:
        raise InputError(
            f"fit pool {pool.path} has no confidences, and this scorer must ask the model for them: "
            "draw it by `tts run` with the same scorer"
        )
    if not isinstance(scorer, Calibrated):
        return pool

    def mapped(entry: Entry) -> list[float]:
        recorded = np.array([sample.confidence for sample in entry.answered], dtype=np.float64)
        values: list[float] = np.asarray(scorer.calibration(recorded)).tolist()
        return values

    return pool.with_confidences(mapped, "usage")
