"""Calibration files: a fitted map with the circumstances it holds in, as JSON.

A map fitted on one model, scorer, prompt or kind of log-probability says nothing about another, so loading names what
is at hand and refuses a file that was fitted on anything else.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any

from tts.errors import InputError
from tts.pool.atomic import atomic_path
from tts.pool.files import read_bytes
from tts.scorers.maps import CalibrationMap

RAW = "raw"
"""The log-probability mode of this framework's signals: temperature 1, before any truncation, in nats."""
FORMAT = "tts-calibration-1"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a calibration was fitted on.

    Attributes:
        model: the model's name, with "@revision" where it has one.
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
    data = {"format": FORMAT, "provenance": dataclasses.asdict(provenance), "map": calibration.to_dict()}
    with atomic_path(path) as temp:
        temp.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_calibration(path: str | os.PathLike[str], provenance: Provenance) -> CalibrationMap:
    """Read a calibration file for use under ``provenance``.

    Raises:
        InputError: no such file, no calibration, or one that was fitted on something else; the sentence names the field
            and both values.
    """
    data = _read(path)
    fitted, broken = data.get("provenance"), f"{path}: is no calibration file: fit one with `tts calibrate`"
    if data.get("format") != FORMAT or not isinstance(fitted, dict) or not isinstance(data.get("map"), dict):
        raise InputError(broken)
    for field in dataclasses.fields(Provenance):
        theirs, ours = fitted.get(field.name), getattr(provenance, field.name)
        if not isinstance(theirs, str):
            raise InputError(broken)
        if theirs != ours:
            raise InputError(
                f"{path}: fitted for {field.name} {theirs!r} and used for {ours!r}: fit a calibration for the latter"
            )
    try:
        return CalibrationMap.from_dict(data["map"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        data = json.loads(read_bytes(path))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is no JSON: fit a calibration with `tts calibrate`") from None
    return data if isinstance(data, dict) else {}
