"""Rows that read the probabilities of texts: votes by mass, and the certificate of the model's most probable answer."""

from __future__ import annotations

from strategies.catalog.recipe import vote
from strategies.catalog.voting import SIZES
from strategies.mass.gated import MassGated
from strategies.mass.rpc import RPC
from strategies.method import Method
from strategies.stopping import MassCertificate
from strategies.weighting import Mass, Uniform

SHARES = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05)

METHODS = (
    Method(
        "perplexity_consistency",
        "Zhou et al. 2502.00511",
        "Returns the answer whose distinct texts have the largest total probability.",
        vote(weighting=lambda p: Mass()),
        sweep={"budget": SIZES},
    ),
    Method(
        "rpc",
        "Zhou et al. 2502.00511, 2510.15444",
        "Perplexity consistency without the texts that a mixture of two Weibull distributions finds improbable.",
        lambda name, budget, p: RPC(name, budget),
    ),
    Method(
        "mass_certificate",
        "this framework",
        "Stops once no unseen text can change the most probable answer; a share below 1 stops earlier, uncertified.",
        vote(weighting=lambda p: Mass(), stop=lambda p: MassCertificate(p["share"])),
        params={"share": 1.0},
        sweep={"share": SHARES},
    ),
    Method(
        "mass_gated",
        "this framework",
        "As mass_certificate where the first draws see enough mass, else by the Beta rule; share and gate are fitted.",
        lambda name, budget, p: MassGated(name, budget, p["probe"], p["least"], p["share"], p["weighting"], p["level"]),
        params={"probe": 3, "least": 0.1, "share": 1.0, "weighting": Uniform(), "level": 0.95},
        sweep={"least": (0.5, 0.3, 0.1, 0.03, 0.0), "share": SHARES},
        objective="cost",
    ),
)
