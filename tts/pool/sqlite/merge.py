"""Pools of equal run keys joined to one, such as those of the tasks of a Slurm array; one alone is copied."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tts.errors import InputError
from tts.pool.files import pool_format
from tts.pool.parts.folder import atomic_pool
from tts.pool.records import Entry, Pool
from tts.pool.runs import Run, RunKey
from tts.pool.sqlite.connect import write_lock
from tts.pool.sqlite.store import PoolStore
from tts.progress.phases import tracked
from tts.types import Sample
from tts.wording import counted

_APART = ("until", "tree", "signals")
"""Settings by which a run may be missing in a pool: draws that a strategy truncates or continues, and signals apart."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge.

    Attributes:
        runs: the number of runs.
        questions: the number of questions.
        samples: the number of samples.
        repeated: samples that several pools held, and that were kept once.
    """

    runs: int
    questions: int
    samples: int
    repeated: int

    def __str__(self) -> str:
        """Return one line about the merge."""
        once = f"; {counted(self.repeated, 'sample')} that several pools held were kept once" if self.repeated else ""
        return f"{counted(self.runs, 'run')}, {counted(self.questions, 'question')}, {self.samples} samples{once}"


def merge_pools(
    sources: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    force: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> Merged:
    """Join pools of equal run keys to a new one, whole or not at all.

    Equal samples are kept once; of scores of the same sample by the same scorer the first one is kept. A run takes the
    configuration of its last opening in the last pool.

    Args:
        sources: SQLite pools and pool folders, at least one; a single one is copied.
        target: the pool to write.
        force: replace a pool that is there.
        notify: receives a sentence about what is left out.

    Raises:
        InputError: different run keys, or two different samples of one key.
        PoolLockedError: another process is writing to the target.
    """
    pool_format(target, "sqlite")
    names = [os.path.realpath(source) for source in sources]
    if repeated := next((str(s) for i, s in enumerate(sources) if names[i] in names[:i]), None):
        raise InputError(f"{repeated} is named twice: name each pool once")
    if os.path.realpath(target) in names:
        raise InputError(f"cannot write {target}: it is an input of this command; give another name")
    if os.path.lexists(target) and not force:
        raise InputError(f"{target} exists already: give another name, or --force to replace it")
    lock = write_lock(target)
    try:
        with ExitStack() as stack:
            stores = [stack.enter_context(PoolStore.read(source)) for source in sources]
            _check_keys([str(source) for source in sources], [store.runs() for store in stores])
            with atomic_pool(target) as temp, PoolStore.create_or_open(temp) as out:
                merge = _Merge(out, notify)
                for source, store in zip(sources, stores, strict=True):
                    merge.add(str(source), store)
                return merge.end()
    finally:
        lock.release()


class _Merge:
    """The merge of open pools into a new one."""

    def __init__(self, out: PoolStore, notify: Callable[[str], None]) -> None:
        self._out, self._notify = out, notify
        self._repeated = 0

    def add(self, name: str, store: PoolStore) -> None:
        """Add all runs of a pool."""
        for run in store.runs():
            number = self._out.open_run(run.key, run.config, signals=run.signals, reading=run.reading)
            merged = self._run(number)
            if merged.reading != run.reading:
                self._notify(
                    f"{name}: answers of run {run.id} were read by {run.reading!r}, those before by "
                    f"{merged.reading!r}: repeat `tts run` or `tts sample` on the merged pool to read all alike"
                )
            if run.samples:
                self._copy(name, run, store.to_pool(run.id), number, store.scorers())
            for problem, decision in store.decisions(run.id).items():
                self._out.put_decision(number, problem, decision)

    def end(self) -> Merged:
        """Seal what was added, and return the counts."""
        self._out.seal()
        runs = self._out.runs()
        return Merged(len(runs), len(self._out.problems()), sum(run.samples for run in runs), self._repeated)

    def _run(self, number: int) -> Run:
        return next(run for run in self._out.runs() if run.id == number)

    def _copy(self, name: str, run: Run, pool: Pool, number: int, keys: Mapping[str, Mapping[str, object]]) -> None:
        """Copy the samples and scores of a run."""
        named = {label: (str(keys[label].get("name", label)), keys[label]) for label in pool.scorers}
        scorers = {label: self._out.open_scorer(*key) for label, key in named.items()}
        for entry in tracked(pool.entries, "copying", "store", pool.questions):
            problem = entry.problem
            # A run records its model; its questions, which other runs share, do not repeat it.
            meta = {key: value for key, value in entry.meta.items() if key != "model" or not run.key.model}
            try:
                self._out.add_problem(problem, meta)
            except InputError:
                raise InputError(
                    f"{name}: question {problem.id!a} is another one in the pools before it: these are pools of "
                    "different tasks"
                ) from None
            new = self._new(name, run, entry, number)
            self._out.add(number, problem.id, [sample for sample, _ in new], [grade for _, grade in new])
            for label, given in entry.scores.items():
                found = {s.index: one for s, one in zip(entry.samples, given, strict=True) if one is not None}
                self._out.add_scores(number, scorers[label], problem.id, found)
            self._out.decided(problem.id)

    def _new(self, name: str, run: Run, entry: Entry, number: int) -> list[tuple[Sample, bool | None]]:
        """Return the samples of a question, with their grades, that no pool before held."""
        problem, graded = entry.problem, list(zip(entry.samples, entry.correct, strict=True))
        lacking = set(self._out.missing(number, problem.id, entry.samples[-1].index + 1))
        for sample in entry.samples:
            if sample.index in lacking:
                continue
            held = self._out.get(number, problem.id, sample.index)
            if held is None or _drawn(held) != _drawn(sample):
                raise InputError(
                    f"{name}: sample {sample.index} of question {problem.id!a} in run {run.id} is another one in the "
                    "pools before it, though its key is the same: leave one of the pools out"
                )
            self._repeated += 1
        return [(sample, grade) for sample, grade in graded if sample.index in lacking]


def _drawn(sample: Sample) -> tuple[object, ...]:
    """Return what a draw gave, without what was read of it, its cost and its times."""
    return sample.text, sample.reasoning, sample.token_ids, sample.end, sample.given, sample.error


def _check_keys(names: Sequence[str], runs: Sequence[Sequence[Run]]) -> None:
    """Refuse pools of different run keys.

    Raises:
        InputError: naming two pools and what differs.
    """
    keys = [{_key(run.key): run.key for run in of} for of in runs]
    for name, mine in zip(names[1:], keys[1:], strict=True):
        lacking = mine.keys() ^ keys[0].keys()
        if lacking:
            one, other = next(iter(keys[0].values()), RunKey("")), next(iter(mine.values()), RunKey(""))
            differing = _differing(one, other) or [f"{len(keys[0])} and {len(mine)} runs"]
            raise InputError(
                f"{name} holds other runs than {names[0]} ({'; '.join(differing)}): pools are merged where model, "
                "prompt and sampling parameters are the same"
            )


def _key(key: RunKey) -> tuple[str, ...]:
    plain = {name: value for name, value in key.sampling.items() if name not in _APART}
    return replace(key, sampling=plain).columns


def _differing(one: RunKey, other: RunKey) -> list[str]:
    """Return the settings by which two keys differ, as short texts."""
    found = [
        f"{name} {getattr(one, name)!a} and {getattr(other, name)!a}"
        for name in ("model", "revision")
        if getattr(one, name) != getattr(other, name)
    ]
    if one.prompt_template != other.prompt_template:
        found.append("prompts")
    names = sorted({*one.sampling, *other.sampling} - {*_APART})
    values = [(name, one.sampling.get(name), other.sampling.get(name)) for name in names]
    return found + [f"{name} {mine} and {theirs}" for name, mine, theirs in values if mine != theirs]
