"""Several runs of one pool file as one pool: each question has the samples of all of them, with new indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tts.errors import InputError
from tts.pool.digest import content_hash
from tts.pool.entries import Entries, Fields, HeldEntries, ReadEntries
from tts.pool.records import Entry, Pool, Score
from tts.pool.runs import Run
from tts.types import Sample


def run_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of runs that a text names, such as 2 or 1,2.

    Raises:
        InputError: it names anything else.
    """
    numbers = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in numbers):
        raise InputError(f"run must be the number of a run, or several such as 1,2, got {text!r}")
    return tuple(map(int, numbers))


def join_runs(pools: Sequence[Pool], runs: Sequence[Run], *, notify: Callable[[str], None] = lambda _: None) -> Pool:
    """Return the samples of several runs as one pool.

    The samples of a question keep their order within a run and the order of the runs; later ones get the indices behind
    those of earlier ones. Scores keep their labels: a sample has those that its own run holds.

    Args:
        pools: one a run, of one file.
        runs: the same runs, as the file describes them.
        notify: receives a sentence where their models or their readings of answers differ.

    Raises:
        InputError: a run holds draws that a strategy may have truncated or continued, which are no whole samples.
    """
    for run in runs:
        if run.key.draws != "whole":
            did = "may have truncated" if run.key.draws == "truncated" else "continued"
            raise InputError(
                f"{pools[0].path}: run {run.id} holds draws that a strategy {did}, and those are not "
                "joined with whole samples: leave it out"
            )
    for what, values in (
        ("models", [f"{run.key.model}@{run.key.revision}".removesuffix("@") for run in runs]),
        ("prompts", [run.key.prompt_template for run in runs]),
        ("readings of answers", [run.reading for run in runs]),
    ):
        if len(set(values)) > 1:
            shown = "" if what == "prompts" else f" ({', '.join(dict.fromkeys(values))})"
            notify(f"{pools[0].path}: runs {', '.join(str(run.id) for run in runs)} have different {what}{shown}")
    numbers = tuple(run.id for run in runs)
    draws = [{**run.key.sampling, "signals": None, "model": run.key.columns[:3]} for run in runs]
    if any(one in draws[:i] for i, one in enumerate(draws)):
        notify(f"{pools[0].path}: two of these runs have the same seed and parameters, so they may hold the same draws")
    return Pool(pools[0].path, content_hash((pool.sha256 for pool in pools), ()), _entries(pools), numbers)


def _entries(pools: Sequence[Pool]) -> Entries:
    """Return the questions of several runs, those in memory where all runs are."""
    places: dict[str, list[tuple[int, int]]] = {}
    for run, pool in enumerate(pools):
        for at, entry in enumerate(pool.narrow().entries):
            places.setdefault(entry.problem.id, []).append((run, at))
    joined = JoinedEntries([pool.read for pool in pools], list(places.values()))
    return HeldEntries(joined) if all(isinstance(pool.read, HeldEntries) for pool in pools) else joined


class JoinedEntries(ReadEntries):
    """The questions of several runs, joined when they are asked for."""

    def __init__(self, runs: Sequence[Entries], places: Sequence[Sequence[tuple[int, int]]]) -> None:
        """Take the questions of each run.

        Args:
            runs: the questions of each run.
            places: where each joined question stands: runs and places in them, by their positions.
        """
        self._runs, self._places = runs, places

    def __len__(self) -> int:
        """The number of questions."""
        return len(self._places)

    def one(self, at: int) -> Entry:
        """Return the samples of one question in all runs."""
        return _joined([self._runs[run][place] for run, place in self._places[at]])

    def narrow(self, fields: frozenset[Fields]) -> Entries:
        """Return the same questions of which these fields are read; others may be missing."""
        return JoinedEntries([run.narrow(fields) for run in self._runs], self._places)


def _joined(entries: Sequence[Entry]) -> Entry:
    """Return the samples of one question in several runs as one entry."""
    samples: list[Sample] = []
    scores: dict[str, list[Score | None]] = {label: [] for entry in entries for label in entry.scores}
    for entry in entries:
        beyond = samples[-1].index + 1 if samples else 0
        samples += [_moved(sample, beyond) for sample in entry.samples]
        for label, found in scores.items():
            found += entry.scores.get(label, (None,) * len(entry.samples))
    models = dict.fromkeys(entry.meta["model"] for entry in entries if "model" in entry.meta)
    meta = {**entries[0].meta, **({"model": " + ".join(models)} if models else {})}
    correct = tuple(grade for entry in entries for grade in entry.correct)
    return Entry.checked(entries[0].problem, tuple(samples), correct, meta, {k: tuple(of) for k, of in scores.items()})


def _moved(sample: Sample, by: int) -> Sample:
    """Return a sample with its index, and that of its parent, ``by`` higher."""
    parent = None if sample.parent is None else sample.parent + by
    return replace(sample, index=sample.index + by, parent=parent)
