"""Samples, pools and second processes for the tests of tts.pool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import strategies as st

from tts.pool import Entry, Pool, Score
from tts.types import End, Message, Problem, Sample, ToolCall, Trace, Usage

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("sqlite") / "worker.py"

INT32 = st.integers(-(2**31), 2**31 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNT = st.integers(0, 2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.lists(st.floats(allow_nan=False), max_size=4).map(tuple)
SCORE = st.none() | st.builds(Score, FINITE, COUNT, COUNT)
USAGES = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT) | st.builds(Usage, delivered=COUNT)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    watched = draw(
        st.dictionaries(INT32, VALUES, max_size=3) | st.dictionaries(INT32, VALUES, min_size=11, max_size=11)
    )
    owned = st.lists(st.sampled_from(sorted(watched)), min_size=1, max_size=3).map(tuple) if watched else st.nothing()
    return Trace(
        draw(VALUES),
        watched,
        draw(VALUES),
        draw(VALUES),
        draw(VALUES),
        draw(st.lists(st.booleans(), max_size=4).map(tuple)),
        draw(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
        draw(st.dictionaries(TEXT, owned, max_size=2 if watched else 0)),
        draw(VALUES),
    )


@st.composite
def graded(draw: st.DrawFn, scored: bool | None = None) -> tuple[Sample, bool | None]:
    """A sample with any legal value in every field, and a grade; ``scored`` settles whether it has a confidence."""
    scored = draw(st.booleans()) if scored is None else scored
    ids, index = draw(st.lists(INT32, max_size=4).map(tuple)), draw(COUNT)
    sample = Sample(
        text=draw(TEXT),
        answer=draw(st.none() | TEXT.filter(bool)),
        end=draw(st.sampled_from(End)),
        confidence=draw(st.floats(allow_nan=False, allow_infinity=False)) if scored else None,
        index=index,
        token_ids=ids,
        trace=draw(traces()),
        usage=draw(st.none() | USAGES),
        error=draw(st.none() | TEXT),
        given=draw(st.integers(0, len(ids))),
        started_s=draw(st.none() | FINITE),
        first_s=draw(st.none() | FINITE),
        finished_s=draw(st.none() | FINITE),
        in_flight=draw(st.none() | FINITE),
        machine_s=draw(st.none() | FINITE),
        estimated=draw(st.none() | st.booleans()),
        failure=draw(st.none() | TEXT),
        reasoning=draw(st.none() | TEXT),
        parent=draw(st.none() | st.integers(0, index - 1)) if index else None,
        calls=draw(st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple)),
    )
    return sample, draw(st.sampled_from([None, False] if sample.answer is None else [None, False, True]))


@st.composite
def problems(draw: st.DrawFn, problem_id: str, gold: str | None, accepted: tuple[str, ...]) -> Problem:
    """A question alone, or a chat, with tools or without."""
    fields = {"task": draw(TEXT), "gold": gold, "accepted": accepted}
    if draw(st.booleans()):
        return Problem(problem_id, draw(TEXT), **fields)  # type: ignore[arg-type]
    tool = st.fixed_dictionaries({"type": st.just("function"), "function": st.dictionaries(TEXT, TEXT, max_size=2)})
    said = st.builds(Message, st.just("system"), TEXT)
    called = st.builds(Message, st.just("assistant"), TEXT, st.tuples(st.dictionaries(TEXT, TEXT, max_size=1)))
    told = st.builds(Message, st.just("tool"), TEXT, st.just(()), TEXT, TEXT)
    messages = [*draw(st.lists(said | called | told, max_size=3)), Message("user", draw(TEXT))]
    return Problem.of_messages(
        problem_id,
        messages,
        tools=tuple(draw(st.lists(tool, max_size=2))),
        tool_choice=draw(st.sampled_from([None, "auto", {"type": "function"}])),
        parallel_tool_calls=draw(st.sampled_from([None, True, False])),
        **fields,
    )


@st.composite
def entries(draw: st.DrawFn, problem_id: str, scored: bool | None = None) -> Entry:
    found = draw(st.lists(graded(scored), min_size=1, max_size=4, unique_by=lambda pair: pair[0].index))
    gold = draw(st.none() | TEXT)
    accepted = st.just(()) if gold is None else st.lists(TEXT, max_size=2).map(tuple)
    found.sort(key=lambda pair: pair[0].index)
    labels = draw(st.lists(TEXT.filter(bool), max_size=2, unique=True))
    judged = {label: tuple(draw(SCORE) for _ in found) for label in labels}
    judged = {label: of for label, of in judged.items() if any(of)}
    meta = draw(st.dictionaries(st.sampled_from(["model", "group", "level", "x\u0000y"]), TEXT, max_size=3))
    return Entry(
        draw(problems(problem_id, gold, draw(accepted))),
        tuple(sample for sample, _ in found),
        tuple(correct for _, correct in found),
        meta,
        judged,
    )


@st.composite
def pools(draw: st.DrawFn, uniform: bool = False) -> Pool:
    """A pool of one to three questions; where ``uniform``, every sample has a confidence or none has."""
    ids = draw(st.lists(TEXT.filter(bool), min_size=1, max_size=3, unique=True))
    scored = draw(st.booleans()) if uniform else None
    return Pool("made up", "", tuple(draw(entries(problem_id, scored)) for problem_id in ids))


def small_pool(model: str = "m") -> Pool:
    samples = (Sample("so 4", "4", index=0), Sample("hm", None, index=1), Sample("so 5", "5", index=2))
    entry = Entry(Problem("q1", "2+2?", "4"), samples, (True, False, False), {"model": model, "level": "1"})
    return Pool("small", "", (entry, Entry(Problem("q2", "3+3?", "6"), samples[:1], (False,), {"model": model})))


def environment() -> dict[str, str]:
    """The environment of a second process that can import the packages and this folder."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the worker; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, str(WORKER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def left_in(folder: Path) -> set[str]:
    """The names in a folder, hidden ones included."""
    return {path.name for path in folder.iterdir()}
