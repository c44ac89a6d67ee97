"""The seam to experiment trackers, and their names.

A tracker is imported when it is opened. Each one reads its own environment variables, such as ``WANDB_MODE`` and
``MLFLOW_TRACKING_URI``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from tts.errors import UnsupportedError, first_line, unknown_name

PROJECT = "tts"
"""The project or experiment of runs where the environment names none."""
TRACKERS = ("mlflow", "trackio", "wandb")
"""Names of trackers, each that of its package."""


class Tracker(Protocol):
    """A run in an experiment tracker."""

    def start(self, key: str, name: str, parameters: Mapping[str, Any]) -> str:
        """Start the run, or go on in the run that has this key, and return where it is.

        Args:
            key: 16 hexadecimal digits, the same for a repeated command.
            name: the name to show.
            parameters: the configuration, nested mappings of plain values.
        """
        ...

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write metrics by name."""
        ...

    def attach(self, report: Path) -> None:
        """Keep a file with the run."""
        ...

    def finish(self, done: bool) -> None:
        """End the run, as done or as failed, and wait until everything is written."""
        ...


def check_tracker(name: str) -> None:
    """Refuse a name that is no tracker, and one whose package is not installed.

    Raises:
        InputError: an unknown name.
        UnsupportedError: the package is not installed.
    """
    if name not in TRACKERS:
        raise unknown_name("tracker", name, TRACKERS)
    spec = find_spec(name)
    if spec is None or spec.origin is None:  # a folder of this name, such as that of wandb's runs, is no package
        raise UnsupportedError(f"track={name} needs the package {name}, which is not installed: pip install {name}")


def open_tracker(name: str) -> Tracker:
    """Return a tracker whose run has not started.

    Raises:
        InputError: an unknown name.
        UnsupportedError: the package is not installed.
    """
    check_tracker(name)
    try:
        make: Callable[[], Tracker] = import_module(f"evals.tracking.{name}_run").open_run
    except ImportError as error:
        raise UnsupportedError(
            f"track={name}: the package {name} cannot be imported ({first_line(error)}): pip install --upgrade {name}"
        ) from error
    return make()
