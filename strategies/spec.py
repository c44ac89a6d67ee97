"""Composed strategies from plain mappings: a configuration names the parts and this module builds them.

    compose({"name": "mine", "weighting": "linear", "stop": {"name": "beta", "level": 0.9}}, budget=16)
    compose({"name": "guided", "beams": {"width": 4, "until": "step", "pruner": {"name": "top_k", "k": 2}}}, budget=8)

A part is a name (``beta``) or a mapping with its options (``{name: beta, level: 0.9}``). An unknown name or option is
refused with one sentence that lists what is allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strategies.beam import PrunedBeams
from strategies.pruning import PRUNERS, Pruner
from strategies.stopping import STOPPING_RULES, StoppingRule
from strategies.vote import Vote
from strategies.weighting import WEIGHTINGS, Weighting
from tts.components import build_component, fits, read_options
from tts.errors import InputError
from tts.types import ENTROPY_ABOVE, STEP, TOKENS, Boundary

BOUNDARIES: Mapping[str, tuple[Callable[[Any], Boundary], type]] = {
    "tokens": (TOKENS, int),
    "entropy": (ENTROPY_ABOVE, float),
}
"""Boundaries that take a value: the constructor and the type of the value, by name."""

_SHARED = ("name", "budget", "weighting", "stop")
_OF_BEAMS = tuple(field.name for field in dataclasses.fields(PrunedBeams) if field.name not in _SHARED)


def compose(spec: Mapping[str, Any], *, budget: int) -> Vote | PrunedBeams:
    """Return the strategy that a mapping describes: beams if it has the key ``beams``, else a vote.

    Args:
        spec: ``{name, weighting, stop, select, prune, budget}``, or ``{name, beams, weighting, stop, budget}`` with
            ``beams`` any of ``{width, start_width, until, pruner, max_checks, fork, length}``. Every key but ``beams``
            has a default; ``stop`` is one rule, or a list of rules that are checked in order.
        budget: the budget if the mapping names none.

    Raises:
        InputError: an unknown key or name, or a value of the wrong type or outside its range.
    """
    name = str(spec.get("name", "composed"))
    what = f"strategy {name}"
    outer = {"budget": budget, **{key: value for key, value in spec.items() if key not in ("name", "beams")}}
    parts = {"weighting": weighting, "stop": stopping_rules}
    if "beams" not in spec:
        return Vote(name=name, **read_options(what, Vote, outer, hidden=("name",), also=("name",), readers=parts))
    beams = spec["beams"]
    if not isinstance(beams, Mapping):
        raise InputError(f"beams of {what} must be a mapping {{{', '.join(_OF_BEAMS)}}}, got {beams!r}")
    shared = read_options(what, PrunedBeams, outer, hidden=("name", *_OF_BEAMS), also=("name", "beams"), readers=parts)
    own = read_options(what, PrunedBeams, beams, hidden=_SHARED, readers={"until": boundary, "pruner": pruner})
    return PrunedBeams(name=name, **shared, **own)


def weighting(spec: str | Mapping[str, Any]) -> Weighting:
    """Build a weighting, e.g. from ``{name: softmax, temperature: 0.3}``."""
    built: Weighting = build_component("weighting", WEIGHTINGS, spec)
    return built


def stopping_rules(spec: Any) -> tuple[StoppingRule, ...]:
    """Build stopping rules from one such as ``{name: beta, level: 0.9}``, or from a list of them."""
    rules = [spec] if isinstance(spec, str | Mapping) else spec
    if not isinstance(rules, Sequence) or not rules:
        raise InputError(f"stop of a composed strategy must be a rule or a list of rules, got {rules!r}")
    return tuple(build_component("stopping rule", STOPPING_RULES, rule) for rule in rules)


def pruner(spec: str | Mapping[str, Any]) -> Pruner:
    """Build a pruner, e.g. from ``{name: top_k, k: 2}``."""
    built: Pruner = build_component("pruner", PRUNERS, spec)
    return built


def boundary(spec: Any) -> Boundary:
    """Return the boundary at which beams pause, from ``step``, ``{tokens: 30}`` or ``{entropy: 2.0}`` (in nats)."""
    if spec == "step":
        return STEP
    if isinstance(spec, Mapping) and len(spec) == 1:
        ((kind, value),) = spec.items()
        if kind in BOUNDARIES and fits(value, BOUNDARIES[kind][1]):
            try:
                return BOUNDARIES[kind][0](value)
            except ValueError as error:
                raise InputError(f"until of beams cannot be {dict(spec)}: {error}") from None
    others = ", ".join(f"{{{kind}: ...}}" for kind in BOUNDARIES)
    raise InputError(f"until of beams must be step, or one of {others}, got {spec!r}")
