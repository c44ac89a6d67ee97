"""Beams from plain mappings, beside the votes of :mod:`strategies.spec`.

{name: guided, beams: {width: 4, until: step, pruner: {name: top_k, k: 2}}, stop: {name: confident, tau: 0.9}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from strategies.beam import PrunedBeams
from strategies.pruning import PRUNERS, Pruner
from strategies.spec import check_keys, stopping_rules, weighting, whole
from tts.components import build_component
from tts.errors import InputError
from tts.types import ENTROPY_ABOVE, STEP, TOKENS, Boundary

BOUNDARIES: Mapping[str, Callable[[Any], Boundary]] = {
    "tokens": lambda given: TOKENS(whole("tokens of until", given)),
    "entropy": ENTROPY_ABOVE,
}


def beams(spec: Mapping[str, Any], *, budget: int) -> PrunedBeams:
    """Build beams from ``{name, beams, weighting, stop, budget}``; all but ``beams`` may be left out.

    Args:
        spec: the mapping; ``beams`` has any of ``{width, start_width, until, pruner, max_checks, fork, length}``.
        budget: the most beams that end where the mapping names no number.

    Raises:
        InputError: an unknown key or name, or a value of the wrong type or outside its range.
    """
    check_keys(spec, ("name", "beams", "weighting", "stop", "budget"))
    given = spec["beams"]
    if not isinstance(given, Mapping):
        raise InputError(f"beams of a composed strategy must be a mapping {{{', '.join(_READ)}}}, got {given!r}")
    check_keys(given, tuple(_READ), "key of beams")
    return PrunedBeams(
        name=str(spec.get("name", "composed")),
        budget=whole("budget of a composed strategy", spec.get("budget", budget)),
        weighting=weighting(spec.get("weighting", "linear")),
        stop=stopping_rules(spec.get("stop", "never")),
        **{key: _READ[key](value) for key, value in given.items()},
    )


def boundary(spec: Any) -> Boundary:
    """Where beams pause, from ``step``, ``{tokens: 30}`` or ``{entropy: 2.0}`` (above so many nats)."""
    if spec == "step":
        return STEP
    if isinstance(spec, Mapping) and len(spec) == 1:
        ((kind, value),) = spec.items()
        if kind in BOUNDARIES and _is_number(value):
            try:
                return BOUNDARIES[kind](value)
            except ValueError as error:
                raise InputError(f"until of beams cannot be {dict(spec)}: {error}") from None
    others = ", ".join(f"{{{kind}: ...}}" for kind in BOUNDARIES)
    raise InputError(f"until of beams must be step, or one of {others}, got {spec!r}")


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Build a pruner, e.g. from ``{name: top_k, k: 2}``."""
    built: Pruner = build_component("pruner", PRUNERS, spec)
    return built


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise InputError(f"fork of beams must be true or false, got {given!r}")
    return given


def _start_width(given: Any) -> int | None:
    return None if given is None else whole("start_width of beams", given)


def _length(given: Any) -> float | None:
    if given is None:
        return None
    if not _is_number(given):
        raise InputError(f"length of beams must be a number of tokens or null, got {given!r}")
    return float(given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "width": lambda given: whole("width of beams", given),
    "start_width": _start_width,
    "until": boundary,
    "pruner": pruner,
    "max_checks": lambda given: whole("max_checks of beams", given),
    "fork": _flag,
    "length": _length,
}
