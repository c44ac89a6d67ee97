"""Evidence: the facts about a question's draws that a stopping rule may read, live and replayed under the same names.

A rule is written once against this protocol. :class:`~strategies.live_evidence.LiveEvidence` holds plain numbers for
the draws of one live question; :class:`~strategies.replay_evidence.ReplayEvidence` holds arrays of shape [draws, rows],
entry ``[t, r]`` being row r after t + 1 draws. Arithmetic and comparisons read alike on both. A property test holds the
two to the same decisions.
"""

from __future__ import annotations

from typing import Any, Protocol


class Evidence(Protocol):
    """Running facts about the draws of a question; every attribute is a number or an array [draws, rows].

    Attributes:
        n: draws so far, unparsed ones included, from 1.
        parsed: True if the latest draw has an answer.
        confidence: P(correct) of the latest draw.
        best_confidence: the highest confidence of a parsed draw so far; minus infinity before the first.
        streak: number of latest draws in a row with the same answer; 0 after an unparsed draw.
        leader_score: the score of the leading answer; on a tie the answer seen first leads.
        runner_up_score: the score of the runner-up, 0 if there is none yet.
        total_weight: the sum of all weights.
        posterior: P(leading answer) under log-odds scores; any answer not yet seen scores 0.
        mode_probability: P(the leading answer is the most probable one) under a flat Dirichlet prior, from counts.
        leader_rank: number of distinct answers seen before the leading one.
        leader_repeats: votes of the leading answer after its first.
        rival_votes: votes of the leader's strongest rival since the leading answer was first seen.
        majority_log_e_values: log e-values of the leader (against the runner-up, against all others), for the
            Martingale Majority Certificate.
        log_wealth: log wealth of the weighted bet that the leading answer is the mode, the least over its rivals.
        leader_mass: the mass of the leading answer, as of :mod:`strategies.mass`, in [0, 1].
        runner_up_mass: the largest mass of any other answer, 0 if there is none yet.
        unseen_mass: one minus the mass of all texts seen; one where masses are not known.
    """

    @property
    def n(self) -> Any: ...  # noqa: D102
    @property
    def parsed(self) -> Any: ...  # noqa: D102
    @property
    def confidence(self) -> Any: ...  # noqa: D102
    @property
    def best_confidence(self) -> Any: ...  # noqa: D102
    @property
    def streak(self) -> Any: ...  # noqa: D102
    @property
    def leader_score(self) -> Any: ...  # noqa: D102
    @property
    def runner_up_score(self) -> Any: ...  # noqa: D102
    @property
    def total_weight(self) -> Any: ...  # noqa: D102
    @property
    def posterior(self) -> Any: ...  # noqa: D102
    @property
    def mode_probability(self) -> Any: ...  # noqa: D102
    @property
    def leader_rank(self) -> Any: ...  # noqa: D102
    @property
    def leader_repeats(self) -> Any: ...  # noqa: D102
    @property
    def rival_votes(self) -> Any: ...  # noqa: D102
    @property
    def majority_log_e_values(self) -> tuple[Any, Any]: ...  # noqa: D102
    @property
    def log_wealth(self) -> Any: ...  # noqa: D102
    @property
    def leader_mass(self) -> Any: ...  # noqa: D102
    @property
    def runner_up_mass(self) -> Any: ...  # noqa: D102
    @property
    def unseen_mass(self) -> Any: ...  # noqa: D102
