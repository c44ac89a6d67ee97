r"""The verifier: how likely a given answer is right, and whether it may be used.

    verifier = Verifier(engine, scorer, extract=extractor("flexible", prompt))
    verifier.score("Jack has 3 beads and buys 4. How many has he?", "3 + 4 = 7.\n#### 7")

A text with its working is read in one pass. A bare answer holds nothing that could be read, so it is checked by fresh
draws of the same question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Self

from tts.agent.opening import Parts, configured, open_parts
from tts.agent.terms import Terms
from tts.agent.verdict import StepScore, Verdict
from tts.agent.verification import Caches, Verification, no_cache
from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine
from tts.engines.loop import LOOP
from tts.engines.sampling import SamplingChange
from tts.errors import InputError
from tts.runtime.options import Extract
from tts.runtime.runner import Runner
from tts.scorers.base import Scorer
from tts.scorers.calibration.calibration_file import BARE, READ
from tts.scorers.calibration.promise_file import Promise
from tts.types import Problem, Sample, Signals, Usage

NO_SIGNALS = Signals()


class Verifier:
    """Judges answers that are given, from any thread, with or without a running event loop.

    Its texts and draws of all calls share one engine, in the event loop that owns every engine.
    """

    def __init__(
        self,
        engine: Engine,
        scorer: Scorer | None = None,
        *,
        extract: Extract,
        promise: Promise | Iterable[Promise] = (),
        read: Terms | None = None,
        draw: Terms | None = None,
        draws: int = 8,
        equality: Equality | None = None,
        sampling: SamplingChange | None = None,
        signals: Signals = NO_SIGNALS,
        runner: Runner | None = None,
    ) -> None:
        """Take an open engine.

        Args:
            engine: reads texts and draws samples.
            scorer: gives texts and samples their confidence; with None, or one that compares samples, every answer is
                checked by its share of the votes, and with one whose signals the engine cannot read, by draws.
            extract: reads the canonical answer from a text.
            promise: promises for texts that are read, or for answers that are checked by ``draws`` draws.
            read: calibration and reference of texts that are read; None for none.
            draw: those of answers that are checked by at most ``draws`` draws; None for none.
            draws: the most draws that check a bare answer, >= 1.
            equality: makes equal answers one answer; None compares texts.
            sampling: changes the sampling parameters of the draws.
            signals: signals that the draws record besides those of the scorer.
            runner: plays the checks; None takes one of the verifier's own.

        Raises:
            InputError: a number out of range, an ``extract`` that cannot be called, or a promise for another way of
                judging.
            UnsupportedError: the engine or the scorer cannot draw what a check needs.
        """
        terms = {READ: read or Terms(READ), f"draw({draws})": draw or Terms("")}
        for one in (promise,) if isinstance(promise, Promise) else promise:
            if one.how not in terms:
                raise InputError(
                    f"a promise for {one.how} does not hold for {' or '.join(terms)}: give draws=N with its number"
                )
            terms[one.how] = terms[one.how].promising(one)
        self._core = Verification(
            engine,
            scorer,
            extract=extract,
            read=terms[READ],
            draw=terms[f"draw({draws})"],
            draws=draws,
            equality=equality,
            sampling=sampling,
            signals=signals,
            runner=runner,
        )

    @classmethod
    def open(
        cls,
        file: str | PathLike[str] | None = None,
        *,
        scorer: str | Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self:
        """Open the model of a configuration, which serves every later call with the same engine.

        Args:
            file: a YAML file with the keys of ``tts ask``; None takes the defaults.
            scorer: a scorer's name, or {name, calibration, ...}.
            settings: other keys by name, such as ``draws``, ``model``, ``temperature`` or ``source``; they go before
                those of the file.

        Raises:
            InputError: a file, a name or a value that cannot be used, or a calibration or a promise of another model,
                scorer, prompt, sampling, source or way of judging.
            UnsupportedError: the extra for this kind of engine is not installed.
        """
        config, _ = configured("Verifier.open", file, None, scorer, settings)
        return cls.of(open_parts(config))

    @classmethod
    def of(cls, parts: Parts) -> Self:
        """Return the verifier of parts that are open, which a solver may share.

        Raises:
            InputError: a calibration or a promise of other circumstances; the sentence has both values.
        """
        config = parts.config
        how, bare = f"draw({config.draws})", parts.provenance(BARE)
        read = Terms.of(
            READ, parts.provenance(config.source), calibration=config.calibration.read, promise=config.promise.read
        )
        draw = Terms.of(how, bare, calibration=config.calibration.draw, promise=config.promise.draw)
        return cls(
            parts.engine,
            parts.judge,
            extract=parts.task.extract,
            read=read,
            draw=draw,
            draws=config.draws,
            equality=parts.equality,
            signals=parts.signals,
            runner=parts.runner,
        )

    @property
    def spent(self) -> Usage:
        """The tokens of all readings so far, those of calls that failed or were cancelled included."""
        return self._core.spent

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Numbers about each promise by its way of judging: "seen", "evidence" of a change, and 1 if "void"."""
        return {terms.how: terms.metrics for terms in (self._core.read, self._core.draw) if terms.promise is not None}

    @property
    def runner(self) -> Runner:
        """Plays the checks; its ``spent`` has the tokens of all draws so far."""
        return self._core.runner

    def score(
        self, question: str | Problem, answer: str, *, draws: int | None = None, time_limit_s: float | None = None
    ) -> Verdict:
        """Return the verdict on one answer.

        Args:
            question: the question, as text or as a problem, which may hold chat messages.
            answer: a text with its working, which is read in one pass, or a bare answer, which is checked by draws.
                Nothing behind the final answer of a text is read.
            draws: checks the text's final answer by at most this many draws; 0 reads the text, bare or not. None reads
                a text with its working, and checks a bare answer by the verifier's own number of draws.
            time_limit_s: seconds until there must be a verdict, > 0; one that is not ready abstains. None sets no
                limit.

        Raises:
            InputError: a question or an answer that is no valid text, or a question that does not fit the model.
            EngineError: the engine failed.
        """
        return LOOP.run(self._one(question, answer, draws, time_limit_s))

    async def ascore(
        self, question: str | Problem, answer: str, *, draws: int | None = None, time_limit_s: float | None = None
    ) -> Verdict:
        """Return the verdict on one answer; see :meth:`score`."""
        return await LOOP.wait(self._one(question, answer, draws, time_limit_s))

    def score_many(
        self, pairs: Iterable[tuple[str | Problem, str]], *, draws: int | None = None, time_limit_s: float | None = None
    ) -> list[Verdict]:
        """Return the verdicts on answers, in their order; texts are read in as few passes as their sizes allow.

        Args:
            pairs: (question, answer) each.
            draws: as in :meth:`score`.
            time_limit_s: as in :meth:`score`, for all of them.

        Raises:
            InputError: as :meth:`score`, before anything is read.
            EngineError: the engine failed.
        """
        return LOOP.run(self._core.verdicts(_pairs(pairs), draws=draws, time_limit_s=time_limit_s))

    async def ascore_many(
        self, pairs: Iterable[tuple[str | Problem, str]], *, draws: int | None = None, time_limit_s: float | None = None
    ) -> list[Verdict]:
        """Return the verdicts on answers; see :meth:`score_many`."""
        return await LOOP.wait(self._core.verdicts(_pairs(pairs), draws=draws, time_limit_s=time_limit_s))

    def score_steps(self, question: str | Problem, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step of a chain, which need not be complete, from one pass.

        A step is a line. From the first step on that holds a word which the model has no token for, there is no score.

        Args:
            question: the question.
            partial_text: the chain so far.

        Raises:
            InputError: a question or a chain that is no valid text, or that does not fit the model's context.
            UnsupportedError: the scorer judges whole texts only.
            EngineError: the engine failed.
        """
        return LOOP.run(self._core.steps(question, partial_text))

    async def ascore_steps(self, question: str | Problem, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step of a chain; see :meth:`score_steps`."""
        return await LOOP.wait(self._core.steps(question, partial_text))

    async def score_in_loop(
        self,
        pairs: Sequence[tuple[str | Problem, str]],
        *,
        draws: int | None = None,
        time_limit_s: float | None = None,
        drawn: Callable[[Sample], None] | None = None,
        caches: Caches = no_cache,
    ) -> list[Verdict]:
        """Return the verdicts on answers for a caller in the event loop of the engines; see :meth:`score_many`.

        Args:
            pairs: as there.
            draws: as there.
            time_limit_s: as there.
            drawn: receives each draw of the checks when it has ended.
            caches: lend the cache that keeps the draws of a question's checks, without sampling parameters of its own.
        """
        return await self._core.verdicts(pairs, draws=draws, time_limit_s=time_limit_s, drawn=drawn, caches=caches)

    async def steps_in_loop(self, question: str | Problem, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step for a caller in that event loop; see :meth:`score_steps`."""
        return await self._core.steps(question, partial_text)

    async def _one(
        self, question: str | Problem, answer: str, draws: int | None, time_limit_s: float | None
    ) -> Verdict:
        [verdict] = await self._core.verdicts([(question, answer)], draws=draws, time_limit_s=time_limit_s)
        return verdict


def _pairs(pairs: Iterable[tuple[str | Problem, str]]) -> list[tuple[str | Problem, str]]:
    """Return pairs as a list.

    Raises:
        InputError: one of them is no pair.
    """
    found = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"pair {number} must be (question, answer), got {pair!r:.80}")
        found.append((pair[0], pair[1]))
    return found
