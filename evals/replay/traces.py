"""Recorded traces, ready to be replayed: the scores of each sample, and the tokens at which it would have stopped.

Each question is measured once, for all permutations and strategies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from strategies.mass import check_sum, first_seen, mass_of, numbered_texts
from tts.boundaries import group_confidence
from tts.pool import Entry, Pool
from tts.pool.entries import Entries, HeldEntries
from tts.pool.facts import Facts
from tts.requirements import Available
from tts.scorers.trace_scores import TRACE_SCORES
from tts.types import End, Sample, Signals

Array = NDArray[Any]
_KEPT = 512
"""Questions of a pool that is read in blocks whose measurements are kept."""


@dataclass(frozen=True)
class RecordedSignals:
    """The per-token signals of recorded questions; implements :class:`~tts.requirements.SignalSource`."""

    facts: Facts

    def lacking(self, signals: Signals) -> str | None:
        """Name the signals that the samples lack, or return None: failed ones lack all, and not all may have a mass."""
        if signals.top and self.facts.topless:
            return "the top-k confidences of every token"
        if signals.processed and not self.facts.weighed:
            return "the log-probability of each token under the distribution it was drawn from"
        return None

    @property
    def watched(self) -> bool:
        """True if the samples have a watched probability of each token and mark the ends of steps."""
        return not self.facts.stepless


def recorded_source(pool: Pool, source: Literal["pool", "fit pool"] = "pool") -> Available:
    """Describe a pool for :func:`tts.requirements.missing`."""
    signals = RecordedSignals(pool.facts)
    return Available(source, confidence=pool.has_confidence, branching=False, watched=signals.watched, signals=signals)


class RecordedQuestions(Sequence["RecordedTraces"]):
    """The samples of a pool's questions with their measurements, which are kept for as many as are in memory."""

    def __init__(self, entries: Entries) -> None:
        """Take the questions."""
        self._entries = entries
        kept = None if isinstance(entries, HeldEntries) else _KEPT
        self._made = lru_cache(maxsize=kept)(lambda at: RecordedTraces(entries[at].samples, source_of(entries[at])))

    @property
    def signals(self) -> RecordedSignals:
        """The signals of all questions of the pool."""
        return RecordedSignals(self._entries.facts)

    def __len__(self) -> int:
        """The number of questions."""
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> RecordedTraces: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[RecordedTraces]: ...

    def __getitem__(self, at: int | slice) -> Any:
        """The samples of the question at a place, or those of a slice."""
        return [self._made(row) for row in range(len(self))[at]] if isinstance(at, slice) else self._made(at)


class RecordedTraces:
    """The samples of one question, with a cache of their measurements."""

    def __init__(self, samples: Sequence[Sample], source: str = "the pool") -> None:
        """Take the samples, in recorded order, and the name of what drew them, for messages."""
        self.samples, self._source = samples, source
        self._measured: dict[tuple[str, int], Array] = {}
        self._minima: dict[int, list[Array]] = {}
        self._pruned: dict[float, Array] = {}
        self._after_steps: tuple[Array, Array] | None = None

    def measure(self, score: str, window: int) -> Array:
        """Return the raw trace score of this name, [samples], NaN where the draw failed."""
        if (score, window) not in self._measured:
            read = TRACE_SCORES[score].raw
            values = [np.nan if s.end is End.FAILED else read(s, window=window) for s in self.samples]
            self._measured[score, window] = np.array(values)
        return self._measured[score, window]

    @cached_property
    def texts(self) -> Array:
        """A number for each sample's text, [samples]: equal texts have the same."""
        return numbered_texts(self.samples)

    @cached_property
    def masses(self) -> Array:
        """The probability of each sample's text, [samples], NaN where it is not known.

        Raises:
            UnsupportedError: those of distinct texts sum to more than one.
        """
        masses = np.array([mass_of(sample) for sample in self.samples])
        check_sum(float(np.nansum(first_seen(self.texts[:, None], masses[:, None]))), self._source)
        return masses

    def spared(self, sample: int, bars: Array, window: int) -> Array:
        """Return the tokens that stopping one sample below each bar would have spared, -1 where it is not stopped.

        They are the tokens that :func:`tts.boundaries.truncate` removes.

        Args:
            sample: the position of the sample.
            bars: group confidences, any shape.
            window: tokens in a group.
        """
        if window not in self._minima:
            self._minima[window] = [_minima(s, window) for s in self.samples]
        minima, drawn = self._minima[window][sample], self.samples[sample]
        # The running minimum never rises, so its first value below a bar is found by bisection.
        group = np.searchsorted(-minima, -bars, side="right")
        left = len(drawn.trace.top) - (group + window)
        whole = (group == len(minima)) | ((left == 0) & (drawn.end is End.STOP))
        return np.where(whole, -1, left)

    def pruned(self, bar: float) -> Array:
        """Return the tokens that pruning spares, [samples], -1 where a sample is not pruned.

        A sample is pruned at the first token that ends a step and has P(confidence token) below the bar, unless the
        sample ends there by itself. They are the tokens that :func:`tts.boundaries.truncate` removes.

        Args:
            bar: in [0, 1].
        """
        if bar not in self._pruned:
            if self._after_steps is None:
                self._after_steps = _after_steps(self.samples)
            minima, left = self._after_steps
            below = minima < bar  # a running minimum never rises: the first value below is where it crosses
            found = np.take_along_axis(left, below.argmax(axis=1)[:, None], axis=1)[:, 0]
            self._pruned[bar] = np.where(below.any(axis=1), found, -1)
        return self._pruned[bar]


def source_of(entry: Entry) -> str:
    """Return what drew the samples of a question, for messages."""
    model = entry.meta.get("model")
    return f"{'the pool' if model is None else f'model {model}'}, on question {entry.problem.id!r},"


def _after_steps(samples: Sequence[Sample]) -> tuple[Array, Array]:
    """Return the least P(confidence token) of the steps so far and the tokens left, [samples, most steps + 1] each.

    Beyond the last step the former is infinite and the latter -1. A step whose last token ended the sample counts as
    beyond, since nothing is left to prune.
    """
    ends = [np.empty(0, dtype=np.intp) if s.end is End.FAILED else np.flatnonzero(s.trace.steps) + 1 for s in samples]
    shape = (len(samples), max((len(e) for e in ends), default=0) + 1)
    minima, left = np.full(shape, np.inf), np.full(shape, -1)
    for i, (sample, end) in enumerate(zip(samples, ends, strict=True)):
        tokens, watched = len(sample.trace.steps), sample.trace.confidence
        if sample.end is End.STOP:
            end = end[end < tokens]
        if len(end):
            minima[i, : len(end)] = np.minimum.accumulate(np.array(watched)[end - 1])
            left[i, : len(end)] = tokens - end
    return minima, left


def _minima(sample: Sample, window: int) -> Array:
    """Return the least confidence of the whole groups so far, [groups]; empty where there is no whole group."""
    if sample.end is End.FAILED or len(sample.trace.top) < window:
        return np.empty(0)
    least: Array = np.minimum.accumulate(group_confidence(sample.trace.top, window))
    return least


class ReplayedTraces:
    """Rows of recorded questions; implements :class:`~strategies.deepconf.TraceRows`."""

    def __init__(
        self, labels: Array, tokens: Array | None, recorded: Sequence[RecordedTraces], question: Array, index: Array
    ) -> None:
        """Take the draws.

        Args:
            labels: answer classes [draws, rows], -1 where unparsed.
            tokens: tokens of the whole samples, the same shape, or None.
            recorded: the questions.
            question: the index of each row's question among them, [rows].
            index: the position of each draw among the question's samples, [draws, rows].
        """
        self.labels, self.tokens = labels, tokens
        self._recorded, self._question, self._index = recorded, question, index
        self._measured: dict[tuple[str, int], Array] = {}
        self._spared: dict[tuple[bytes, int, int], Array] = {}

    def measure(self, score: str, window: int) -> Array:
        """Return the raw trace score of this name, [draws, rows]."""
        if (score, window) not in self._measured:
            self._measured[score, window] = self._by_draw([r.measure(score, window) for r in self._recorded])
        return self._measured[score, window]

    def pruned(self, bar: float) -> Array:
        """Return the tokens that pruning at the bar spares, [draws, rows], -1 where a draw is not pruned."""
        return self._by_draw([recorded.pruned(bar) for recorded in self._recorded])

    def added_mass(self, bar: float | None) -> Array:
        """Return the mass that each draw adds to its row, [draws, rows], NaN where it is not known.

        Args:
            bar: of pruning: a pruned draw adds none; None prunes none.
        """
        masses = self._by_draw([recorded.masses for recorded in self._recorded])
        if bar is not None:
            np.copyto(masses, 0.0, where=self.pruned(bar) >= 0)
        return first_seen(self._by_draw([recorded.texts for recorded in self._recorded]), masses)

    def _by_draw(self, values: Sequence[Array]) -> Array:
        """Return a value of each sample, [samples] a question, as [draws, rows]."""
        table = np.zeros((len(values), max(len(v) for v in values)), dtype=values[0].dtype)
        for row, mine in zip(table, values, strict=True):
            row[: len(mine)] = mine
        return table[self._question, self._index]

    def spared(self, bar: Array, first: int, window: int) -> Array:
        """Return the tokens spared, [draws - first, rows], -1 where a draw is not stopped; ``bar`` has shape [rows]."""
        key = (bar.tobytes(), first, window)
        if key not in self._spared:
            index = self._index[first:]
            bars = np.broadcast_to(bar, index.shape).ravel()
            width = max(len(r.samples) for r in self._recorded)
            cell = (self._question * width + index).ravel()
            order = np.argsort(cell, kind="stable")  # all rows that draw the same sample, together
            cells, starts = np.unique(cell[order], return_index=True)
            found = np.empty(len(cell), dtype=np.int64)
            for position, places in zip(cells.tolist(), np.split(order, starts[1:]), strict=True):
                q, sample = divmod(position, width)
                found[places] = self._recorded[q].spared(sample, bars[places], window)
            self._spared[key] = found.reshape(index.shape)
        return self._spared[key]
