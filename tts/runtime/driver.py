"""The driver: runs strategies over an engine, many questions at once, and keeps the ledger.

Strategies decide, the driver does the work. It starts draws and delivers samples **in order of submission** (in order
of completion a vote would silently prefer short answers). It keeps ``lookahead`` further draws of a question in flight,
aborts them when the strategy returns, and charges every token to one cause. A failed draw is retried, then delivered as
a FAILED sample: it uses up budget and stays visible, so the budget never shrinks silently.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace

from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine, Recording
from tts.errors import InputError, UnsupportedError
from tts.requirements import Available, missing
from tts.runtime.cache import SampleCache
from tts.runtime.in_flight import InFlight
from tts.runtime.ledger import without
from tts.runtime.recorded import decide, decide_equal
from tts.runtime.session import DEFAULTS, Extract, Options, Session, abort, is_cancelled
from tts.runtime.steps import PlayedSteps
from tts.scorers.available import live_source
from tts.scorers.base import Scorer
from tts.strategy import Strategy
from tts.types import Decision, Problem, Signals

__all__ = ["Extract", "Options", "Result", "SampleCache", "run", "run_all"]

NONE = Signals()


@dataclass(frozen=True, slots=True)
class Result:
    """One problem's decision, with every token spent on it in ``decision.usage``.

    Attributes:
        problem: the problem.
        decision: the strategy's decision.
        aborted: draws started by look-ahead that were not delivered.
        cached: samples of the decision that came from the cache; ``decision.usage`` counts their original cost.
        spellings: the answers that are equal to the decision's, itself included, where answers were compared.
    """

    problem: Problem
    decision: Decision
    aborted: int = 0
    cached: int = 0
    spellings: tuple[str, ...] = ()


async def run(
    strategy: Strategy,
    problems: Iterable[Problem],
    source: Engine | Recording,
    *,
    extract: Extract | None = None,
    scorer: Scorer | None = None,
    options: Options = DEFAULTS,
    signals: Signals = NONE,
    cache: SampleCache | None = None,
    equality: Equality | None = None,
) -> AsyncIterator[Result]:
    """Run a strategy over problems and yield each result as soon as it is decided.

    Args:
        strategy: the strategy, run once per problem.
        problems: any iterable; it is read only as fast as questions finish.
        source: a live engine or a recording.
        extract: reads the canonical answer from a finished text; required with a live engine.
        scorer: gives each sample its confidence; a recording keeps its recorded confidences.
        options: concurrency, look-ahead and retries.
        signals: signals to collect besides those of the strategy and the scorer; with a live engine only.
        cache: keeps draws, so that none is drawn or scored again; with a live engine only.
        equality: makes equal answers of a question one answer; None compares texts. Its tokens are part of the
            decision's usage, as a scorer's are.

    Raises:
        UnsupportedError: the source or the scorer does not meet the strategy's requirements.
    """
    if isinstance(source, Recording):  # nothing to wait for, so one question after another
        _check_replay(strategy, scorer)
        for number, problem in enumerate(problems, 1):
            if equality is None:
                yield Result(problem, decide(strategy, problem, source.recorded(problem)))
            else:
                decision, same = await decide_equal(strategy, problem, source.recorded(problem), equality)
                yield Result(problem, decision, spellings=same)
            if number % 64 == 0:
                await asyncio.sleep(0)
        return
    play = _player(strategy, source, extract, scorer, options, signals, cache, equality)
    waiting = iter(problems)
    done: asyncio.Queue[Result | BaseException | None] = asyncio.Queue(maxsize=2 * options.concurrency)
    working = options.concurrency

    async def work() -> None:
        nonlocal working
        try:
            for problem in waiting:
                await done.put(await play(problem))
            working -= 1
            if not working:
                await done.put(None)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            await done.put(error)

    workers = [asyncio.create_task(work()) for _ in range(options.concurrency)]
    try:
        while (got := await done.get()) is not None:
            if isinstance(got, asyncio.CancelledError):  # unchanged, it would look like the caller's cancellation
                raise RuntimeError("the engine, the scorer or the strategy cancelled a draw by itself") from got
            elif isinstance(got, BaseException):
                raise got
            else:
                yield got
    finally:
        await abort(workers)


async def run_all(
    strategy: Strategy,
    problems: Iterable[Problem],
    source: Engine | Recording,
    *,
    extract: Extract | None = None,
    scorer: Scorer | None = None,
    options: Options = DEFAULTS,
    signals: Signals = NONE,
    cache: SampleCache | None = None,
    equality: Equality | None = None,
) -> list[Result]:
    """Return all results of :func:`run` at once, in the order of the problems.

    Raises:
        InputError: two problems share an id, so their results would be ambiguous.
    """
    ordered = list(problems)
    for problem in ordered:
        _check_problem(problem)
    place = {problem.id: i for i, problem in enumerate(ordered)}
    if len(place) < len(ordered):
        twice, times = Counter(problem.id for problem in ordered).most_common(1)[0]
        raise InputError(f"problem ids must be unique, and {twice!r} is given {times} times: rename or drop the others")
    playing = run(
        strategy,
        ordered,
        source,
        extract=extract,
        scorer=scorer,
        options=options,
        signals=signals,
        cache=cache,
        equality=equality,
    )
    return sorted([r async for r in playing], key=lambda r: place[r.problem.id])


def _check_replay(strategy: Strategy, scorer: Scorer | None) -> None:
    if lack := missing(strategy.requires, Available("pool", branching=False)):
        raise UnsupportedError(f"strategy {strategy.name} {lack}")
    if scorer is not None:
        raise UnsupportedError("a recording keeps its recorded confidences: calibrate or rescore the pool instead")


def _player(
    strategy: Strategy,
    engine: Engine,
    extract: Extract | None,
    scorer: Scorer | None,
    options: Options,
    extra: Signals,
    cache: SampleCache | None,
    equality: Equality | None,
) -> Callable[[Problem], Awaitable[Result]]:
    if extract is None:
        raise UnsupportedError("a live engine needs `extract` to read answers from texts")
    _check_extract(extract)
    required, whose = strategy.requires, f"strategy {strategy.name}"
    signals = required.signals | (NONE if scorer is None else scorer.needs) | extra
    if scorer is not None:
        whose += f" with scorer {scorer.name}"
    available = live_source(scorer, engine.capabilities, recorded=extra)
    if lack := missing(replace(required, signals=signals), available):
        raise UnsupportedError(f"{whose} {lack}")
    read = extract
    if required.branching:  # the next draws depend on the last samples
        options = replace(options, lookahead=0, min_in_flight=0)
    playing, in_flight = 0, InFlight(options.rows or math.inf)

    async def live(problem: Problem) -> Result:
        nonlocal playing
        playing += 1
        try:
            if options.min_in_flight:
                await asyncio.sleep(0)  # questions that start together are counted before the first draws
            result = await play(problem)
        finally:
            playing -= 1
        if cache is not None:
            cache.decided(problem)
        return result

    async def play(problem: Problem) -> Result:
        _check_problem(problem)
        draws = Session(
            problem,
            engine,
            extract=read,
            scorer=scorer,
            budget=strategy.budget,
            options=options,
            signals=signals,
            cache=cache,
            active_questions=lambda: playing,
            in_flight=in_flight,
            equality=equality,
        )
        async with draws:
            with closing(PlayedSteps(strategy, problem)) as steps:
                try:
                    draw = steps.start()
                    while True:
                        samples = await draws.samples(draw)
                        if draws.regrouped:
                            steps.rename(samples, draws.answers.named)
                        draw = steps.send(samples)
                except StopIteration as stop:
                    await draws.abort_pending()
                    decision: Decision = stop.value
                    used = {(sample.index, sample.given) for sample in decision.samples}
                    beyond = [s for s in steps.overtaken if (s.index, s.given) not in used]
                    return Result(
                        problem,
                        replace(decision, usage=without(draws.usage, beyond)),
                        draws.aborted,
                        draws.cached,
                        draws.answers.spellings(decision.answer),
                    )

    return live


def _check_problem(problem: object) -> None:
    if not isinstance(problem, Problem):
        raise InputError(f"a problem must be a tts.Problem(id, question), got {type(problem).__name__} {problem!r}")


def _check_extract(extract: Extract) -> None:
    """Refuse a reader of answers that cannot be called with a problem and a text.

    Raises:
        InputError: naming its parameters.
    """
    try:
        signature = inspect.signature(extract)
    except (TypeError, ValueError):  # a builtin without a signature
        return
    try:
        signature.bind(Problem("", ""), "")
    except TypeError:
        raise InputError(f"extract must take (problem, text) and return the answer, and takes {signature}") from None
