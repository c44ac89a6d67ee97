"""The runs of a pool file as a table, and the summary of one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.pool_info.grades import Grades, Tally, kind_of, pool_tally
from evals.report.tables import Column, Table
from evals.tasks.reading import reading_of
from tts.pool import Pool, PoolStore, PoolSummary, Run, load_pool
from tts.pool.files import pool_format
from tts.pool.parts.folder import LIVE
from tts.pool.summary import summary_of

PROMPTS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class RunInfo:
    """One run of a pool file.

    Attributes:
        run: the run.
        differs: the settings by which it differs from other runs of the file.
        draws: "whole" samples, "truncated" ones, which a strategy may have stopped, or a "tree" of continued prefixes.
        questions: questions with samples.
        grades: the accuracy of its samples and contradictions of their grades.
    """

    run: Run
    differs: Mapping[str, object]
    draws: str
    questions: int
    grades: Grades

    @property
    def mapping(self) -> dict[str, Any]:
        """The values of the table, and more, ready for JSON."""
        key = self.run.key
        return {
            "run": self.run.id,
            "model": key.model,
            "revision": key.revision,
            "scorers": list(self.run.scorers),
            "differs": dict(self.differs),
            "draws": self.draws,
            "questions": self.questions,
            "samples": self.run.samples,
            "accuracy": None if self.run.key.draws == "tree" else self.grades.accuracy,
            "answers": self.grades.answers,
            "wrong_but_equal": self.grades.wrong_but_equal,
            "right_but_different": self.grades.right_but_different,
            "opened": self.run.opened,
        }


@dataclass(frozen=True)
class PoolInfo:
    """The contents of a pool file.

    Attributes:
        runs: its runs; empty for files without runs.
        pool: the pool that is summarised; None where the file holds no samples yet.
        tally: the answers of that pool, counted.
        unlisted: sentences on files in its folder that are not read.
    """

    runs: Sequence[RunInfo]
    pool: Pool | None
    tally: Tally | None
    unlisted: Sequence[str] = ()

    @property
    def grades(self) -> Grades | None:
        """The accuracy of the pool's samples and contradictions of their grades."""
        return None if self.tally is None else self.tally.grades

    @property
    def summary(self) -> PoolSummary | None:
        """The summary of the pool, its accuracy by gold answers where grades are missing."""
        if self.pool is None or self.tally is None:
            return None
        tally = self.tally
        return summary_of(self.pool, accuracy=tally.grades.accuracy, distinct_answers=tally.distinct_answers)

    @property
    def sentences(self) -> list[str]:
        """The contradictions of grades and gold answers: of each run, or of a file without runs."""
        if not self.runs:
            return [] if self.grades is None else self.grades.sentences
        return [f"run {one.run.id}: {sentence}" for one in self.runs for sentence in one.grades.sentences]

    @property
    def mapping(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        chosen = [] if self.pool is None else list(self.pool.runs)
        summary = None if self.summary is None else {**self.summary, "runs": chosen}
        if summary is not None and self.grades is not None:
            summary["wrong_but_equal"] = self.grades.wrong_but_equal
            summary["right_but_different"] = self.grades.right_but_different
        return {"command": "tts pool info", "runs": [one.mapping for one in self.runs], "summary": summary}

    @property
    def table(self) -> Table:
        """One row a run."""
        columns = [
            Column("run", "run"),
            Column("model", "model", left=True),
            Column("scorers", "scorers", lambda names: ", ".join(names) or "-", left=True, fold=True),
            Column("differs", "differs in", _settings, left=True, fold=True),
            Column("draws", "draws", left=True),
            Column("questions", "questions"),
            Column("samples", "samples"),
            Column("accuracy", "accuracy,\n%", lambda share: f"{100 * share:.1f}"),
            Column("opened", "last used", lambda time: str(time)[:10], left=True, spare=1),
        ]
        if all(one.draws == "whole" for one in self.runs):
            columns = [column for column in columns if column.key != "draws"]
        return Table(tuple(columns), tuple(one.mapping for one in self.runs))


def pool_info(
    path: str | os.PathLike[str],
    *,
    run: int | Sequence[int] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> PoolInfo:
    """Return the contents of a pool file.

    Args:
        path: the file.
        run: the run to summarise, or several that are joined; None takes the latest.
        notify: receives a sentence about the run that was chosen.

    Raises:
        InputError: a file that cannot be read, or a run that it does not hold.
    """
    if pool_format(path) != "sqlite":
        pool = load_pool(path, run=run, notify=notify)
        return PoolInfo((), pool, pool_tally(pool))
    with PoolStore.read(path) as store:
        runs = store.runs()
        tallies = {one.id: _tally(store, one) for one in runs}
        unlisted = [f"{path}: {name} is not listed in {LIVE} and is not read" for name in store.unlisted()]
    found = [_info(one, tallies[one.id], differs) for one, differs in zip(runs, differences(runs), strict=True)]
    if run is None and not any(one.samples for one in runs):
        return PoolInfo(found, None, None, unlisted)
    pool = load_pool(path, run=run, notify=notify)
    if len(pool.runs) == 1:
        return PoolInfo(found, pool, tallies[pool.runs[0]], unlisted)
    kinds = {reading_of(one.reading) for one in runs if one.id in pool.runs}
    recorded = kinds.pop() if len(kinds) == 1 else None
    return PoolInfo(found, pool, pool_tally(pool, None if recorded is None else recorded.kind), unlisted)


def _tally(store: PoolStore, run: Run) -> Tally:
    reading = reading_of(run.reading)
    found = Tally(kind_of(store.golds(run.id)) if reading is None else reading.kind)

    for one in store.answers(run.id):
        found.continued |= one.continued
        found.add(one.golds, one.answers)
    return found


def differences(runs: Sequence[Run]) -> list[dict[str, object]]:
    """Return the settings of each run that are not those of all runs; prompts are named by letters.

    Args:
        runs: of one file.
    """
    prompts = list(dict.fromkeys(run.key.prompt_template for run in runs))
    revised = len({(run.key.model, run.key.revision) for run in runs}) > len({run.key.model for run in runs})
    flat: list[dict[str, object]] = []
    for run in runs:
        settings = _flat(run.key.sampling)
        settings.pop("until", None)  # shown as the kind of draws
        tree = run.key.sampling.get("tree")
        settings = {name: value for name, value in settings.items() if not name.startswith("tree.")}
        settings |= {"strategy": tree["name"]} if isinstance(tree, Mapping) else {}
        settings |= {"revision": run.key.revision[:8] if revised else "", "reading": run.reading}
        flat.append({**settings, "prompt": PROMPTS[prompts.index(run.key.prompt_template) % len(PROMPTS)]})
    names = dict.fromkeys(name for settings in flat for name in settings)
    varied = [name for name in names if any(one.get(name) != flat[0].get(name) for one in flat)]
    return [{name: settings[name] for name in varied if settings.get(name) not in (None, "")} for settings in flat]


def _info(run: Run, tally: Tally, differs: Mapping[str, object]) -> RunInfo:
    draws = "tree" if tally.continued else run.key.draws
    return RunInfo(run, differs, draws, tally.questions, tally.grades)


def _flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _settings(differs: Mapping[str, object]) -> str:
    """Return settings as text, each by the last part of its name."""
    shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in differs.items()}
    return ", ".join(f"{name.rpartition('.')[2]}={value}" for name, value in shown.items()) or "-"
