"""The strategies that a configuration names, checked against what their source of samples offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from evals.replay.rescore import is_probability
from strategies.catalog import Method, method
from strategies.spec import compose, weighting
from strategies.weighting import WEIGHTINGS
from tts.components import describe_type, fits
from tts.errors import InputError, unknown_name
from tts.registry import STRATEGIES
from tts.requirements import Available, Missing, Requirements, missing
from tts.scorers.trace_scores import WINDOW

ALL = "all"
Check = Callable[[Method], Missing | None]


def methods(
    entries: Iterable[Any],
    available: Available,
    *,
    window: int = WINDOW,
    check: Check = lambda row: None,
    notify: Callable[[str], None] = lambda _: None,
) -> tuple[list[Method], dict[str, str]]:
    """Return the strategies that a configuration names, and those of "all" that the source cannot serve.

    Args:
        entries: names, "all", or mappings of composed strategies.
        available: the pool or the live engine that serves them.
        window: tokens in a group, for strategies that read groups.
        check: a further reason that keeps a strategy out, or None.
        notify: receives a sentence about signals that a strategy does without.

    Returns:
        (methods, skipped): ``skipped`` maps strategies of "all" to the reason.

    Raises:
        InputError: an unknown or doubled name, or a strategy asked for by name that the source cannot serve.
    """

    def obstacle(row: Method) -> Missing | None:
        return check(row) or missing(row.requires, available)

    chosen: dict[str, Method] = {}
    named: set[str] = set()
    skipped: dict[str, str] = {}
    for entry in entries:
        if entry == ALL:
            for row in map(method, STRATEGIES.names()):
                if lack := obstacle(row) or missing(Requirements(signals=row.requires.preferred), available):
                    skipped[row.name] = str(lack)
                else:
                    chosen.setdefault(row.name, row)
            continue
        row = described(entry)
        if row.name in named:
            raise InputError(f"two strategies are called {row.name}: name each one once")
        if lack := obstacle(row):
            raise InputError(f"strategy {row.name} {lack}")
        if lack := missing(Requirements(signals=row.requires.preferred), available):
            notify(does_without(row.name, lack))
        named.add(row.name)
        chosen[row.name] = row
    if not chosen:
        raise InputError("no strategy was named: give names of the catalogue (see `tts strategies`) or all")
    return [_with_window(row, window) if row.requires.signals.top else row for row in chosen.values()], skipped


def does_without(name: str, lack: Missing) -> str:
    """Return one sentence about a strategy that plays without signals that it prefers.

    Args:
        name: the strategy.
        lack: the reason that its source has none, and the remedy.
    """
    return f"strategy {name} votes without masses, since it {lack}"


def playable(
    entries: Iterable[Any], available: Available, *, fit: Available | None = None, window: int = WINDOW
) -> tuple[list[Method], dict[str, str]]:
    """Return the strategies that a live run can play, as :func:`methods` does.

    Args:
        entries: names, "all", or mappings of composed strategies.
        available: the live engine with its scorer.
        fit: the pool that parameters are fitted on, or None.
        window: tokens in a group, for strategies that read groups.

    Raises:
        InputError: as :func:`methods`.
    """

    def check(row: Method) -> Missing | None:
        if row.scores != "recorded":
            return Missing("is a control for recorded pools", "`tts compare` the pool that this run writes")
        if row.learn is not None and fit is None:
            return Missing("learns from other questions", "give fit=POOL")
        return None if fit is None or not row.objective else _unfitted(row, fit)

    return methods(entries, available, window=window, check=check)


def _unfitted(row: Method, fit: Available) -> Missing | None:
    """Check the signals of the pool that parameters are fitted on; its confidences are computed later."""
    return missing(Requirements(watched=row.requires.watched, signals=row.requires.signals), fit)


def _with_window(row: Method, window: int) -> Method:
    return replace(row, params={**row.params, "window": window})


def check_scale(score: str, calibrate: str | None, chosen: Iterable[Method]) -> None:
    """Refuse strategies that need probabilities where the score is none and nothing makes it one.

    Raises:
        InputError: naming the score.
    """
    if calibrate is None and not is_probability(score) and any(row.requires.confidence for row in chosen):
        raise InputError(
            f"score {score} is no probability: map it with --calibrate platt or isotonic, "
            "or choose strategies that only count"
        )


def described(entry: Any) -> Method:
    """Return the row of an entry: a name, a name with parameters, or a composed strategy.

    The key ``label`` gives it another name in tables and plots.

    Raises:
        InputError: an unknown name or parameter, a bad component, or a name or label that cannot be shown.
    """
    if not isinstance(entry, Mapping):
        return method(str(entry))
    name, label = entry.get("name"), entry.get("label")
    plain = {key: value for key, value in entry.items() if key != "label"}
    row = parametrised(plain) if name != ALL and STRATEGIES.known(name) else composed(plain)
    return row if label is None else replace(row, name=_shown_name(label, "label"))


def parametrised(entry: Mapping[str, Any]) -> Method:
    """Return a row of the catalogue with the parameters of a mapping, such as {name: esc, window: 8}.

    Raises:
        InputError: an unknown parameter, or a value of another type or out of range.
    """
    row = method(str(entry["name"]))
    given = {key: value for key, value in entry.items() if key != "name"}
    if not given:
        return row
    name = f"{row.name}({', '.join(f'{key}={_short(value)}' for key, value in given.items())})"
    known = {"budget": 1, **{name: values[0] for name, values in row.sweep.items()}, **row.example}
    for key, value in given.items():
        if key not in known:
            raise unknown_name(f"parameter of strategy {row.name}", key, known)
        if isinstance(known[key], tuple(WEIGHTINGS.values())):
            given[key] = weighting(value)
        elif not fits(value, type(known[key])):
            wanted = describe_type(type(known[key]))
            raise InputError(f"parameter {key} of strategy {row.name} must be {wanted}, got {value!r}")
    if given.get("budget", 1) < 1:
        raise InputError(f"parameter budget of strategy {row.name} must be at least 1, got {given['budget']}")
    found = row.having(given, name=name)
    _ = found.requires  # builds it: values out of range are refused before any work is done
    return found


def _short(value: Any) -> str:
    """Return a parameter as a name shows it: a component by its own name."""
    return str(value.get("name", value) if isinstance(value, Mapping) else value)


def composed(entry: Mapping[str, Any]) -> Method:
    """A composed strategy as a row beside the catalogue's; its parameters are the mapping's own.

    Raises:
        InputError: a bad component, or a name that is no text or "all".
    """
    built = compose(entry, budget=1)  # refuses a bad one before any work is done
    name = entry.get("name", built.name)
    return Method(
        name=_shown_name(name, "name"),
        source="composed",
        summary="Composed in a configuration.",
        recipe=lambda name, budget, params: compose(
            {**entry, "name": name, "budget": min(budget, entry.get("budget", budget))}, budget=budget
        ),
        params={key: tuple(v) if isinstance(v, list) else v for key, v in entry.items() if key != "name"},
    )


def _shown_name(name: Any, key: str) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise InputError(f"{key} of a strategy must be one line of text, got {name!r}")
    if name == ALL:
        raise InputError("a strategy cannot be called all, which means every strategy: rename it")
    return name
