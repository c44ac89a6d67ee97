"""Evidence: what a stopping rule may look at, the same names for one live question and for many replayed rows.

A rule is written once against this protocol. :class:`~strategies.live_evidence.LiveEvidence` answers with plain numbers
for the draws of one live question; :class:`~strategies.replay_evidence.ReplayEvidence` answers with arrays of shape
[draws, rows], entry ``[t, r]`` being row r after t + 1 draws. Arithmetic and comparisons read alike on both. A property
test holds the two to the same decisions.
"""

from __future__ import annotations

from typing import Any, Protocol


class Evidence(Protocol):
    """Running facts about the draws of a question; every attribute is a number or an array [draws, rows].

    Attributes:
        n: draws so far, unparsed ones included, from 1.
        parsed: whether the latest draw has an answer.
        confidence: P(correct) of the latest draw.
        best: the highest confidence of a parsed draw so far; minus infinity before the first.
        streak: how many latest draws in a row gave the same answer; 0 after an unparsed draw.
        lead: the score of the leading answer; on a tie the answer seen first leads.
        next: the score of the runner-up, 0 where there is none yet.
        total: the sum of all weights.
        posterior: P(leading answer) under log-odds scores, any answer not yet seen scoring 0.
        dirichlet: P(the leading answer is the most probable one) under a flat Dirichlet prior, from counts.
        rank: how many distinct answers were seen before the leading one.
        own: votes of the leading answer after its first.
        rival: votes of its strongest rival since the leading answer was first seen.
        duel: (log e-value against the runner-up, log e-value against all others), Martingale Majority Certificate.
        wealth: log wealth of the weighted bet that the leading answer is the mode, the least over its rivals.
    """

    @property
    def n(self) -> Any: ...  # noqa: D102
    @property
    def parsed(self) -> Any: ...  # noqa: D102
    @property
    def confidence(self) -> Any: ...  # noqa: D102
    @property
    def best(self) -> Any: ...  # noqa: D102
    @property
    def streak(self) -> Any: ...  # noqa: D102
    @property
    def lead(self) -> Any: ...  # noqa: D102
    @property
    def next(self) -> Any: ...  # noqa: D102
    @property
    def total(self) -> Any: ...  # noqa: D102
    @property
    def posterior(self) -> Any: ...  # noqa: D102
    @property
    def dirichlet(self) -> Any: ...  # noqa: D102
    @property
    def rank(self) -> Any: ...  # noqa: D102
    @property
    def own(self) -> Any: ...  # noqa: D102
    @property
    def rival(self) -> Any: ...  # noqa: D102
    @property
    def duel(self) -> tuple[Any, Any]: ...  # noqa: D102
    @property
    def wealth(self) -> Any: ...  # noqa: D102
