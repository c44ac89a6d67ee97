"""The provenance of recorded scores, which a calibration map holds for, and their reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import isclass

from evals.replay.rescore import SCORES
from tts.errors import InputError
from tts.pool import Pool, PoolStore
from tts.pool.files import pool_format
from tts.registry import SCORERS
from tts.scorers.calibration.calibration_file import OWN_DRAWS, RAW, Provenance, model_name, sampling_text
from tts.scorers.calibration.reference import Reference, mean_logprob
from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.scorers.trace_scores import WINDOW, scorer_name


def provenance_of(pool: Pool, score: str, *, window: int = WINDOW, source: str | None = None) -> Provenance:
    """Return the provenance of a score of a pool: the run's key of a SQLite pool, else the model that it names.

    Args:
        pool: a pool that was read from a file.
        score: the name that :func:`evals.replay.rescore.rescored` takes.
        window: tokens in a group, for the scores that look at groups.
        source: who wrote the texts; None takes the model that drew them where another one read them, else own draws.

    Raises:
        InputError: the samples are those of several models, prompts, sampling parameters or kinds of log-probabilities.
    """
    name = _computed_name(score, window) if score in SCORES else _recorded_name(pool, score)
    if not pool.runs:
        named = {entry.meta.get("model", "") for entry in pool.narrow().entries}
        if len(named) > 1:
            raise _several(pool, named)
        return Provenance(named.pop(), name, source=source or OWN_DRAWS)
    with PoolStore.read(pool.path) as store:
        keys = [run.key for run in store.runs() if run.id in pool.runs]
    reader = _key(pool, score)
    found = set()
    for key in keys:
        writer = reads = model_name(key.model, key.revision)
        if "model" in reader:
            reads = model_name(str(reader["model"]), str(reader.get("revision", "")))
        found.add(
            Provenance(
                reads,
                name,
                key.prompt_template,
                str(key.sampling.get("logprob_mode", RAW)),
                sampling_text(key.sampling),
                source or (OWN_DRAWS if reads == writer else writer),
            )
        )
    if len({one.model for one in found}) > 1 or len({one.source for one in found}) > 1:
        raise _several(pool, {model_name(key.model, key.revision) for key in keys})
    if len({one.sampling for one in found}) > 1:
        given = " and ".join(sorted(repr(one.sampling) for one in found))
        raise InputError(
            f"{pool.path}: a calibration map holds for one sampling and the runs have {given}: name one run"
        )
    if len(found) > 1:
        raise InputError(f"{pool.path}: a calibration map holds for one prompt and the runs have several: name one run")
    return found.pop()


def reference_of(pool: Pool) -> Reference:
    """Return the scores and log-probabilities of the first scored sample of each question."""
    firsts = []
    for entry in pool.entries:
        firsts += [sample for sample in entry.answered if sample.confidence is not None][:1]
    logprobs = [mean_logprob([sample]) for sample in firsts]
    return Reference.of(
        [sample.confidence for sample in firsts if sample.confidence is not None],
        [value for value in logprobs if value is not None],
    )


def is_calibrated(pool: Pool, label: str) -> bool:
    """Return whether recorded scores went through a calibration map when they were made."""
    return "calibration" in _key(pool, label)


def _computed_name(score: str, window: int) -> str:
    """Return the scorer that gives a computed score live."""
    compares = CONSISTENCY_SCORES.get(score)
    return compares.scorer if compares is not None and compares.scorer else scorer_name(score, window)


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
