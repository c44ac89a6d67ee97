"""The driver: plays strategies over an engine, many questions at once, and keeps the ledger.

Strategies decide, the driver does the work: it starts draws, hands samples back **in order of submission** (in order of
completion a vote would silently prefer short answers), keeps ``lookahead`` draws of a question in flight beyond what
was asked, aborts them when the strategy returns, and charges every token to one cause. A failed draw is retried, then
handed over as a FAILED sample: it uses up budget and stays visible, the budget never shrinks silently.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from tts.engines.base import Engine, Recording, Request
from tts.errors import EngineError, InputError, UnsupportedError
from tts.scorers.base import MeteredEngine, Scorer
from tts.types import END, Boundary, Decision, Draw, End, Problem, Sample, Signals, Trace, Usage, total_usage

Extract = Callable[[Problem, str], str | None]
T = TypeVar("T")


class Plays(Protocol):
    """What the driver needs of a strategy; see :class:`strategies.base.Strategy`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def budget(self) -> int: ...  # noqa: D102
    @property
    def branches(self) -> bool: ...  # noqa: D102
    def run(self, problem: Problem) -> Generator[Draw, list[Sample], Decision]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Options:
    """How the driver works.

    Attributes:
        concurrency: questions in flight, >= 1.
        lookahead: draws of a question started before the strategy asks for them; 0 wastes no token.
        retries: attempts after a failed one.
        backoff: seconds before the first retry, doubled each time.
    """

    concurrency: int = 256
    lookahead: int = 0
    retries: int = 2
    backoff: float = 0.1

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for key, least in (("concurrency", 1), ("lookahead", 0), ("retries", 0), ("backoff", 0)):
            if getattr(self, key) < least:
                raise InputError(f"driver option {key} must be at least {least}, got {getattr(self, key)}")


@dataclass(frozen=True, slots=True)
class Result:
    """One problem's decision, with every token spent on it in ``decision.usage``.

    Attributes:
        problem: the problem.
        decision: the strategy's decision.
        aborted: draws started by look-ahead that nobody used.
    """

    problem: Problem
    decision: Decision
    aborted: int = 0


async def run(
    strategy: Plays,
    problems: Iterable[Problem],
    source: Engine | Recording,
    *,
    extract: Extract | None = None,
    scorer: Scorer | None = None,
    options: Options = Options(),
) -> AsyncIterator[Result]:
    """Play a strategy over problems and yield each result as soon as it is decided.

    Args:
        strategy: the strategy, played once per problem.
        problems: any iterable; read only as fast as questions finish.
        source: a live engine or a recording.
        extract: reads the canonical answer from a finished text; required with a live engine.
        scorer: gives each sample its confidence; a recording keeps its recorded ones.
        options: concurrency, look-ahead and retries.

    Raises:
        UnsupportedError: a strategy that branches meets a recording, or an engine lacks what is needed.
    """
    play = _player(strategy, source, extract, scorer, options)
    waiting = iter(problems)
    done: asyncio.Queue[Result | BaseException | None] = asyncio.Queue(maxsize=2 * options.concurrency)

    async def work() -> None:
        try:
            for problem in waiting:
                await done.put(await play(problem))
        except Exception as error:
            await done.put(error)
        else:
            await done.put(None)

    workers = [asyncio.create_task(work()) for _ in range(options.concurrency)]
    try:
        finished = 0
        while finished < len(workers):
            got = await done.get()
            if got is None:
                finished += 1
            elif isinstance(got, BaseException):
                raise got
            else:
                yield got
    finally:
        await _cancel(workers)


async def run_all(
    strategy: Plays,
    problems: Iterable[Problem],
    source: Engine | Recording,
    *,
    extract: Extract | None = None,
    scorer: Scorer | None = None,
    options: Options = Options(),
) -> list[Result]:
    """Like :func:`run`, all results at once in the order of the problems."""
    ordered = list(problems)
    place = {problem.id: i for i, problem in enumerate(ordered)}
    results = [r async for r in run(strategy, ordered, source, extract=extract, scorer=scorer, options=options)]
    return sorted(results, key=lambda r: place[r.problem.id])


def _player(
    strategy: Plays, source: Engine | Recording, extract: Extract | None, scorer: Scorer | None, options: Options
) -> Callable[[Problem], Awaitable[Result]]:
    if isinstance(source, Recording):
        if strategy.branches:
            raise UnsupportedError(
                f"strategy {strategy.name} draws from prefixes, which a recording cannot continue: "
                "run it on a live engine, or replay a strategy that only stops or selects"
            )
        if scorer is not None:
            raise UnsupportedError("a recording keeps its recorded confidences: calibrate or rescore the pool instead")
        recording = source

        async def replay(problem: Problem) -> Result:
            return Result(problem, _replay(strategy, problem, recording))

        return replay
    if extract is None:
        raise UnsupportedError("a live engine needs `extract` to read answers from texts")
    if strategy.branches and not source.capabilities.branch:
        raise UnsupportedError(
            f"strategy {strategy.name} draws from prefixes and {type(source).__name__} cannot continue one"
        )
    engine, read = source, extract

    async def live(problem: Problem) -> Result:
        return await _Live(strategy, problem, engine, read, scorer, options).play()

    return live


def _replay(strategy: Plays, problem: Problem, recording: Recording) -> Decision:
    """Play one question of a recording, without an event loop."""
    samples, at = recording.recorded(problem), 0
    steps = strategy.run(problem)
    try:
        draw = next(steps)
        while True:
            if draw.prefix is not None or draw.until is not END:
                raise UnsupportedError(f"strategy {strategy.name} asked a recording for partial samples")
            if at + draw.n > len(samples):
                raise InputError(
                    f"strategy {strategy.name} asked for sample {at + draw.n} of problem {problem.id!r} and the "
                    f"recording has {len(samples)}: lower its budget"
                )
            draw, at = steps.send(list(samples[at : at + draw.n])), at + draw.n
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


class _Live:
    """One question on a live engine: its draws in flight, in order of submission, and its ledger."""

    def __init__(
        self,
        strategy: Plays,
        problem: Problem,
        engine: Engine,
        extract: Extract,
        scorer: Scorer | None,
        options: Options,
    ) -> None:
        self.strategy, self.problem, self.engine = strategy, problem, engine
        self.extract, self.scorer, self.options = extract, scorer, options
        self.signals = scorer.needs if scorer is not None else Signals()
        self.pending: deque[tuple[Boundary, asyncio.Task[Sample]]] = deque()
        self.started = 0
        self.aborted = 0
        self.overhead = Usage()  # scoring, and draws nobody was given

    async def play(self) -> Result:
        steps = self.strategy.run(self.problem)
        usage = Usage()
        try:
            draw = next(steps)
            while True:
                samples = await self.take(draw)
                usage += total_usage(samples) or Usage()
                draw = steps.send(samples)
        except StopIteration as stop:
            await self.drop()
            decision: Decision = stop.value
            return Result(self.problem, replace(decision, usage=usage + self.overhead), self.aborted)
        finally:
            steps.close()
            await self.drop()

    async def take(self, draw: Draw) -> list[Sample]:
        """The samples of one draw, scored, in order of submission."""
        if self.pending and (draw.prefix is not None or self.pending[0][0] != draw.until):
            await self.drop()
        ahead = self.options.lookahead if draw.prefix is None else 0
        want = draw.n + max(0, min(ahead, self.strategy.budget - self.started + len(self.pending) - draw.n))
        while len(self.pending) < want:
            request = Request(self.problem, self.started, draw.prefix, draw.until, self.signals)
            self.pending.append((draw.until, asyncio.create_task(self.draw(request))))
            self.started += 1
        samples = []
        for _ in range(draw.n):
            samples.append(await self.pending[0][1])
            self.pending.popleft()
        return await self.score(samples)

    async def draw(self, request: Request) -> Sample:
        """Draw one sample, retrying failures; an abort charges what was drawn so far."""
        spent = Usage()
        error = ""
        for attempt in range(self.options.retries + 1):
            request = replace(request, attempt=attempt)
            try:
                sample = await self.attempt(request)
                return replace(sample, usage=spent + (sample.usage or Usage()))
            except EngineError as failure:
                error = str(failure)
            except asyncio.CancelledError:
                self.overhead += spent + _wasted(request)
                self.aborted += 1
                raise
            spent += _wasted(request)
            request = replace(request, meter=type(request.meter)())
            if attempt < self.options.retries:
                try:
                    await asyncio.sleep(self.options.backoff * 2**attempt)
                except asyncio.CancelledError:
                    self.overhead += spent
                    self.aborted += 1
                    raise
        return Sample(end=End.FAILED, index=request.index, usage=spent, error=error)

    async def attempt(self, request: Request) -> Sample:
        text: list[str] = []
        ids: list[int] = []
        logprobs: list[float] = []
        watched: dict[int, list[float]] = {token: [] for token in self.signals.watch}
        prefix, end = request.prefix, None
        async with aclosing(self.engine.sample(request)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                text.append(chunk.text)
                ids.extend(chunk.token_ids)
                logprobs.extend(chunk.logprobs)
                for token, values in watched.items():
                    values.extend(chunk.watched.get(token, ()))
                end = chunk.end
        if end is None:
            raise EngineError(f"{type(self.engine).__name__} ended a stream without saying why")
        whole = (prefix.text if prefix else "") + "".join(text)
        meter = request.meter
        return Sample(
            text=whole,
            answer=None if end is End.BOUNDARY else self.extract(self.problem, whole),
            end=end,
            index=request.index,
            token_ids=(prefix.token_ids if prefix else ()) + tuple(ids),
            trace=Trace(tuple(logprobs), {token: tuple(values) for token, values in watched.items()}),
            usage=Usage(prompt=meter.prompt, prompt_cached=meter.prompt_cached, kept=meter.drawn),
        )

    async def score(self, samples: list[Sample]) -> list[Sample]:
        """Give each sample that did not fail its confidence."""
        judged = [i for i, s in enumerate(samples) if s.end is not End.FAILED]
        if self.scorer is None or not judged:
            return samples
        engine = MeteredEngine(self.engine)
        scores = await self.scorer.score(self.problem, [samples[i] for i in judged], engine)
        self.overhead += engine.usage
        values = [float(v) for v in scores]
        if len(values) != len(judged):
            raise UnsupportedError(
                f"scorer {type(self.scorer).__name__} gave {len(values)} scores for {len(judged)} samples"
            )
        for i, value in zip(judged, values, strict=True):
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise UnsupportedError(
                    f"scorer {type(self.scorer).__name__} gave {value} for draw {samples[i].index} of problem "
                    f"{self.problem.id!r}, and a confidence must be in [0, 1]: calibrate raw scores first"
                )
            samples[i] = replace(samples[i], confidence=value)
        return samples

    async def drop(self) -> None:
        """Abort what is in flight and wait until its tokens are counted."""
        tasks = [task for _, task in self.pending]
        self.pending.clear()
        for sample in await _cancel(tasks):
            # It had finished before the abort reached it: its tokens are wasted all the same.
            self.aborted += 1
            spent = sample.usage or Usage()
            self.overhead += replace(spent, kept=0, aborted=spent.aborted + spent.kept)


def _wasted(request: Request) -> Usage:
    meter = request.meter
    return Usage(prompt=meter.prompt, prompt_cached=meter.prompt_cached, aborted=meter.drawn)


async def _cancel(tasks: list[asyncio.Task[T]]) -> list[T]:
    """Cancel tasks, wait for all of them, and return the results of those that had already finished."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    failures = [t.exception() for t in tasks if not t.cancelled() and t.exception() is not None]
    if failures and failures[0] is not None:
        raise failures[0]
    return [t.result() for t in tasks if not t.cancelled()]
