"""A run as the page asks for it: its summary as far as it is computed, lists of questions, and one question."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evals.report_page.run_facts import run_mapping
from evals.report_page.tree_runs import strategy_of
from evals.view.known import Known, Query
from evals.view.sources import Contents, Source, name_of
from tts.pool import Entry, Run
from tts.wording import counted as number_of

if TYPE_CHECKING:
    from evals.view.jobs import Step

MOST_ROWS = 2_000
"""The most questions of a list that are sent at once."""
MAX_START = 400
"""The characters of a question that a list has."""
SEARCH_S = 0.25
"""Seconds after which a search returns what it has found so far."""
BLOCK = 64
"""Questions whose texts are searched at once."""


class RunView:
    """One run of a view.

    Attributes:
        source: its questions.
        settings: of ``tts compare``, as KEY=VALUE.
        known: its numbers as far as they are known.
        stamp: counts the changes of these numbers.
        doing: the step that is being computed, in words; empty when nothing is.
        failed: the reason why numbers cannot be computed; empty where they can.
    """

    def __init__(self, source: Source, settings: tuple[str, ...] = ()) -> None:
        """Take the questions and the settings."""
        self.source, self.settings = source, settings
        self.known, self.stamp, self.doing, self.failed = Known(), 0, "", ""
        self._lock = threading.Lock()

    def contents(self) -> Contents:
        """Return what the run holds now."""
        with self._lock:
            return self.source.contents()

    @cached_property
    def _run(self) -> Run | None:
        return self.source.stored_run()

    @property
    def _answers(self) -> str:
        """The kind of answers."""
        given = (setting.partition("=")[2] for setting in self.settings if setting.startswith("answers="))
        return next(given, "auto")

    def learned(self, before: Known, step: Step) -> Known:
        """Return the numbers with those of a step."""
        return before.learned(step, [] if step.counted is None else self.source.keys_of(step.counted.ids))

    def state(self) -> dict[str, Any]:
        """Return what differs when the page must ask anew, ready for JSON."""
        contents = self.contents()
        return {
            "version": contents.version,
            "stamp": self.stamp,
            "questions": len(contents.keys),
            "samples": contents.samples,
            "under_way": contents.under_way,
            "doing": self.doing,
            "failed": self.failed,
        }

    def summary(self) -> dict[str, Any]:
        """Return all of the run but its questions, ready for JSON; what is not known yet is null or empty."""
        state, known = self.state(), self.known
        headline = f"{number_of(state['questions'], 'question')} with {number_of(state['samples'], 'sample')}"
        run = self._run
        facts = {
            "path": self.source.path,
            "sha256": None,
            "questions": state["questions"],
            "samples": state["samples"],
            "models": [run.key.model] if run is not None and run.key.model else [],
            "scored_by": None,
            "tokens": None,
            "ends": None,
            "failures": {},
            "runs": [] if run is None else [run_mapping(run)],
        }
        nothing: dict[str, Any] = {
            "comparison": None,
            "reference": "",
            "skipped": {},
            "confidence": None,
            "positions": [],
        }
        return {
            "name": name_of(self.source),
            **nothing,
            "headline": headline,
            "facts": facts,
            **known.summary,
            "missing": list(known.missing),
            "trees": _trees_about(self.source),
            "state": state,
            "counted": known.counted is not None,
        }

    def listed(self, query: Query, begin: int, count: int) -> dict[str, Any]:
        """Return a part of a list.

        Args:
            query: the questions that it shows.
            begin: the place in the list to begin at.
            count: the rows wanted, at most :data:`MOST_ROWS`.

        Returns:
            ``rows``; ``next``, the place at which the next part begins, null at the end; ``total``, the questions that
            the filter keeps, before the search; ``of``, all questions.
        """
        contents = self.contents()
        picked = self.known.picked(query, contents.keys)
        count = min(count, MOST_ROWS)
        if not query.words:
            chosen, after = list(picked[begin : begin + count]), begin + count
        else:
            chosen, after = [], begin
            for place, found in self._search(picked, range(begin, len(picked)), query.words):
                after = place + 1
                if found:
                    chosen.append(picked[place])
                if len(chosen) >= count:
                    break
        rows = self._rows(chosen, query)
        end = None if after >= len(picked) else after
        return {"rows": rows, "next": end, "total": len(picked), "of": len(contents.keys), "version": contents.version}

    def question(self, key: int, query: Query) -> dict[str, Any] | None:
        """Return a question with its samples, and its neighbours in a list; None where there is none.

        Args:
            key: of the question.
            query: the list.
        """
        from evals.view.opened import opened

        scored = any(setting.startswith("score=") for setting in self.settings)
        question = opened(self.source, key, self._answers, self._run, self.known.decisions, scored=scored)
        if question is None:
            return None
        picked = self.known.picked(query, self.contents().keys)
        try:
            rank = picked.index(key)
        except ValueError:
            rank = None
        at = bisect_left(picked, key) if rank is None else rank
        before, after = range(at - 1, -1, -1), range(at if rank is None else at + 1, len(picked))
        if rank is None and (query.order != "drawn"):
            before = after = range(0)
        return {
            "question": question,
            "rank": rank,
            "total": len(picked),
            "previous": self._first(picked, before, query.words),
            "next": self._first(picked, after, query.words),
        }

    def _first(self, picked: Sequence[int], places: range, words: Sequence[str]) -> int | None:
        """Return the first question at these places that a search finds in time."""
        if not words:
            return picked[places[0]] if places else None
        return next((picked[place] for place, found in self._search(picked, places, words) if found), None)

    def _rows(self, keys: Sequence[int], query: Query) -> list[dict[str, Any]]:
        """Return the rows of a list."""
        known, rows = self.known, []
        for key, entry in zip(keys, self.source.entries(keys), strict=True):
            right = _grades(entry)
            rows.append(
                {
                    "place": key,
                    "id": entry.problem.id,
                    "question": entry.problem.question[:MAX_START],
                    "samples": len(entry.samples),
                    "graded": any(one is not None for one in right),
                    "right": sum(one is True for one in right),
                    "decision": known.decision(query, key),
                }
            )
        return rows

    def _search(self, picked: Sequence[int], places: range, words: Sequence[str]) -> Iterator[tuple[int, bool]]:
        """Yield places with whether the question there has all words, until the time is up; at least one block."""
        end = time.monotonic() + SEARCH_S
        for start in range(0, len(places), BLOCK):
            block = places[start : start + BLOCK]
            texts = self.source.texts([picked[place] for place in block])
            for place in block:
                text = texts.get(picked[place], "").lower()
                yield place, all(word in text for word in words)
            if time.monotonic() > end:
                return


def _grades(entry: Entry) -> Sequence[bool | None]:
    """Return the grade of each sample: the recorded one, else that of the gold answer."""
    if not entry.problem.golds or all(grade is not None for grade in entry.correct):
        return entry.correct
    from evals.metrics.scored import grades

    return grades(entry)


def _trees_about(source: Source) -> list[dict[str, Any]]:
    """Return the strategies whose trees are shown with a run, ready for JSON, without the means of their traces."""
    found: list[dict[str, Any]] = []
    for trees, own in source.trees():
        run = trees.stored_run()
        scorer = run.scorers[-1] if run is not None and run.scorers else ""
        model = "" if run is None else run.key.model
        about = {"strategy": strategy_of(run), "run": trees.run, "model": model, "scorer": scorer}
        found.append({**about, "own": own, "positions": []})
    return found
