"""The confidences of a question's samples: a scorer is asked, asked again where it failed, and charged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts.errors import EngineError, MissingSignalError
from tts.runtime.ledger import Account, failed
from tts.runtime.scoring import checked_scores, is_empty, needs_score, with_calls, with_scores
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine, lacking, with_signals
from tts.types import Problem, Sample


@dataclass(frozen=True)
class Judging:
    """The scoring of one question's samples.

    Attributes:
        problem: the question.
        scorer: judges its samples.
        metered: returns the engine as one call of the scorer sees it.
        account: is charged.
        retries: further attempts after a failed one.
        pause: waits before attempt number n.
        gives_up: returns whether no further attempt is wanted.
        named: returns a sample with the first answer of its group.
    """

    problem: Problem
    scorer: Scorer
    metered: Callable[[], MeteredEngine]
    account: Account
    retries: int
    pause: Callable[[int], Awaitable[None]]
    gives_up: Callable[[], bool]
    named: Callable[[Sample], Sample]

    async def scored(self, samples: Sequence[Sample]) -> list[Sample]:
        """Give each sample its confidence and its share of the cost, unless it failed or has one from the cache.

        An empty sample has the confidence 0. If scoring fails in every attempt, or the sample lacks the signals that
        the scorer reads, it has failed. A scorer that compares samples sees the empty ones too, and one without signals
        fails them all.
        """
        scorer = self.scorer
        if not any(needs_score(s) for s in samples):
            return [*samples]
        if scorer.compares_samples:  # those from the cache are compared with the new ones
            samples = [replace(s, confidence=None) for s in samples]
        beside = [s for s in samples if is_empty(s)] if scorer.compares_samples else []
        samples = [replace(s, confidence=0.0) if is_empty(s) else s for s in samples]
        unscored = [s for s in samples if needs_score(s)]
        if not unscored:
            return samples
        shown = [with_calls(self.named(s) if scorer.compares_samples else s) for s in (*unscored, *beside)]
        engine, failure, name, missing = self.metered(), "", "", False
        try:
            for number in range(self.retries + 1):
                if number:
                    await self.pause(number)
                try:
                    shown = await with_signals(self.problem, shown, scorer.needs, engine)
                    scores = await scorer.score(self.problem, shown, engine)
                    if beside:
                        scores = np.asarray(scores)[: len(unscored)]
                    confidences = checked_scores(scorer.name, self.problem, unscored, scores, abstains=scorer.abstains)
                    return with_scores(samples, confidences, engine.usage, scorer=scorer.name)
                except MissingSignalError as error:  # of one sample: the probe of the engine found the signal
                    failure, missing = str(error), True
                    break
                except EngineError as error:
                    failure, name = str(error), error.failure
                    if self.gives_up() or not error.again:
                        break
        finally:
            self.account.charge(engine.usage)
        if missing and len(unscored) > 1 and not scorer.compares_samples:  # the others can be judged
            alone = [await self.scored([s]) if needs_score(s) else [s] for s in samples]
            return [s for [s] in alone]
        return [failed(s, failure, name) if needs_score(s) else s for s in samples]

    async def scored_at_once(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return the samples with the confidences that need no engine; the others have none."""
        waits = self.scorer.uses_engine or self.scorer.compares_samples
        if waits or lacking([s for s in samples if needs_score(s)], self.scorer.needs):
            return [*samples]
        return await self.scored(samples)
