"""Runs in Weights & Biases: a repeated command goes on in the run of the same id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from evals.tracking.trackers import PROJECT


class WandbRun:
    """A run in Weights & Biases; implements :class:`evals.tracking.trackers.Tracker`."""

    def __init__(self) -> None:
        """Start nothing."""
        self._run: Any = None

    def start(self, key: str, name: str, parameters: Mapping[str, Any]) -> str:
        """Start or resume the run whose id is the key; the output of the command is not captured."""
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            id=key,
            name=name,
            config=dict(parameters),
            resume=None if os.environ.get("WANDB_MODE") == "offline" else "allow",
            settings=wandb.Settings(console="off"),
        )
        return str(self._run.dir if self._run.offline else self._run.url)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write metrics as one step."""
        self._run.log(dict(metrics))

    def attach(self, report: Path) -> None:
        """Keep the report as an artifact."""
        artifact = wandb.Artifact(f"report-{self._run.id}", type="report")
        artifact.add_file(str(report))
        self._run.log_artifact(artifact)

    def finish(self, done: bool) -> None:
        """End the run with its exit code."""
        self._run.finish(exit_code=0 if done else 1)


open_run = WandbRun
