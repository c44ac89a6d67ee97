"""Calibration files: a fitted map, or fitted weights, with the circumstances they hold in, as JSON.

What was fitted on one model, scorer, prompt or kind of log-probability says nothing about another, so loading names
what is at hand and refuses a file that was fitted on anything else.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts.errors import InputError
from tts.files import atomic_path, read_bytes
from tts.scorers.calibration.maps import CalibrationMap

RAW = "raw"
"""The log-probability mode of this framework's signals: temperature 1, before any truncation, in nats."""
FORMAT = "tts-calibration-1"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The model, scorer, prompt and log-probability mode that a calibration was fitted on.

    Attributes:
        model: the model's name, with "@revision" if it has one.
        scorer: the scorer's name, such as "mean_logprob" or "deepconf_tail(window=32)".
        prompt_template: the template's text, or the name that stands for it.
        logprob_mode: how log-probabilities were taken; ``RAW`` at temperature 1.
    """

    model: str
    scorer: str
    prompt_template: str = ""
    logprob_mode: str = RAW


def save_calibration(path: str | os.PathLike[str], calibration: CalibrationMap, provenance: Provenance) -> None:
    """Write a calibration file, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    save_fitted(path, FORMAT, "map", calibration.to_dict(), provenance)


def load_calibration(path: str | os.PathLike[str], provenance: Provenance) -> CalibrationMap:
    """Read a calibration file for use under ``provenance``.

    Raises:
        InputError: no such file, no calibration, or a calibration with another provenance; the sentence names the field
            and both values.
    """
    data = load_fitted(path, FORMAT, "map", provenance)
    try:
        return CalibrationMap.from_dict(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def save_fitted(
    path: str | os.PathLike[str], form: str, key: str, fitted: Mapping[str, Any], provenance: Provenance
) -> None:
    """Write fitted parameters with their provenance, as JSON, whole or not at all.

    Args:
        path: the file.
        form: the name of the format.
        key: the key of the parameters in the file.
        fitted: the parameters, as JSON values.
        provenance: the model, scorer and prompt that they were fitted on.

    Raises:
        InputError: it cannot be written.
    """
    data = {"command": "tts calibrate", "format": form, "provenance": dataclasses.asdict(provenance), key: fitted}
    with atomic_path(path) as temp:
        temp.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_fitted(
    path: str | os.PathLike[str],
    form: str,
    key: str,
    provenance: Provenance,
    *,
    wanted: str = "calibration file",
    by: str = "",
) -> dict[str, Any]:
    """Return the parameters that :func:`save_fitted` wrote, for use under ``provenance``.

    Args:
        path: the file.
        form: the name of the format it must have.
        key: the key of the parameters in the file.
        provenance: the model, scorer and prompt in use.
        wanted: the kind of file, for error messages.
        by: options of ``tts calibrate`` that write such a file.

    Raises:
        InputError: no such file, another format, or another provenance; the sentence names the field and both values.
    """
    data = _read(path, by)
    fitted, broken = data.get("provenance"), f"{path}: is no {wanted}: fit one with `tts calibrate{by}`"
    found = data.get(key)
    if data.get("format") != form or not isinstance(fitted, dict) or not isinstance(found, dict):
        raise InputError(broken)
    for field in dataclasses.fields(Provenance):
        theirs, ours = fitted.get(field.name), getattr(provenance, field.name)
        if not isinstance(theirs, str):
            raise InputError(broken)
        if theirs != ours:
            raise InputError(
                f"{path}: fitted for {field.name} {theirs!r} and used for {ours!r}: fit a calibration for the latter"
            )
    return found


def _read(path: str | os.PathLike[str], by: str) -> dict[str, Any]:
    try:
        data = json.loads(read_bytes(path))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is no JSON: fit a calibration with `tts calibrate{by}`") from None
    return data if isinstance(data, dict) else {}
