"""Scores of given texts: one pass of the engine reads all that wait, and the scorer judges each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tts.engines.base import Capabilities
from tts.errors import EngineError, InputError, MissingSignalError
from tts.scorers.base import RawScorer, Scorer
from tts.scorers.calibration.reference import mean_logprob
from tts.scorers.metered import MeteredEngine, with_signals
from tts.types import End, Problem, Sample, Signals, Trace

_STEP = re.compile(r"\n*[^\n]+\n*")
_BREAK = re.compile(r"\n+")


@dataclass(frozen=True, slots=True)
class TextScore:
    """The score of one given text.

    Attributes:
        score: the scorer's raw score, or None where it has none.
        logprob: the mean log-probability of the text's tokens, in nats; None where the engine returns none.
        reason: why there is no score, as a sentence; empty where there is one.
    """

    score: float | None
    logprob: float | None = None
    reason: str = ""


def reads_texts(capabilities: Capabilities, scorer: Scorer) -> bool:
    """Return whether a scorer can judge a text that an engine with these capabilities did not draw."""
    if capabilities.unreadable(scorer.needs) is None:
        return True
    return scorer.reads_texts and capabilities.score_prefix


class GivenTexts:
    """Reads texts with one scorer; every call brings the engine, which it charges."""

    def __init__(self, capabilities: Capabilities, scorer: Scorer, *, attempts: int = 3) -> None:
        """Take a scorer.

        Args:
            capabilities: of the engine that reads the texts.
            scorer: judges them; one that compares samples cannot judge a text alone.
            attempts: how often a text is read where the engine fails, >= 1.
        """
        self._scorer, self._attempts = scorer, attempts
        needs = Signals() if capabilities.unreadable(scorer.needs) is not None else scorer.needs
        logprobs = needs | Signals(logprobs=True)
        self._signals = needs if capabilities.unreadable(logprobs) is not None else logprobs

    async def score(self, problem: Problem, text: str, metered: MeteredEngine) -> TextScore:
        """Return the score of a whole text; calls that run at the same time are read in one pass.

        Args:
            problem: the problem that it answers.
            text: the text, which the model might have ended.
            metered: the engine; every token is charged.

        Raises:
            EngineError: the engine failed in every attempt.
        """
        try:
            [sample] = await self._read(problem, [Sample(text)], metered)
            [value] = await self._judged(problem, [sample], metered)
        except (InputError, MissingSignalError) as error:  # of the text, such as one that does not fit the context
            return TextScore(None, reason=str(error))
        if value is None:
            return TextScore(None, mean_logprob([sample]), f"scorer {self._scorer.name} could not read a score")
        return TextScore(value, mean_logprob([sample]))

    async def steps(self, problem: Problem, text: str, metered: MeteredEngine) -> list[tuple[str, float | None]]:
        """Return the steps of a partial chain, each with the score of the chain up to its end, read in one pass.

        A step is a line. The score is read where the step's last token was drawn, and behind the text where no line
        break ends it, as the pass that draws the chain would read it.

        Args:
            problem: the problem.
            text: the chain so far.
            metered: the engine; every token is charged.

        Raises:
            InputError: the text does not fit the context.
            EngineError: the engine failed in every attempt.
        """
        steps = [match.span() for match in _STEP.finditer(text)]
        partial = await self._partial(problem, text, [end for _, end in steps], metered)
        values = await self._judged(problem, partial, metered)
        return [(text[start:end].strip("\n"), value) for (start, end), value in zip(steps, values, strict=True)]

    async def _partial(self, problem: Problem, text: str, ends: Sequence[int], metered: MeteredEngine) -> list[Sample]:
        """Return a partial sample for each beginning of a text, with its signals where one pass over all has them."""
        samples = [Sample(text[:end], end=End.BOUNDARY if text[end - 1] == "\n" else End.STOP) for end in ends]
        needs = self._scorer.needs
        if not samples or not needs.to_json() or metered.unreadable(needs | Signals(steps=True)) is not None:
            return samples
        [trace] = await metered.read(problem, [Sample(text, end=samples[-1].end)], needs | Signals(steps=True))
        found = _lengths(trace, text, ends)
        if found is None:
            return samples
        return [replace(sample, trace=trace.truncated(length)) for sample, length in zip(samples, found, strict=True)]

    async def _read(self, problem: Problem, samples: list[Sample], metered: MeteredEngine) -> list[Sample]:
        for attempt in range(self._attempts):
            try:
                return await with_signals(problem, samples, self._signals, metered)
            except EngineError as error:
                if not error.again or attempt + 1 == self._attempts:
                    raise
        raise AssertionError("unreachable")

    async def _judged(self, problem: Problem, samples: Sequence[Sample], metered: MeteredEngine) -> list[float | None]:
        """Return the raw score of each sample; None where the scorer has none."""
        if not samples:
            return []
        scorer = self._scorer
        for attempt in range(self._attempts):
            try:
                shown = await with_signals(problem, samples, scorer.needs, metered)
                judge = scorer.raw if isinstance(scorer, RawScorer) else scorer.score
                values = np.asarray(await judge(problem, shown, metered), dtype=np.float64)
                break
            except EngineError as error:
                if not error.again or attempt + 1 == self._attempts:
                    raise
        return [float(value) if np.isfinite(value) else None for value in values]


def _lengths(trace: Trace, text: str, ends: Sequence[int]) -> list[int] | None:
    """Return the tokens of each beginning of a text; None where line breaks and tokens do not correspond."""
    flags = trace.steps
    begins = [at for at, (before, now) in enumerate(pairwise((False, *flags))) if now and not before]
    breaks = [match.start() for match in _BREAK.finditer(text)]
    if len(begins) != len(breaks):
        return None
    tokens = dict(zip(breaks, begins, strict=True))
    found = []
    for end in ends:
        start = len(text[:end].rstrip("\n"))
        found.append(len(flags) if text[end - 1] != "\n" else tokens[start] + 1)
    return found
