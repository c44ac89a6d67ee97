"""Rows that stop with a certificate: the answer is the model's mode, but for an error level."""

from __future__ import annotations

from strategies.catalog.recipe import vote
from strategies.method import Method
from strategies.stopping import PPR, Certified, CertifiedWeighted, MajorityMartingale
from strategies.weighting import Linear

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)

METHODS = (
    Method(
        "ppr_1v1",
        "Jain et al. 2109.05047",
        "Certifies the mode by the prior-posterior ratio of leader and runner-up; the number of answers is known.",
        vote(stop=lambda p: PPR(p["delta"], p["categories"])),
        params={"delta": 0.05, "categories": 10},
        sweep={"delta": LEVELS},
    ),
    Method(
        "martingale_majority",
        "Cordero-Encinar & Duncan 2510.17472",
        "Certifies the majority by two e-processes: leader against runner-up, and against all others.",
        vote(stop=lambda p: MajorityMartingale(p["epsilon"])),
        params={"epsilon": 0.05},
        sweep={"epsilon": LEVELS},
    ),
    Method(
        "certified_self_consistency",
        "after CITE 2605.05873",
        "Certifies the mode among unknown answers by the data-driven intersection-union rule.",
        vote(stop=lambda p: Certified(p["epsilon"])),
        params={"epsilon": 0.05},
        sweep={"epsilon": LEVELS},
    ),
    Method(
        "certified_weighted",
        "after CITE 2605.05873",
        "Certifies the confidence-weighted mode by betting.",
        vote(weighting=lambda p: Linear(), stop=lambda p: CertifiedWeighted(p["epsilon"])),
        params={"epsilon": 0.05},
        sweep={"epsilon": LEVELS},
    ),
)
