"""The second process of the crash and lock tests: it writes to a pool and says what it has committed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tts.pool import PoolStore, RunKey
from tts.pool.sqlite.merge import merge_pools
from tts.types import Problem, Sample, Trace, Usage

PROBLEMS = [f"q{i}" for i in range(5)]
DRAWS = 60
KEY = RunKey("toy", "r1", "Q: {question}", {"temperature": 0.7, "top_p": 1})


def drawn(problem_id: str, index: int, attempt: str) -> Sample:
    """The sample a given attempt draws: large enough that a write takes a while, and told apart by its text."""
    return Sample(
        text=f"{problem_id} {index} by attempt {attempt} " + "x" * 2000,
        answer=str(index % 7),
        index=index,
        token_ids=tuple(range(200)),
        trace=Trace(logprobs=(-0.5,) * 200),
        usage=Usage(delivered=200),
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_and_wait(line: str) -> None:
    """Say it and wait for an answer, so that whoever kills this process is never far behind it."""
    say(line)
    sys.stdin.readline()


def fill(path: str, attempt: str, tell: Callable[[str], None] = say) -> None:
    """Draw what is missing, two samples a transaction; tell each index after its commit."""
    with PoolStore.create_or_open(path) as store:
        store.add_problems(Problem(problem_id, "?", "3") for problem_id in PROBLEMS)
        run = store.open_run(KEY, {"attempt": attempt})
        for problem_id in PROBLEMS:
            missing = store.missing(run, problem_id, DRAWS)
            for i in range(0, len(missing), 2):
                batch = missing[i : i + 2]
                store.add(run, problem_id, [drawn(problem_id, index, attempt) for index in batch])
                for index in batch:
                    tell(f"committed {problem_id} {index} {attempt}")
    say("done")


def hold(path: str) -> None:
    """Write one sample, say so, and keep the pool open until stdin ends."""
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("q0", "?", "3"))
        run = store.open_run(KEY, {})
        store.add(run, "q0", [drawn("q0", 0, "hold")])
        say("holding")
        sys.stdin.read()


def grow(path: str) -> None:
    """Draw what is missing into a pool that grows, and seal every other question; tell each seal before it begins."""
    with PoolStore.create_or_open(path) as store:
        store.add_problems(Problem(problem_id, "?", "3") for problem_id in PROBLEMS)
        run = store.open_run(KEY, {})
        for number, problem_id in enumerate(PROBLEMS):
            for index in store.missing(run, problem_id, DRAWS):
                store.add(run, problem_id, [drawn(problem_id, index, "0")], [True])
            store.decided(problem_id)
            if number % 2:
                say_and_wait("sealing")
                store.seal()
                say("sealed")
        say_and_wait("sealing")
        store.reread(run, "other", lambda _, sample: (f"{sample.index % 5}", None))
        store.reread(run, "", lambda _, sample: (f"{sample.index % 7}", True))
    say("done")


def merge(one: str, two: str, out: str) -> None:
    """Merge two pools; tell it before it begins."""
    say_and_wait("merging")
    merge_pools([one, two], out)
    say("done")


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(sys.argv[2], sys.argv[3], say_and_wait)
    else:
        {"hold": hold, "grow": grow, "merge": merge}[sys.argv[1]](*sys.argv[2:])
