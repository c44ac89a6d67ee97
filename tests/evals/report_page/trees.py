"""A pool whose second run holds the trees of beams, with texts that would do harm."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.evals.report_page.cases import HARM
from tts.pool import PoolStore, RunKey
from tts.pool.trees import PoolTrees
from tts.types import Decision, End, Problem, Sample, Trace, Usage

KEY = RunKey("tiny", "r1", "Q: {question}", {"temperature": 0.7})
VALUES = tuple(range(11))


def trace(*values: int) -> Trace:
    """FineCE's value tokens, one of them certain at each token."""
    watched = {token: tuple(float(value == token) for value in values) for token in VALUES}
    return Trace(watched=watched, owners={"finece": VALUES}, logprobs=(-0.1,) * len(values))


def tree(at: int) -> Decision:
    """Four draws that pause, of which one is continued, one forked and two pruned; one draw fails, and one is last."""
    harm = HARM[at % len(HARM)]
    paused = partial(Sample, end=End.BOUNDARY, usage=Usage(0, 5, 2), trace=trace(2, 3))
    ended = partial(Sample, usage=Usage(0, 7, 1, 0, 4), trace=trace(2, 3, 9), given=2)
    samples = [
        paused(f"{harm} a", index=0, token_ids=(1, 2), confidence=0.5),
        paused(f"{harm} b", index=1, token_ids=(1, 3), confidence=0.25),
        paused(f"{harm} c", index=2, token_ids=(1, 4), confidence=0.75),
        paused(f"{harm} d", index=3, token_ids=(1, 5), confidence=0.125),
        ended(f"{harm} a{harm}", "4", index=4, token_ids=(1, 2, 7), confidence=0.875, parent=0),
        ended(f"{harm} c 4", "4", index=5, token_ids=(1, 4, 8), confidence=0.625, parent=2),
        ended(f"{harm} c {harm}", f"5 {harm}", index=6, token_ids=(1, 4, 9), confidence=0.5, parent=2),
        Sample(end=End.FAILED, index=7, error=harm, usage=Usage(0, 5)),
        paused(f"{harm} e", index=8, token_ids=(1, 6), confidence=0.5),
    ]
    return Decision("4", tuple(samples), "budget", vote_share=0.75, p_correct=0.5, usage=Usage(0, 60, 11, 0, 12))


def pool_of_trees(path: Path, questions: int = 3, *, whole: bool = True) -> Path:
    """Write whole samples of questions as run 1, unless there are to be none, and trees of the same as another run."""
    with PoolStore.create_or_open(path) as store:
        judge = store.open_scorer("finece", {"name": "finece"})
        problems = [Problem(f"q{i}", f"2+2? {HARM[i % len(HARM)]}", "4") for i in range(questions)]
        store.add_problems(problems)
        if whole:
            run = store.open_run(KEY, {}, scorer=judge)
            for problem in problems:
                store.add(run, problem.id, [Sample("so 4", "4", index=i) for i in range(4)], [True] * 4)
        key = replace(KEY, sampling={**KEY.sampling, "tree": {"name": f"guided {HARM[0]}", "budget": 4}})
        trees = PoolTrees(
            store, store.open_run(key, {}, scorer=judge), lambda p, sample: sample.answer == p.gold, scorer=judge
        )
        for at, problem in enumerate(problems[: max(1, questions - 1)]):
            trees.put(problem, tree(at))
    return path
