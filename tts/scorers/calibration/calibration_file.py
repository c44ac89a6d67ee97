"""Calibration files: a fitted map, or fitted weights, with the circumstances they hold in, as JSON.

A map that was fitted on one model, scorer, prompt, sampling, source of texts or kind of log-probability says nothing
about another, so loading names the one at hand and refuses a file that was fitted on anything else.
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
from tts.scorers.calibration.reference import Reference

RAW = "raw"
"""The log-probability mode of this framework's signals: temperature 1, before any truncation, in nats."""
FORMAT = "tts-calibration-2"
OWN_DRAWS = "own draws"
"""The source of texts that the model itself drew, under the sampling of the provenance."""
READ = "read"
"""The way of judging that reads a text in one pass."""
BARE = "bare"
"""The source of answers without a text."""
SAMPLING_KEYS = ("temperature", "top_p", "top_k")
"""The sampling parameters that decide how probable a text is; a limit of tokens and a seed do not."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The circumstances that a calibration was fitted in: another value of any of them, and it does not hold.

    Attributes:
        model: the model's name, with "@revision" if it has one.
        scorer: the scorer's name, such as "mean_logprob" or "deepconf_tail(window=32)".
        prompt_template: the template's text, or the name that stands for it.
        logprob_mode: how log-probabilities were taken; ``RAW`` at temperature 1.
        sampling: the parameters that the texts were drawn with, as :func:`sampling_text` writes them; empty where they
            are not known.
        source: who wrote the texts: ``OWN_DRAWS``, ``BARE`` for answers without a text, or the name of a writer.
    """

    model: str
    scorer: str
    prompt_template: str = ""
    logprob_mode: str = RAW
    sampling: str = ""
    source: str = OWN_DRAWS


def sampling_text(parameters: Mapping[str, object]) -> str:
    """Return sampling parameters in one form, such as "temperature=0.8 top_p=1.0 top_k=0".

    Args:
        parameters: those of a run's key, or the fields of :class:`~tts.engines.sampling.Sampling`; others than
            :data:`SAMPLING_KEYS` do not matter.

    Returns:
        The text; empty where none of them is known.
    """
    given = ((key, parameters.get(key)) for key in SAMPLING_KEYS)
    found = [(key, value) for key, value in given if isinstance(value, int | float)]
    return " ".join(f"{key}={value if key == 'top_k' else float(value)}" for key, value in found)


def model_name(model: str, revision: str) -> str:
    """Return the name of a model in a provenance: with "@revision" if it has one."""
    return f"{model}@{revision}" if revision else model


def save_calibration(
    path: str | os.PathLike[str],
    calibration: CalibrationMap,
    provenance: Provenance,
    reference: Reference | None = None,
    *,
    how: str = READ,
) -> None:
    """Write a calibration file, whole or not at all.

    Args:
        path: the file.
        calibration: the map.
        provenance: the circumstances that it was fitted in.
        reference: the scores and log-probabilities of the texts; None where they are not kept.
        how: the way of judging that gives the scores: ``READ``, "draw(N)" or "solve(STRATEGY, BUDGET)".

    Raises:
        InputError: it cannot be written.
    """
    save_fitted(path, FORMAT, "map", calibration.to_dict(), provenance, reference, how=how)


def load_calibration(path: str | os.PathLike[str], provenance: Provenance, how: str = READ) -> CalibrationMap:
    """Read a calibration file for use under ``provenance``, on scores of a way of judging.

    Raises:
        InputError: no such file, no calibration, or a calibration with another provenance or way of judging; the
            sentence names the field and both values.
    """
    data = load_fitted(path, FORMAT, "map", provenance, how=how)
    try:
        return CalibrationMap.from_dict(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def load_reference(
    path: str | os.PathLike[str],
    provenance: Provenance,
    how: str = READ,
    *,
    form: str = FORMAT,
    key: str = "map",
    wanted: str = "calibration file",
    by: str = "",
) -> Reference | None:
    """Read the reference of a file of :func:`save_fitted` for use under ``provenance``; None where it has none.

    Args:
        path: the file.
        provenance: the circumstances in use.
        how: the way of judging in use.
        form: as for :func:`load_fitted`, like the rest.
        key: of the parameters.
        wanted: the kind of file.
        by: options of ``tts calibrate``.

    Raises:
        InputError: as :func:`load_fitted`, or a broken reference.
    """
    load_fitted(path, form, key, provenance, how=how, wanted=wanted, by=by)
    found = _read(path, by).get("reference")
    if found is None:
        return None
    try:
        return Reference.from_dict(found if isinstance(found, dict) else {})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def save_fitted(
    path: str | os.PathLike[str],
    form: str,
    key: str,
    fitted: Mapping[str, Any],
    provenance: Provenance,
    reference: Reference | None = None,
    *,
    how: str = READ,
) -> None:
    """Write fitted parameters with their provenance, as JSON, whole or not at all.

    Args:
        path: the file.
        form: the name of the format.
        key: the key of the parameters in the file.
        fitted: the parameters, as JSON values.
        provenance: the circumstances that they were fitted in.
        reference: of the texts; None where it is not kept.
        how: the way of judging that they hold for.

    Raises:
        InputError: it cannot be written.
    """
    circumstances = dataclasses.asdict(provenance)
    data: dict[str, Any] = {
        "command": "tts calibrate",
        "format": form,
        "how": how,
        "provenance": circumstances,
        key: fitted,
    }
    if reference is not None:
        data["reference"] = reference.to_dict()
    with atomic_path(path) as temp:
        temp.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_fitted(
    path: str | os.PathLike[str],
    form: str,
    key: str,
    provenance: Provenance,
    *,
    how: str = READ,
    wanted: str = "calibration file",
    by: str = "",
) -> dict[str, Any]:
    """Return the parameters that :func:`save_fitted` wrote, for use under ``provenance``.

    Args:
        path: the file.
        form: the name of the format it must have.
        key: the key of the parameters in the file.
        provenance: the circumstances in use.
        how: the way of judging in use.
        wanted: the kind of file, for error messages.
        by: options of ``tts calibrate`` that write such a file.

    Raises:
        InputError: no such file, another format, provenance or way of judging; the sentence names the field and
            both values.
    """
    data = _read(path, by)
    fitted, broken = data.get("provenance"), f"{path}: is no {wanted}: fit one with `tts calibrate{by}`"
    found = data.get(key)
    given = data.get("format")
    if given != form and isinstance(given, str) and given.rpartition("-")[0] == form.rpartition("-")[0]:
        raise InputError(f"{path}: is a {given} and must be a {form}: fit it anew with `tts calibrate{by}`")
    if given != form or not isinstance(fitted, dict) or not isinstance(found, dict):
        raise InputError(broken)
    theirs = {field.name: fitted.get(field.name) for field in dataclasses.fields(Provenance)} | {"how": data.get("how")}
    for name, value in {**dataclasses.asdict(provenance), "how": how}.items():
        if not isinstance(theirs[name], str):
            raise InputError(broken)
        if theirs[name] != value:
            raise InputError(
                f"{path}: fitted for {name} {theirs[name]!r} and used for {value!r}: fit a {wanted} for the latter"
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
