"""The judging of given answers on one engine: each is read or checked by draws, or there is a reason why not.

Runs in the event loop that owns the engine; :class:`~tts.agent.verifier.Verifier` is its face.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace

from strategies.check import Check
from strategies.weighting import Linear, Uniform
from tts.agent.answer_text import AnswerText, read_answer
from tts.agent.given_texts import GivenTexts, reads_texts
from tts.agent.inputs import check_answer, check_draws
from tts.agent.question import problem_of
from tts.agent.terms import Terms
from tts.agent.unknown_words import listed, unknown_words
from tts.agent.verdict import StepScore, Verdict
from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine
from tts.engines.sampling import SamplingChange
from tts.engines.streams import together
from tts.errors import EngineError, InputError, UnsupportedError
from tts.runtime.cache import SampleCache
from tts.runtime.ledger import NOTHING
from tts.runtime.options import Extract
from tts.runtime.runner import Runner
from tts.scorers.base import Scorer
from tts.scorers.calibration.calibration_file import READ
from tts.scorers.calibration.reference import mean_logprob
from tts.scorers.metered import MeteredEngine
from tts.strategy import TIME_LIMIT
from tts.types import End, Problem, Sample, Signals

NO_ANSWER = "no answer can be read from the text"
NO_VOTES = "no draw gives an answer"
LATE = "time_limit: the time was up before there was a score"
Caches = Callable[[Problem], AbstractAsyncContextManager[SampleCache | None]]
"""Lends the cache of a question's draws; None where none are kept."""
PLACES = 64
"""The most answers of one call that are checked by draws at the same time; the others wait without a place."""


def no_cache(problem: Problem) -> AbstractAsyncContextManager[SampleCache | None]:
    """Return None as the cache of a question, whose draws are not kept then."""
    return nullcontext()


class Verification:
    """Judges answers in the event loop that owns the engine.

    Attributes:
        read: the terms of texts that are read.
        draw: the terms of answers that are checked by at most ``draws`` draws.
        runner: plays the checks; its ledger has their tokens.
        spent: the tokens of all readings so far, those of calls that failed or were cancelled included.
    """

    def __init__(
        self,
        engine: Engine,
        scorer: Scorer | None,
        *,
        extract: Extract,
        read: Terms,
        draw: Terms,
        draws: int,
        equality: Equality | None,
        sampling: SamplingChange | None,
        signals: Signals,
        runner: Runner | None,
    ) -> None:
        """Take an open engine; the arguments are those of :class:`~tts.agent.verifier.Verifier`.

        Raises:
            InputError: a number out of range, or an ``extract`` that cannot be called.
            UnsupportedError: the engine or the scorer cannot draw what a check needs.
        """
        scorer = None if scorer is not None and scorer.compares_samples else scorer  # a vote counts shares itself
        self._engine, self._scorer, self._extract = engine, scorer, extract
        self._draws, self._equality, self._sampling = check_draws(draws, least=1), equality, sampling
        able = engine.capabilities
        self._texts = GivenTexts(able, scorer) if scorer is not None and reads_texts(able, scorer) else None
        self.read = replace(read, how=READ)
        self.draw = replace(draw, how=f"draw({draws})", unlike=0.0)
        self.runner = runner or Runner(engine, extract=extract, max_waiting=1 << 20)
        self._signals, self.spent = signals, NOTHING
        self.runner.check(self._check("", draws), scorer, signals)

    async def verdicts(
        self,
        pairs: Sequence[tuple[str | Problem, str]],
        *,
        draws: int | None,
        time_limit_s: float | None,
        drawn: Callable[[Sample], None] | None = None,
        caches: Caches = no_cache,
    ) -> list[Verdict]:
        """Return the verdicts on (question, answer) pairs; see :meth:`tts.agent.verifier.Verifier.score_many`."""
        if draws is not None:
            check_draws(draws, least=0)
        if time_limit_s is not None and not time_limit_s > 0.0:
            raise InputError(f"time_limit_s must be above 0 seconds, got {time_limit_s}: leave it out to set none")
        asked = [(self._problem(question), check_answer(answer)) for question, answer in pairs]
        places = asyncio.Semaphore(PLACES)
        finish = await together(
            [self._judged(problem, text, draws, time_limit_s, places, drawn, caches) for problem, text in asked]
        )
        return [verdict() for verdict in finish]  # in the order of the pairs, which is that of the alarm

    async def _judged(
        self,
        problem: Problem,
        text: str,
        draws: int | None,
        time_limit_s: float | None,
        places: asyncio.Semaphore,
        told: Callable[[Sample], None] | None,
        caches: Caches,
    ) -> Callable[[], Verdict]:
        """Judge one text, and return what gives its verdict."""
        found = read_answer(problem, text, self._extract)
        terms = self._terms(found, draws)
        if found is None:
            return lambda: terms.abstention(NO_ANSWER)
        if (reason := self._unknown(problem.question, found.text)) is not None:
            return lambda: terms.abstention(reason, answer=found.answer)
        if terms is self.read:
            return await self._read(problem, found, time_limit_s)
        loop, number = asyncio.get_running_loop(), self._draws if draws is None else draws
        deadline = None if time_limit_s is None else loop.time() + time_limit_s
        checked = replace(problem, id=f"check-{problem.id}")  # no solver draws it for the same question
        async with places, caches(checked) as cache:
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0.0:
                return lambda: terms.abstention(LATE, answer=found.answer)
            return await self._drawn(terms, checked, found.answer, number, left, told, cache)

    def _terms(self, found: AnswerText | None, draws: int | None) -> Terms:
        """Return the terms of the way in which a text is judged."""
        if self._texts is not None and (draws == 0 or (draws is None and not (found and found.bare))):
            return self.read
        if draws in (None, self._draws):
            return self.draw
        if not draws:
            raise InputError("draws=0 reads a text, and no scorer here judges a text that is given: give draws >= 1")
        return Terms(f"draw({draws})")

    async def _read(self, problem: Problem, found: AnswerText, time_limit_s: float | None) -> Callable[[], Verdict]:
        metered, texts, terms = MeteredEngine(self._engine), self._texts, self.read
        assert texts is not None
        try:
            async with asyncio.timeout(time_limit_s):
                score = await texts.score(problem, found.text, metered)
        except TimeoutError:
            return lambda: terms.abstention(LATE, answer=found.answer, usage=metered.usage)
        finally:
            self.spent += metered.usage
        value = score.score
        if value is None:
            return lambda: terms.abstention(score.reason, answer=found.answer, usage=metered.usage)
        return lambda: terms.verdict(
            value,
            question=problem.question,
            logprob=score.logprob,
            answer=found.answer,
            usage=metered.usage,
            reason="one pass",
        )

    async def _drawn(
        self,
        terms: Terms,
        problem: Problem,
        answer: str,
        draws: int,
        time_limit_s: float | None,
        told: Callable[[Sample], None] | None,
        cache: SampleCache | None,
    ) -> Callable[[], Verdict]:
        """Check an answer by draws of a problem of its own."""
        result = await self.runner.run(
            self._check(answer, draws),
            problem,
            extract=self._extract,
            scorer=self._scorer,
            signals=self._signals,
            sampling=self._sampling,
            cache=cache,
            equality=self._equality,
            known_answers=(answer,),
            time_limit_s=time_limit_s,
            drawn=told,
        )
        decision = result.decision
        if decision.samples and all(sample.end is End.FAILED for sample in decision.samples):
            first = decision.samples[0]
            raise EngineError(f"every draw failed: {first.error}", failure=first.failure or "")
        usage, score = decision.usage or NOTHING, decision.p_correct
        if score is None:
            reason = LATE if decision.reason == TIME_LIMIT else NO_VOTES
            return lambda: terms.abstention(reason, answer=answer, usage=usage)
        logprob, reason = mean_logprob(decision.samples), decision.reason
        return lambda: terms.verdict(
            score,
            question=problem.question,
            logprob=logprob,
            answer=answer,
            usage=usage,
            reason=reason,
            covered=reason != TIME_LIMIT,
        )

    async def steps(self, question: str | Problem, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step; see :meth:`tts.agent.verifier.Verifier.score_steps`."""
        problem, text = self._problem(question), check_answer(partial_text)
        texts, scorer = self._texts, self._scorer
        if texts is None or scorer is None or not scorer.judges_prefixes:
            whose = "there is no scorer" if scorer is None else f"scorer {scorer.name} judges whole samples of draws"
            raise UnsupportedError(f"{whose}, and steps need one that judges partial texts, such as grace or finece")
        metered = MeteredEngine(self._engine)
        try:
            found = await texts.steps(problem, text, metered)
        finally:
            self.spent += metered.usage
        known, out = not unknown_words(self._engine, problem.question), []
        for step, value in found:
            known = known and not unknown_words(self._engine, step)
            out.append(StepScore(step, value if known else None))
        return out

    def _check(self, answer: str, draws: int) -> Check:
        return Check(answer, draws, weighting=Uniform() if self._scorer is None else Linear())

    def _problem(self, question: object) -> Problem:
        """Return a question as a problem.

        Raises:
            InputError: it is no valid text, or does not fit the model's context.
        """
        problem = problem_of(question)
        with suppress(UnsupportedError):  # an engine without tokens
            self._engine.prompt_ids(problem)
        return problem

    def _unknown(self, question: str, text: str) -> str | None:
        """Return a sentence on the words that the model has no token for, or None where there are none."""
        for what, given in (("question", question), ("text", text)):
            if words := unknown_words(self._engine, given):
                some = "1 word" if len(words) == 1 else f"{len(words)} words"
                return f"the model has no token for {some} of the {what}: {listed(words)}"
        return None
