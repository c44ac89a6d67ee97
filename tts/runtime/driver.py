"""The driver of lists: plays one strategy over many problems, from a live engine or a recording.

With a live engine it is a loop over a :class:`~tts.runtime.runner.Runner`, which plays each question and keeps the
ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from operator import length_hint

from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine, Recording
from tts.engines.streams import abort
from tts.errors import InputError, UnsupportedError
from tts.requirements import Available, missing
from tts.runtime.cache import SampleCache
from tts.runtime.checks import check_problem
from tts.runtime.options import DEFAULTS, Extract, Options
from tts.runtime.recorded import decide, decide_equal
from tts.runtime.runner import Result, Runner
from tts.runtime.session import is_cancelled
from tts.scorers.base import Scorer
from tts.strategy import Strategy
from tts.types import Problem, Signals

__all__ = ["Extract", "Options", "Result", "SampleCache", "run", "run_all"]

NONE = Signals()


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
    started: Callable[[Runner], None] | None = None,
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
        started: receives the runner before the first question, to watch its draws; with a live engine only.

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
    if extract is None:
        raise UnsupportedError("a live engine needs `extract` to read answers from texts")
    runner = Runner(source, extract=extract, options=options, max_questions=options.concurrency, max_waiting=0)
    runner.check(strategy, scorer, signals)
    if started is not None:
        started(runner)
    waiting = iter(problems)
    done: asyncio.Queue[Result | BaseException | None] = asyncio.Queue(maxsize=2 * options.concurrency)
    working = min(options.concurrency, max(1, length_hint(problems, options.concurrency)))

    async def work() -> None:
        nonlocal working
        try:
            for problem in waiting:
                await done.put(
                    await runner.run(strategy, problem, scorer=scorer, signals=signals, cache=cache, equality=equality)
                )
            working -= 1
            if not working:
                await done.put(None)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            await done.put(error)

    workers = [asyncio.create_task(work()) for _ in range(working)]
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
        check_problem(problem)
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
