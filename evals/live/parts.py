"""The parts of a live run: the strategies that one model draws for and one scorer judges.

A strategy of a configuration may name its own scorer and its own model, as {name: cges, scorer: finece, model: finece}.
The part of the run's own scorer comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.config import RunConfig, component
from evals.live.plan import Plan
from evals.methods import ALL, described
from tts.errors import InputError
from tts.pool import PoolStore
from tts.pool.files import pool_format

OWN_KEYS = ("scorer", "model")
"""The keys of a strategy that put it into a part of its own."""


def split(config: RunConfig) -> list[RunConfig]:
    """Return one configuration for each model and scorer that the strategies name, in the order they are named.

    A part with another model keeps the fit pool if that pool holds samples of the model.

    Raises:
        InputError: a scorer or a model of the wrong type.
    """
    entries: dict[str, list[Any]] = {}
    parts: dict[str, RunConfig] = {}
    for entry in config.strategies:
        part, plain = _part_of(config, entry)
        key = repr((part.scorer, part.engine))
        parts.setdefault(key, part)
        entries.setdefault(key, []).append(plain)
    first = repr((config.scorer, config.engine))
    keys = sorted(parts, key=lambda key: (key != first, parts[key].engine.model != config.engine.model))
    return [replace(parts[key], strategies=entries[key]) for key in keys] or [config]


def plays(config: RunConfig, name: str) -> bool:
    """Return whether a configuration names a strategy, or all of them.

    Args:
        config: of a run.
        name: as tables show it.

    Raises:
        InputError: a strategy that cannot be built.
    """
    entries = [entry for part in split(config) for entry in part.strategies]
    return any(entry == ALL or described(entry).name == name for entry in entries)


def _part_of(config: RunConfig, entry: Any) -> tuple[RunConfig, Any]:
    """Return the configuration that plays an entry, and the entry without the keys that say so."""
    if not isinstance(entry, Mapping) or not any(key in entry for key in OWN_KEYS):
        return config, entry
    plain = {key: value for key, value in entry.items() if key not in OWN_KEYS}
    name = entry.get("name", "without a name")
    scorer, model = entry.get("scorer", config.scorer), entry.get("model", config.engine.model)
    if isinstance(scorer, str):
        scorer = component(scorer)
    if scorer is not None and not isinstance(scorer, Mapping):
        raise InputError(f"scorer of strategy {name} must be a name or a mapping {{name, ...}}, got {scorer!r}")
    if not isinstance(model, str):
        raise InputError(f"model of strategy {name} must be a text, got {model!r}")
    engine = replace(config.engine, model=model)
    fit, fit_run = config.fit, config.fit_run
    if model != config.engine.model and fit is not None:
        fit_run = _run_of(fit, engine.identity[0])
        fit = None if fit_run is None else fit
    mapped = config.calibrate is not None and fit is not None and scorer is not None and "calibration" not in scorer
    part = replace(
        config,
        engine=engine,
        scorer=None if scorer is None else dict(scorer),
        fit=fit,
        fit_run=fit_run,
        calibrate=config.calibrate if mapped else None,
    )
    return part, plain["name"] if [*plain] == ["name"] else plain


def _run_of(path: str, model: str) -> int | None:
    """Return the number of the only run of a SQLite pool that this model drew, or None."""
    if pool_format(path) != "sqlite":
        return None
    with PoolStore.read(path) as store:
        runs = [run.id for run in store.runs() if run.key.model == model and run.key.draws != "tree"]
    return runs[0] if len(runs) == 1 else None


def name_apart(configs: Sequence[RunConfig], plans: Sequence[Plan]) -> list[Plan]:
    """Return the plans with the scorer and the model added to the names that several of them play.

    Args:
        configs: the configurations of the parts, the run's own first.
        plans: one a part.

    Raises:
        InputError: two strategies still have the same name.
    """
    names = Counter(planned.method.name for plan in plans for planned in plan.strategies)
    found = []
    for config, plan in zip(configs, plans, strict=True):
        own = [f"scorer={_shown(config.scorer)}"] if config.scorer != configs[0].scorer else []
        own += [f"model={config.engine.model}"] if config.engine.model != configs[0].engine.model else []
        strategies = tuple(
            planned.renamed(f"{planned.method.name}({', '.join(own)})", config.budget)
            if own and names[planned.method.name] > 1
            else planned
            for planned in plan.strategies
        )
        found.append(replace(plan, strategies=strategies))
    after = Counter(planned.method.name for plan in found for planned in plan.strategies)
    if doubled := [name for name, count in after.items() if count > 1]:
        raise InputError(f"two strategies are called {doubled[0]}: give one of them a label")
    return found


def _shown(scorer: Mapping[str, Any] | None) -> str:
    if scorer is None:
        return "none"
    options = [f"{key}={value}" for key, value in scorer.items() if key != "name"]
    return " ".join([str(scorer.get("name")), *options])
