"""Strategies from plain mappings: a config names a weighting, stopping rules and a selection; this builds them.

A component is a name (``beta``) or a mapping with its options (``{name: beta, level: 0.9}``). An unknown name or option
is refused with one sentence that lists what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strategies.stopping import STOPPING_RULES, StoppingRule
from strategies.vote import Vote
from strategies.weighting import WEIGHTINGS, Weighting
from tts.components import build_component
from tts.errors import InputError, unknown_name


def weighting(spec: str | Mapping[str, Any]) -> Weighting:
    """Build a weighting, e.g. from ``{name: softmax, temperature: 0.3}``."""
    built: Weighting = build_component("weighting", WEIGHTINGS, spec)
    return built


def stopping_rule(spec: str | Mapping[str, Any]) -> StoppingRule:
    """Build a stopping rule, e.g. from ``{name: beta, level: 0.9}``."""
    built: StoppingRule = build_component("stopping rule", STOPPING_RULES, spec)
    return built


def stopping_rules(spec: Any) -> tuple[StoppingRule, ...]:
    """Build the stopping rules of a composed strategy, from one or from a list of them."""
    rules = [spec] if isinstance(spec, str | Mapping) else spec
    if not isinstance(rules, Sequence) or not rules:
        raise InputError(f"stop of a composed strategy must be a rule or a list of rules, got {rules!r}")
    return tuple(stopping_rule(rule) for rule in rules)


def whole(what: str, given: Any) -> int:
    """A whole number of a composed strategy; ``what`` is how errors call it."""
    if not isinstance(given, int) or isinstance(given, bool):
        raise InputError(f"{what} must be a whole number, got {given!r}")
    return given


def check_keys(spec: Mapping[str, Any], allowed: Sequence[str], what: str = "key of a composed strategy") -> None:
    """Refuse keys that mean nothing, with the closest one that does."""
    for key in spec:
        if key not in allowed:
            raise unknown_name(what, str(key), allowed)


def vote(spec: Mapping[str, Any], *, budget: int) -> Vote:
    """Build a composed strategy from ``{name, weighting, stop, select, prune, budget}``; all may be left out.

    Args:
        spec: the mapping; ``stop`` is one rule or a list of rules, asked in order.
        budget: the most draws where the mapping names none.
    """
    check_keys(spec, ("name", "weighting", "stop", "select", "prune", "budget"))
    bar = spec.get("prune")
    if bar is not None and (not isinstance(bar, int | float) or isinstance(bar, bool)):
        raise InputError(f"prune of a composed strategy must be a number in [0, 1] or null, got {bar!r}")
    return Vote(
        name=str(spec.get("name", "composed")),
        budget=whole("budget of a composed strategy", spec.get("budget", budget)),
        weighting=weighting(spec.get("weighting", "uniform")),
        stop=stopping_rules(spec.get("stop", "never")),
        select=spec.get("select", "vote"),
        prune=bar,
    )
