"""The solver: answers a question with as many samples as its strategy needs, and judges if the answer may be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Self

from evals.live.draws import count_samples
from evals.report.draws import failure_sentence
from strategies.mass import MassError
from strategies.mass.asides import aside_sentence
from tts.agent.answer import Answer, voted_calls
from tts.agent.opening import Parts, configured, open_parts
from tts.agent.question import problem_of, warn_of_unknown_words
from tts.agent.terms import Terms
from tts.agent.verdict import Verdict
from tts.engines.loop import LOOP
from tts.engines.sampling import SamplingChange
from tts.errors import DrawsFailedError, UnsupportedError
from tts.runtime.cache import SampleCache
from tts.scorers.calibration.calibration_file import OWN_DRAWS
from tts.scorers.calibration.promise_file import Promise, decision_score
from tts.scorers.calibration.reference import mean_logprob
from tts.strategy import TIME_LIMIT, Strategy
from tts.types import Decision, Problem, Sample, Usage


class Solver:
    """Answers questions on one open model, from any thread and inside a running event loop.

        solver = Solver.open("configs/serve/grace.yaml", strategy="cges", budget=16)
        answer = solver.solve("Jack has 11 beads. He buys 4 more beads. How many beads does Jack have now?")

    Questions that are asked at the same time share the model's batch fairly; see :class:`tts.runtime.Runner`.

    Attributes:
        parts: the configuration, the engine, the strategy, the scorer and the runner.
    """

    def __init__(self, parts: Parts) -> None:
        """Take the parts; :meth:`open` makes them from a configuration.

        Raises:
            InputError: a calibration or a promise of other circumstances; the sentence has both values.
            UnsupportedError: the engine or the scorer does not meet the strategy's requirements.
        """
        self.parts = parts
        parts.runner.check(parts.planned.strategy, parts.judge, parts.signals)
        config = parts.config
        self._terms = Terms.of(
            f"solve({parts.planned.strategy.name}, {config.budget})",
            parts.provenance(OWN_DRAWS),
            calibration=config.calibration.solve,
            promise=config.promise.solve,
            unlike=0.0,
        )

    @classmethod
    def open(
        cls,
        file: str | PathLike[str] | None = None,
        *,
        strategy: str | Mapping[str, Any] | Strategy | None = None,
        scorer: str | Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self:
        """Open the model of a configuration, which serves every later call with the same engine.

        Args:
            file: a YAML file with the keys of ``tts ask``; None takes the defaults.
            strategy: a name of the catalogue, a composed strategy, or an object with the methods of
                :class:`~tts.strategy.Strategy`.
            scorer: a scorer's name, or {name, calibration, ...}.
            settings: other keys by name, such as ``budget``, ``model``, ``temperature`` or ``template``; they go before
                those of the file.

        Raises:
            InputError: a file, a name or a value that cannot be used; nothing has been drawn then.
            UnsupportedError: the extra for this kind of engine is not installed, or the engine or the scorer does not
                meet the strategy's requirements.
        """
        config, own = configured("Solver.open", file, strategy, scorer, settings)
        return cls(open_parts(config, own))

    @property
    def promise(self) -> Promise | None:
        """The promise for its decisions; None where none is loaded."""
        return self._terms.promise

    @property
    def metrics(self) -> dict[str, float]:
        """Numbers about the promise: "seen" questions, "evidence" of a change, and 1 if "void"; empty without one."""
        return self._terms.metrics

    def solve(
        self,
        question: str | Problem,
        *,
        time_limit_s: float | None = None,
        sampling: SamplingChange | None = None,
    ) -> Answer:
        """Answer one question; see :meth:`asolve`."""
        problem = problem_of(question)
        self.warn(problem.question)
        return LOOP.run(self.solve_in_loop(problem, time_limit_s=time_limit_s, sampling=sampling))

    async def asolve(
        self,
        question: str | Problem,
        *,
        time_limit_s: float | None = None,
        sampling: SamplingChange | None = None,
    ) -> Answer:
        """Answer one question without blocking the running event loop.

        Args:
            question: the question; the same text draws the same samples, unless ``sampling`` has another seed.
            time_limit_s: seconds until it must be decided, > 0; None takes the limit of the configuration.
            sampling: sampling parameters for this question in place of the configuration's.

        Raises:
            InputError: a question that cannot be used.
            BusyError: as many questions wait as may.
            UnsupportedError: tools, and an engine that gives no calls.
            DrawsFailedError: every draw failed; the sentence has the reasons.
        """
        problem = problem_of(question)
        self.warn(problem.question)
        return await LOOP.wait(self.solve_in_loop(problem, time_limit_s=time_limit_s, sampling=sampling))

    def warn(self, question: str) -> None:
        """Warn of words of a question that the model has no token for."""
        warn_of_unknown_words(self.parts.engine, self.parts.model, question)

    async def solve_in_loop(
        self,
        problem: Problem,
        *,
        time_limit_s: float | None = None,
        sampling: SamplingChange | None = None,
        known_answers: Sequence[str] = (),
        cache: SampleCache | None = None,
        drawn: Callable[[Sample], None] | None = None,
    ) -> Answer:
        """Answer one question for a caller in the event loop of the engines, :data:`~tts.engines.loop.LOOP`.

        Args:
            problem: the question, messages and tools included.
            time_limit_s: as in :meth:`asolve`.
            sampling: as in :meth:`asolve`.
            known_answers: answers that exist already; equal answers of the draws get the name of the first one.
            cache: keeps draws with these sampling parameters, so that none is drawn again.
            drawn: receives each sample when it has ended, before there is a decision.

        Raises:
            TTSError: as :meth:`asolve`.
        """
        parts = self.parts
        config, strategy = parts.config, parts.planned.strategy
        if problem.tools and not parts.engine.capabilities.calls:
            raise UnsupportedError(
                f"{parts.model} gives no calls of tools: leave tools out, or draw from a server that calls tools, with "
                "engine.kind=openai and task.chat=true"
            )
        try:
            result = await parts.runner.run(
                strategy,
                problem,
                extract=parts.task.extract,
                scorer=parts.judge,
                signals=parts.signals,
                sampling=sampling,
                equality=parts.equality,
                ignore=config.tools.ignore,
                known_answers=known_answers,
                cache=cache,
                lookahead=config.lookahead,
                time_limit_s=config.limits.time_limit_s if time_limit_s is None else time_limit_s,
                drawn=drawn,
            )
        except MassError as error:
            raise error.named(f"model {parts.model}") from None
        decision = result.decision
        draws = count_samples((sample, None) for sample in decision.samples)
        if draws.all_failed:
            names = {sample.failure or "" for sample in decision.samples}
            failure = names.pop() if len(names) == 1 else ""
            raise DrawsFailedError(f"every draw failed: {failure_sentence(draws)}", failure=failure)
        if (sentence := aside_sentence(strategy, decision)) is not None:
            parts.notify(sentence)
        verdict = self._judged(problem, decision, sampling)
        return Answer(
            question=problem.question,
            answer=decision.answer,
            p_correct=verdict.p_correct if verdict.calibrated else decision.p_correct,
            calibrated=verdict.calibrated,
            accept=verdict.accept,
            promise=verdict.promise,
            score=verdict.score,
            vote_share=decision.vote_share,
            samples=decision.samples,
            usage=decision.usage or Usage(),
            stopped_by=decision.reason,
            strategy=strategy.name,
            calls=voted_calls(problem, decision, config.tools.ignore),
            certified=decision.certified,
            masses=decision.masses,
            unseen_mass=decision.unseen_mass,
        )

    def _judged(self, problem: Problem, decision: Decision, sampling: SamplingChange | None) -> Verdict:
        """Return the verdict on a decision by the calibration and the promise, which hold for whole decisions."""
        score = decision_score(decision)
        if score is None or decision.answer is None:
            return self._terms.abstention(decision.reason, answer=decision.answer)
        changed = bool(problem.tools) or (sampling is not None and sampling.changes_samples)
        return self._terms.verdict(
            score,
            question=problem.question,
            logprob=mean_logprob(decision.samples),
            answer=decision.answer,
            usage=Usage(),
            reason=decision.reason,
            covered=decision.reason != TIME_LIMIT and not changed,
        )
