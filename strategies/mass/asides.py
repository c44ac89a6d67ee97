"""Sentences about strategies that read masses, where a question left them without."""

from __future__ import annotations

from strategies.mass.distinct import GIVE_UP, Distinct
from strategies.mass.gated import MassGated
from strategies.stopping import Beta
from tts.strategy import Strategy
from tts.types import Decision


def aside_sentence(strategy: Strategy, decision: Decision) -> str | None:
    """Return one sentence where the first draws of a question saw too little mass, so that votes decided; else None.

    It is the same for every such question. Where answers have no probability at all, their source says why.

    Args:
        strategy: the strategy that decided.
        decision: its decision.
    """
    if decision.masses is None or any(s.answer is not None and s.logprob is None for s in decision.samples):
        return None
    if isinstance(strategy, MassGated) and strategy.saw_too_little(decision):
        first = strategy.probe
    elif isinstance(strategy, Distinct) and decision.reason in (Beta.name, GIVE_UP):
        first = strategy.patience
    else:
        return None
    return (
        f"strategy {strategy.name} counts votes on questions whose first {first} samples see less than "
        f"{strategy.least:g} of what the model may write: set its parameter least=0 to keep to masses"
    )
