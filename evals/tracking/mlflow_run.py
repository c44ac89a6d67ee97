"""Runs in MLflow: a repeated command goes on in the run with the same key, which is a tag."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import RunStatus

from evals.tracking.trackers import PROJECT

KEY = "tts.key"
LONGEST = 500
"""The most characters of a parameter, which every store takes."""


class MlflowRun:
    """A run in MLflow, apart from the process's active run; implements :class:`evals.tracking.trackers.Tracker`."""

    def __init__(self) -> None:
        """Start nothing."""
        self._client: Any = None
        self._id = ""

    def start(self, key: str, name: str, parameters: Mapping[str, Any]) -> str:
        """Start the run in the store that the environment names, or go on in the one with the key as tag."""
        self._client = client = MlflowClient()
        experiment = self._experiment()
        found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
        run = found[0] if found else client.create_run(experiment, run_name=name, tags={KEY: key})
        self._id = run.info.run_id
        client.update_run(self._id, status=RunStatus.to_string(RunStatus.RUNNING))
        for parameter, value in flat(parameters):
            if parameter not in run.data.params:
                client.log_param(self._id, parameter, str(value)[:LONGEST])
        return f"experiment {experiment}, run {self._id}"

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write metrics."""
        for name, value in metrics.items():
            self._client.log_metric(self._id, name, value)

    def attach(self, report: Path) -> None:
        """Keep the report as an artifact."""
        self._client.log_artifact(self._id, str(report))

    def finish(self, done: bool) -> None:
        """End the run with its status."""
        self._client.set_terminated(self._id, RunStatus.to_string(RunStatus.FINISHED if done else RunStatus.FAILED))

    def _experiment(self) -> str:
        if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return given
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
        known = self._client.get_experiment_by_name(name)
        return str(self._client.create_experiment(name) if known is None else known.experiment_id)


def flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield parameters of nested mappings by dotted names."""
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


open_run = MlflowRun
