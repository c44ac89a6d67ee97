"""A live run in an experiment tracker: its configuration when it starts to draw, its results when it is done.

A tracker that cannot start stops the command before the first sample. One that fails later is a warning: the pool holds
the run.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from evals.config import CompareConfig, RunConfig
from evals.live.grid import GridRun
from evals.live.hooks import Hooks, ProgressListener
from evals.live.outcome import RunOutcome
from evals.report.run import run_rows
from evals.report.run_table import RunRow
from evals.tracking.trackers import Tracker, open_tracker
from tts.errors import InputError, first_line


@dataclass(frozen=True)
class TrackedResult:
    """The result of one task by one model.

    Attributes:
        prefix: goes before the names of its metrics, such as "gsm8k/tiny/"; empty for a run of one task and model.
        outcome: what was played.
        rows: one a strategy.
    """

    prefix: str
    outcome: RunOutcome
    rows: Sequence[RunRow]


def grid_results(runs: Sequence[GridRun]) -> list[TrackedResult]:
    """Return the results of several tasks and models, without macro-averages."""
    return [
        TrackedResult(
            f"{run.task}/{run.model}/",
            run.outcome,
            run_rows(run.outcome.played, margin=run.config.margin, seed=run.config.engine.seed),
        )
        for run in runs
    ]


class Tracked:
    """The tracker of a live run, or none.

    Attributes:
        hooks: those of the run, which start the tracker before the first draw and measure each strategy.
    """

    def __init__(
        self,
        tracker: Tracker | None,
        name: str,
        configs: Sequence[RunConfig],
        hooks: Hooks,
        warn: Callable[[str], None],
    ) -> None:
        """Start nothing.

        Args:
            tracker: the tracker; None tracks nothing.
            name: of the tracker.
            configs: one a task and model.
            hooks: what the caller wants to see.
            warn: receives a sentence about a tracker that failed.
        """
        self._tracker, self._name, self._configs = tracker, name, configs
        self._notify, self._warn = hooks.notify, warn
        self._started = False
        self._seconds: list[tuple[str, float]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.hooks = hooks if tracker is None else replace(hooks, progress=lambda drawn: self._watched(hooks, drawn))

    def log(self, results: Sequence[TrackedResult]) -> None:
        """Write the metrics of a run that is done, and its report where the extra ``report`` is installed."""
        if not self._started or self._tracker is None:
            return
        tracker = self._tracker
        self._guarded(lambda: tracker.log(dict(metrics(results, self._seconds))))
        if find_spec("vl_convert") is not None:
            self._guarded(lambda: self._attach(tracker, [result.outcome for result in results]))

    def finish(self, done: bool) -> None:
        """End the run in the tracker."""
        if self._started and self._tracker is not None:
            tracker = self._tracker
            self._guarded(lambda: tracker.finish(done))
        if self._folder is not None:
            self._folder.cleanup()

    def _attach(self, tracker: Tracker, outcomes: Sequence[RunOutcome]) -> None:
        """Write the report into a folder that lasts until the tracker has ended, and hand it over."""
        if (html := _report(outcomes)) is None:
            return
        self._folder = tempfile.TemporaryDirectory()
        report = Path(self._folder.name) / f"report-{run_key(self._configs)}.html"
        report.write_text(html, encoding="utf-8", errors="backslashreplace")
        tracker.attach(report)

    @contextmanager
    def _watched(self, hooks: Hooks, drawn: Callable[[], int]) -> Iterator[ProgressListener]:
        self._start()
        with hooks.progress(drawn) as listener:
            yield cast(ProgressListener, Timed(listener, self._seconds))

    def _start(self) -> None:
        if self._started or self._tracker is None:
            return
        first, parameters = self._configs[0], [asdict(config) for config in self._configs]
        name = f"{Path(str(first.task.path or first.task.name)).name} {Path(first.engine.model).name}"
        shown = parameters[0] if len(parameters) == 1 else {f"run{i}": one for i, one in enumerate(parameters, 1)}
        try:
            with redirect_stdout(sys.stderr):
                place = self._tracker.start(run_key(self._configs), name, shown)
        except Exception as error:
            raise InputError(
                f"{self._name} cannot start a run: {first_line(error)}; nothing was drawn; leave track out to go on"
            ) from error
        self._started = True
        self._notify(f"{self._name}: {place}")

    def _guarded(self, call: Callable[[], None]) -> None:
        """Call a tracker; its failure is a warning."""
        try:
            with redirect_stdout(sys.stderr):
                call()
        except Exception as error:
            self._warn(f"warning: {self._name} failed: {first_line(error)}; the pool holds the run")


class Timed:
    """A listener that measures the seconds of each strategy; all else is that of the listener behind it."""

    def __init__(self, listener: ProgressListener, seconds: list[tuple[str, float]]) -> None:
        """Take the listener and the list that receives (strategy, seconds)."""
        self._listener, self._seconds = listener, seconds
        self._label, self._began = "", 0.0

    def start(self, label: str, *more: Any) -> None:
        """Start the clock of a strategy."""
        self._label, self._began = label, time.perf_counter()
        self._listener.start(label, *more)

    def finish(self) -> None:
        """Stop the clock."""
        self._seconds.append((self._label, time.perf_counter() - self._began))
        self._listener.finish()

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the listener behind it."""
        return getattr(self._listener, name)


@contextmanager
def tracking(
    name: str | None, configs: Sequence[RunConfig], hooks: Hooks, *, warn: Callable[[str], None] | None = None
) -> Iterator[Tracked]:
    """Track a run within the block; one that ends in an error is a failed one.

    Args:
        name: of the tracker; None tracks nothing.
        configs: one a task and model.
        hooks: what the caller wants to see.
        warn: receives a sentence about a tracker that failed; None takes the notices of ``hooks``.

    Raises:
        InputError: an unknown name.
        UnsupportedError: the tracker is not installed.
    """
    tracker = None if name is None else open_tracker(name)
    tracked = Tracked(tracker, name or "", configs, hooks, warn or hooks.notify)
    try:
        yield tracked
    except BaseException:
        tracked.finish(False)
        raise
    tracked.finish(True)


def run_key(configs: Sequence[RunConfig]) -> str:
    """Return the key of a run: that of the same configurations and the same pool, of one day where none is named."""
    out = configs[0].out
    place = str(Path(out or "runs").resolve()) + ("" if out else date.today().isoformat())
    content = json.dumps([[asdict(config) for config in configs], place], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def metrics(results: Sequence[TrackedResult], seconds: Sequence[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield the metrics of strategies by name, those that are known.

    Args:
        results: one a task and model, in the order played.
        seconds: (strategy, seconds) in the order played.
    """
    timed = iter(seconds)
    for result in results:
        took = dict(one for _, one in zip(result.rows, timed, strict=False))
        for row in result.rows:
            low, high = row.accuracy_ci or (None, None)
            values = {
                "accuracy": row.accuracy,
                "accuracy_low": low,
                "accuracy_high": high,
                "samples": row.samples,
                "tokens": row.tokens,
                "seconds": took.get(row.name),
            }
            for key, value in values.items():
                if value is not None:
                    yield re.sub(r"[^\w./ -]", "_", f"{result.prefix}{row.name}/{key}"), float(value)


def _report(outcomes: Sequence[RunOutcome]) -> str | None:
    """Return the page of ``tts report`` on the runs of a pool; None where they hold no samples."""
    from evals.report_page.document import run_report
    from evals.report_page.page_file import page
    from tts.pool import load_pool

    runs = dict.fromkeys((pool.path, pool.number) for outcome in outcomes for pool, _ in outcome.runs if pool.samples)
    if not runs:
        return None
    return page([run_report(load_pool(path, run=number), CompareConfig()) for path, number in runs]).html
