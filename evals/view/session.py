"""A view: its runs, and the thread that has their numbers computed, anew when a run has grown."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evals.view.known import Known
from evals.view.run_view import RunView
from evals.view.sources import Source
from tts.errors import TTSError

if TYPE_CHECKING:
    from evals.view.worker import Worker

LOOK_S = 2.0
"""Seconds between two looks for changes."""
WARM_UP_S = 1.0
"""Seconds for the first page before further modules are loaded."""
REST = 1.0
"""The time between two computations of a growing run, as a multiple of the time of the one before."""


class View:
    """Several runs, shown on one page.

    Attributes:
        runs: the runs.
    """

    def __init__(self, sources: Sequence[Source], settings: Sequence[str] = ()) -> None:
        """Take the runs and the settings.

        Args:
            sources: the questions of each run.
            settings: of ``tts compare``, as KEY=VALUE.
        """
        self._settings = tuple(settings)
        self.runs = [RunView(source, self._settings) for source in sources]
        self._folder: TemporaryDirectory[str] | None = None
        self._ended = threading.Event()
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._keep_up, daemon=True)

    def start(self) -> None:
        """Begin to compute numbers."""
        self._folder = TemporaryDirectory(prefix="tts-view-", ignore_cleanup_errors=True)
        for run in self.runs:
            run.doing = "waiting"
        self._thread.start()

    def end(self) -> None:
        """End the computing."""
        self._ended.set()
        if self._worker is not None:
            self._worker.stop()
        if self._thread.is_alive():
            self._thread.join(LOOK_S)
        if self._folder is not None:
            self._folder.cleanup()

    def _keep_up(self) -> None:
        done: dict[int, tuple[str, float]] = {}  # by run: the version, and when to look again
        while not self._ended.is_set():
            for at, run in enumerate(self.runs):
                before, due = done.get(at, ("", 0.0))
                if self._ended.is_set() or time.monotonic() < due:
                    continue
                with suppress(TTSError):  # a file that is away for a moment
                    contents = run.contents()
                    if contents.version != before and contents.samples:
                        began = time.monotonic()
                        self._compute(at, run, under_way=contents.under_way is not None)
                        rest = max(LOOK_S, REST * (time.monotonic() - began))
                        done[at] = contents.version, time.monotonic() + rest
                    elif not contents.samples:
                        run.doing = ""
            self._ended.wait(LOOK_S)

    def _warm_up(self) -> None:
        """Load what an opened question needs, once the first page has been asked for."""
        self._ended.wait(WARM_UP_S)
        import evals.view.opened  # noqa: F401

    def _compute(self, at: int, run: RunView, *, under_way: bool) -> None:
        """Compute the numbers of a run; those before stay until the new ones are complete."""
        from evals.view.jobs import Job
        from evals.view.worker import Worker

        assert self._folder is not None  # made by start()
        folder = Path(self._folder.name)
        file = folder / f"decisions-{at}-{run.stamp}.sqlite"
        job = Job(run.source.path, run.source.run, self._settings, str(file), under_way)
        known, first = Known(), not run.known.summary
        self._worker = Worker(job)
        if first:
            self._warm_up()
        try:
            for step in self._worker.steps():
                known = run.learned(known, step)
                if step.kept:
                    known = known.with_decisions(str(file))
                run.doing = step.doing
                if first or not step.doing:
                    run.known, run.stamp = known, run.stamp + 1
            run.failed = ""
        except TTSError as error:
            run.failed = "" if self._ended.is_set() else str(error)
            run.stamp += 1
        finally:
            run.doing = ""
            self._worker.end()
            for old in folder.glob(f"decisions-{at}-*"):
                if str(old) != run.known.decisions:
                    old.unlink(missing_ok=True)
