"""Stopping rules: each decides after every draw whether the samples so far are enough.

A rule is written once against :class:`~strategies.evidence.Evidence` and serves live questions and replays alike. There
is one module each for rules that read single confidences, votes, posteriors or masses, and for rules with a guarantee.
To add a rule, write a frozen dataclass with the attributes of :class:`StoppingRule` and list it in ``STOPPING_RULES``.
"""

from __future__ import annotations

from typing import Any

from strategies.stopping.base import Answer, AnyWeighting, Never, StoppingRule
from strategies.stopping.certificates import PPR, Certified, CertifiedWeighted, MajorityMartingale
from strategies.stopping.confidence import Confident, Gate, Reservation
from strategies.stopping.mass import MassCertificate
from strategies.stopping.posterior import Posterior, SamplingCost
from strategies.stopping.votes import Beta, Dirichlet, Share, Unanimous

__all__ = [
    "PPR",
    "STOPPING_RULES",
    "Answer",
    "AnyWeighting",
    "Beta",
    "Certified",
    "CertifiedWeighted",
    "Confident",
    "Dirichlet",
    "Gate",
    "MajorityMartingale",
    "MassCertificate",
    "Never",
    "Posterior",
    "Reservation",
    "SamplingCost",
    "Share",
    "StoppingRule",
    "Unanimous",
]

STOPPING_RULES: dict[str, type[Any]] = {
    kind.name: kind
    for kind in (
        Never,
        Confident,
        Gate,
        Reservation,
        Beta,
        Dirichlet,
        Unanimous,
        Share,
        Posterior,
        SamplingCost,
        PPR,
        MajorityMartingale,
        Certified,
        CertifiedWeighted,
        MassCertificate,
    )
}
"""The stopping rules that a configuration can name."""
