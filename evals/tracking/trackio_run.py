"""Runs in Trackio, on this machine or in a Space: a repeated command goes on in the run of the same name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trackio

from evals.tracking.trackers import PROJECT


class TrackioRun:
    """A run in Trackio; implements :class:`evals.tracking.trackers.Tracker`."""

    def __init__(self) -> None:
        """Start nothing."""
        self._project = os.environ.get("TRACKIO_PROJECT") or PROJECT
        self._run: Any = None

    def start(self, key: str, name: str, parameters: Mapping[str, Any]) -> str:
        """Start or resume the run whose name ends in the key; no dashboard is opened."""
        self._run = trackio.init(
            project=self._project,
            name=f"{name} {key}",
            config=dict(parameters),
            space_id=os.environ.get("TRACKIO_SPACE_ID") or None,
            resume="allow",
            embed=False,
        )
        return f"project {self._project}, run {self._run.name}"

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write metrics as one step."""
        self._run.log(dict(metrics))

    def attach(self, report: Path) -> None:
        """Keep the report among the files of the project."""
        trackio.save(report, project=self._project)

    def finish(self, done: bool) -> None:
        """End the run; Trackio knows no failed runs."""
        del done
        self._run.finish()


open_run = TrackioRun
