"""The provenance of recorded scores: what a calibration map that is fitted on them, or applied to them, holds for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import isclass

from evals.replay.rescore import SCORES
from tts.errors import InputError
from tts.pool import Pool, PoolStore
from tts.pool.files import pool_format
from tts.registry import SCORERS
from tts.scorers.calibration.calibration_file import RAW, Provenance
from tts.scorers.trace_scores import WINDOW, scorer_name


def provenance_of(pool: Pool, score: str, *, window: int = WINDOW) -> Provenance:
    """Return the provenance of a score of a pool: the run's key of a SQLite pool, else the model that it names.

    Args:
        pool: a pool that was read from a file.
        score: the name that :func:`evals.replay.rescore.rescored` takes.
        window: tokens in a group, for the scores that look at groups.

    Raises:
        InputError: the samples are those of several models, prompts or kinds of log-probabilities.
    """
    name = scorer_name(score, window) if score in SCORES else _recorded_name(pool, score)
    if not pool.runs:
        named = {entry.meta.get("model", "") for entry in pool.narrow().entries}
        if len(named) > 1:
            raise _several(pool, named)
        return Provenance(named.pop(), name)
    with PoolStore.read(pool.path) as store:
        keys = [run.key for run in store.runs() if run.id in pool.runs]
    found = {
        Provenance(
            f"{key.model}@{key.revision}" if key.revision else key.model,
            name,
            key.prompt_template,
            str(key.sampling.get("logprob_mode", RAW)),
        )
        for key in keys
    }
    if len({one.model for one in found}) > 1:
        raise _several(pool, {one.model for one in found})
    if len(found) > 1:
        raise InputError(f"{pool.path}: a calibration map holds for one prompt and the runs have several: name one run")
    return found.pop()


def is_calibrated(pool: Pool, label: str) -> bool:
    """Return whether recorded scores went through a calibration map when they were made."""
    return "calibration" in _key(pool, label)


def _recorded_name(pool: Pool, label: str) -> str:
    """Return the scorer that recorded scores stand for in a calibration file.

    A live run maps the raw score of a scorer that has one. Pools hold its probabilities, which are under another name,
    unless ``tts score`` kept the raw ones.
    """
    key = _key(pool, label)
    name = key.get("name")
    if name is not None and name in SCORERS.names():
        built = SCORERS.get(str(name))
        if key.get("raw") or (isclass(built) and not hasattr(built, "raw")):
            return re.sub(r"-\d+$", "", label)  # the second key of one name has the label NAME-2
    return f"{label} (as recorded)"


def _key(pool: Pool, label: str) -> Mapping[str, object]:
    """Return the key of a scorer; empty where the file names none."""
    if not pool.runs or pool_format(pool.path) != "sqlite":
        return {}
    with PoolStore.read(pool.path) as store:
        return store.scorers().get(label, {})


def _several(pool: Pool, models: set[str]) -> InputError:
    named = ", ".join(sorted(map(repr, models)))
    return InputError(
        f"{pool.path}: a calibration map holds for one model and the pool names {named}: split it by model"
    )
