"""Scores of samples that are already drawn, kept beside them in their pool.

What can be computed from recorded signals is not read, what can be read is not drawn. Each part of a question is
committed when it is scored, so that an interrupted command continues where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evals.live.hooks import SILENT, Hooks, ProgressListener
from evals.pools.stored_engine import RunEngine, run_engine
from evals.pools.unscored import Part, Unscored
from tts.config.lists import Source
from tts.engines.kinds import LiveEngine
from tts.engines.streams import together
from tts.errors import EngineError, InputError, MissingSignalError
from tts.pool import PoolStore, Score
from tts.pool.files import pool_format
from tts.pool.runs import canonical_json
from tts.runtime.ledger import NOTHING, shares
from tts.scorers.base import RawScorer
from tts.scorers.calibration.calibration_file import OWN_DRAWS, model_name, sampling_text
from tts.scorers.config import OpenScorer, open_scorer
from tts.scorers.metered import MeteredEngine, with_signals
from tts.types import End, Sample, Usage

UNFINISHED = (End.FAILED, End.ABORTED, End.BOUNDARY)
ATTEMPTS = 3
"""Attempts to score the same samples with an engine that fails."""


@dataclass(frozen=True)
class PoolScores:
    """The outcome of scoring a run.

    Attributes:
        path: the pool.
        run: the number of the run.
        label: the label of the scores within the pool.
        samples: samples of the run that have a score now.
        scored: samples that this session scored.
        failed: samples that could not be scored.
        reason: the sentence on the first of them; empty if there is none.
        usage: the tokens of this session.
    """

    path: Path
    run: int
    label: str
    samples: int
    scored: int
    failed: int = 0
    reason: str = ""
    usage: Usage = NOTHING

    def __str__(self) -> str:
        """Return one line about the scores."""
        return (
            f"{self.path}: run {self.run} has {self.samples} scores {self.label}, {self.scored} of them computed now "
            f"({self.usage.scorer_prefill} tokens read, {self.usage.scorer_decode} drawn)"
        )


def score_run(path: Path, sources: Sequence[Source], *, run: int | None = None, hooks: Hooks = SILENT) -> PoolScores:
    """Score the samples of a run that the scorer has not judged yet.

    Args:
        path: a SQLite pool.
        sources: the mappings of :class:`~evals.config.ScoreConfig`, each with the words for its place.
        run: the number of the run; None takes the latest.
        hooks: what the caller wants to see.

    Raises:
        InputError: a scorer whose signals were not recorded and cannot be read, or a configuration that cannot be used.
        KeyboardInterrupt: on Ctrl-C, with a sentence on how to continue; the pool holds every finished score.
    """
    if pool_format(path) != "sqlite":
        raise InputError(f"{path}: scores are added to SQLite pools: `tts pool import {path} POOL.sqlite` makes one")
    if not path.exists():
        raise InputError(f"{path}: no such file")
    with PoolStore.create_or_open(path) as store:
        number = store.latest_run() if run is None else run
        pool = store.to_pool(number)
        recorded = next(one for one in store.runs() if one.id == number)
        engine = run_engine(recorded, sources)
        opened = _opened(engine)
        scorer, key = opened.scorer, dict(opened.key)
        if engine.config.raw and isinstance(opened.inner, RawScorer):
            key["raw"] = True
        if engine.foreign and not scorer.own_model and (scorer.uses_engine or scorer.needs.to_json()):
            key |= {"model": engine.model, "revision": engine.revision}
        judge = store.open_scorer(opened.name, key)
        label = next(label for label, known in store.scorers().items() if canonical_json(known) == canonical_json(key))
        todo = Unscored(pool, label, scorer, engine)
        work = _Work(store, number, judge, opened, engine, hooks)
        store.open_run(recorded.key, recorded.config, signals=recorded.signals, reading=recorded.reading, scorer=judge)
        if recorded.draws is not None:
            store.note_draws(number, recorded.draws)
        try:
            work.run(todo, path)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted; {path} holds {work.scored} new scores: repeat the command to continue"
            ) from None
        return PoolScores(
            path, number, label, todo.known + work.scored, work.scored, work.failed, work.reason, work.usage
        )


def _opened(engine: RunEngine) -> OpenScorer:
    assert engine.config.scorer is not None
    drawn = engine.run.key
    return open_scorer(
        engine.config.scorer,
        model=engine.model,
        revision=engine.revision,
        template=engine.template,
        top=engine.run.signals.top,
        folder=engine.folder,
        sampling=sampling_text(drawn.sampling),
        source=model_name(drawn.model, drawn.revision) if engine.foreign else OWN_DRAWS,
    )


class _Work:
    """The scoring of the parts of a run, with its counts."""

    def __init__(
        self, store: PoolStore, run: int, judge: int, opened: OpenScorer, engine: RunEngine, hooks: Hooks
    ) -> None:
        self._store, self._run, self._judge, self._opened = store, run, judge, opened
        self._engine, self._hooks = engine, hooks
        self.scored, self.failed, self.reason, self.usage = 0, 0, "", NOTHING

    def run(self, todo: Unscored, path: Path) -> None:
        """Score all parts; the engine is opened only if a sample lacks signals, or the scorer asks it."""
        scorer, missing = self._opened.scorer, todo.missing
        if not todo.parts or not (missing or (scorer.uses_engine and not scorer.own_model)):
            self._play(todo, None)
            return
        try:
            config, prompt = self._engine.opening()
        except InputError as error:
            if not missing:
                raise
            raise InputError(
                f"{missing} samples of {path} lack signals that scorer {scorer.name} reads: {error}"
            ) from None
        self._hooks.notify(f"loading {self._engine.model}")
        with self._hooks.open_engine(config, prompt, self._hooks.notify) as engine:
            self._check(engine, missing, path)
            self._play(todo, engine)

    def _check(self, engine: LiveEngine, missing: int, path: Path) -> None:
        scorer, able = self._opened.scorer, engine.capabilities
        if scorer.uses_engine and (unmet := scorer.lacks(able)):
            raise InputError(f"scorer {scorer.name} {unmet}")
        lack = able.unreadable(scorer.needs)
        if missing and lack is not None and not (scorer.reads_texts and able.score_prefix):
            raise InputError(
                f"scorer {scorer.name} reads {lack}, which {missing} samples of {path} lack and "
                f"engine.kind={self._engine.config.engine.kind} cannot read from a given text: read with "
                "engine.kind=transformers, or draw the samples with that signal recorded (engine.signals)"
            )

    def _play(self, todo: Unscored, engine: LiveEngine | None) -> None:
        with self._hooks.progress(lambda: self.usage.scorer_prefill + self.usage.scorer_decode) as watch:
            watch.start(self._opened.name, todo.parts)
            self._hooks.execute(self._all(todo, engine, watch))
            watch.finish()

    async def _all(self, todo: Unscored, engine: LiveEngine | None, watch: ProgressListener) -> None:
        """Score the parts, as many at a time as fill two batches."""
        waiting, largest = iter(todo), max(todo.largest, 1)
        asks = engine is not None or self._opened.scorer.own_model
        count = max(1, 2 * self._engine.config.engine.max_batch_size // largest) if asks else 1

        async def work() -> None:
            for part in waiting:
                await self._part(part, engine)
                watch.advance(None)

        await together(work() for _ in range(count))

    async def _part(self, part: Part, engine: LiveEngine | None) -> None:
        metered = MeteredEngine(engine)
        judged = [sample for sample in part.samples if sample.answer is not None or sample.text.strip()]
        empty = {sample.index for sample in part.samples} - {sample.index for sample in judged}
        scores = {index: Score(0.0) for index in sorted(empty & part.wanted)}
        shown = part.samples if judged and self._opened.scorer.compares_samples else judged
        try:
            scores |= await self._scores(replace(part, wanted=part.wanted - empty), shown, metered)
        finally:
            self.usage += metered.usage
        if scores:
            self._store.add_scores(self._run, self._judge, part.problem.id, scores)
        self.scored += len(scores)

    async def _scores(self, part: Part, samples: Sequence[Sample], engine: MeteredEngine) -> dict[int, Score]:
        """Return the scores of samples by index; those that cannot be had are counted."""
        if not samples:
            return {}
        scorer, before = self._opened.scorer, engine.usage
        inner = self._opened.inner
        read = inner.raw if self._engine.config.raw and isinstance(inner, RawScorer) else scorer.score
        error: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                shown = await with_signals(part.problem, samples, scorer.needs, engine)
                values = np.asarray(await read(part.problem, shown, engine), dtype=np.float64)
                break
            except MissingSignalError as missing:
                error = missing
                if len(samples) > 1 and not scorer.compares_samples:
                    alone = [await self._scores(part, [sample], engine) for sample in samples]
                    return {index: score for one in alone for index, score in one.items()}
                return self._lost(samples, part, str(error))
            except EngineError as failure:
                error = failure
                if not failure.again:
                    return self._lost(samples, part, str(error))
        else:
            return self._lost(samples, part, str(error))
        read_now, drawn_now = (
            getattr(engine.usage, name) - getattr(before, name) for name in ("scorer_prefill", "scorer_decode")
        )
        costs = shares(Usage(scorer_prefill=read_now, scorer_decode=drawn_now), len(samples))
        found = {}
        for sample, value, cost in zip(samples, values.tolist(), costs, strict=True):
            if sample.index in part.wanted and np.isfinite(value):
                found[sample.index] = Score(value, cost.scorer_prefill, cost.scorer_decode)
            elif sample.index in part.wanted:
                self._lost([sample], part, f"scorer {scorer.name} could not read a score")
        return found

    def _lost(self, samples: Sequence[Sample], part: Part, reason: str) -> dict[int, Score]:
        self.failed += sum(sample.index in part.wanted for sample in samples)
        self.reason = self.reason or f"question {part.problem.id!r}: {reason}"
        return {}
