"""Distinct draws: a strategy that asks for texts that it has not seen, until no unseen text can change its answer.

A text that is drawn again tells nothing new where its probability is known. From the alternatives that each draw
records, a :class:`~strategies.mass.trie.Trie` knows where unseen texts begin and how much mass they have, so that each
draw continues from there: it shares the tokens of an earlier draw, and its text is new. Recorded pools hold no such
draws and are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from strategies.live_evidence import LiveEvidence
from strategies.mass.trie import Trie
from strategies.pruning import keyed_generator
from strategies.stopping import Beta, MassCertificate
from strategies.vote import BUDGET
from strategies.weighting import Mass, Uniform
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import Decision, Draw, Problem, Sample, Signals, total_usage

Order = Literal["best_first", "sampling"]
ORDERS: tuple[Order, ...] = ("best_first", "sampling")
GIVE_UP = "give_up"
"""The reason of a decision by votes that the Beta rule cannot settle within the budget, where too little was seen."""
FUTILITY = "futility"
"""The reason of a decision where the certificate cannot come within the budget, whatever is drawn."""
EXHAUSTED = "exhausted"
"""The reason of a decision where no recorded alternative is left to follow."""
TOKENS = "tokens"
"""The reason of a decision where the tokens of the question are spent."""


@dataclass(frozen=True)
class Distinct:
    """The vote by mass over distinct texts, each drawn from a branch that leaves the trie of the earlier ones.

    The first ``start`` draws are free. Each further one takes the branch with the most mass, or one in proportion to
    its mass, which is exact sampling without replacement (2002.09067); behind the branch its tokens are drawn as usual,
    so that the mass of its text is exact. A wave of ``width`` draws takes as many branches, none of them twice.

    Once the certificate cannot come any more within the budget (:meth:`~strategies.stopping.MassCertificate.can_fire`),
    it decides at once. With ``boldness`` 0 further draws count with all mass of the largest branches, and none can
    bring it; with 1 they count with the share of it that the texts behind branches have had so far.

    The strategy steps aside where texts vary too freely: if its first ``patience`` draws have seen less mass than
    ``least``, or fewer draws where the certificate cannot come any more, it goes on with free draws. These and the free
    ones before have a vote each, and the Beta rule stops them as in Adaptive-Consistency (2305.11860). An answer that
    leads is decided on as well once that rule cannot hold any more within the budget.

    Attributes:
        name: the strategy's name in tables.
        budget: the most draws per question, >= 1.
        order: "best_first" or "sampling".
        share: of the certificate, see :class:`~strategies.stopping.MassCertificate`.
        start: the free draws at the start, asked for at once, >= 1.
        width: the draws of each further wave, asked for at once, >= 1; rules are checked after each wave. With more
            than one, "sampling" takes the branches of a wave without replacement, and these have not seen each other.
        alternatives: the most probable tokens at each position that are recorded, >= 1; what is beyond them is unseen
            and cannot be followed.
        tokens: the most decoded tokens of a question, >= 1, checked after each wave; 0 sets no limit.
        patience: the draws after which it may step aside, >= 1.
        least: in [0, 1]: the mass that these must have seen; 0 never steps aside.
        boldness: in [0, 1]: of the decision that the certificate cannot come.
        level: of the Beta rule where it has stepped aside, see :class:`~strategies.stopping.Beta`.
    """

    name: str
    budget: int
    order: Order = "best_first"
    share: float = 1.0
    start: int = 1
    width: int = 1
    alternatives: int = 20
    tokens: int = 0
    patience: int = 3
    least: float = 0.01
    boldness: float = 0.5
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse values outside their ranges."""
        if self.order not in ORDERS:
            raise InputError(f"strategy {self.name} needs order {' or '.join(ORDERS)}, got {self.order}")
        for key in ("budget", "start", "width", "alternatives", "patience"):
            if getattr(self, key) < 1:
                raise InputError(f"strategy {self.name} needs {key} >= 1, got {getattr(self, key)}")
        if self.tokens < 0:
            raise InputError(f"strategy {self.name} needs tokens >= 0, got {self.tokens}")
        for key in ("least", "boldness"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise InputError(f"strategy {self.name} needs {key} in [0, 1], got {getattr(self, key)}")
        _ = self.certificate, self.beta

    @property
    def certificate(self) -> MassCertificate:
        """The rule on masses."""
        return MassCertificate(self.share)

    @property
    def beta(self) -> Beta:
        """The rule on votes where it has stepped aside."""
        return Beta(self.level)

    @property
    def requires(self) -> Requirements:
        """Prefixes to continue, and the probabilities of tokens and of their alternatives."""
        signals = Signals(processed=True, alternatives=self.alternatives)
        return Requirements(branching=True, sequential=True, signals=signals)

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        seen, draw, reason = _Seen(), Draw(min(self.start, self.budget)), ""
        while not reason:
            try:
                samples = yield draw
            except TimeUp as up:
                samples, reason = [*up.samples], TIME_LIMIT
            seen.add(samples, free=not draw.continues)
            reason = reason or self._reason(seen)
            if not reason:
                draw = self._next(problem, seen)
        certain = reason == MassCertificate.name
        return seen.decision(reason, by_votes=not certain and (seen.aside or self._saw_too_little(seen, ended=True)))

    def _reason(self, seen: _Seen) -> str:
        """Return the reason to decide now, and empty where there is none; note whether to step aside."""
        if self.certificate.fires(seen.masses):
            return MassCertificate.name
        left, reason = self.budget - seen.masses.n, ""
        if not seen.aside:
            reason = self._vain(seen, left)
            seen.aside = self._saw_too_little(seen, ended=bool(reason))
        if seen.aside:
            if self.beta.fires(seen.votes):
                return Beta.name
            tied = seen.votes.leader_score == seen.votes.runner_up_score
            reason = "" if left and (tied or self.beta.can_fire(seen.votes, left)) else GIVE_UP
        return reason or (TOKENS if self.tokens and seen.tokens >= self.tokens else "")

    def _vain(self, seen: _Seen, left: int) -> str:
        """Return the reason why the draws that are left cannot bring the certificate, and empty where they can."""
        if not left:
            return BUDGET
        if not seen.trie.texts:
            return ""
        if next(seen.trie.branches(), None) is None:
            return EXHAUSTED
        gain = seen.trie.reach(left) * (1.0 - self.boldness * (1.0 - seen.found_share))
        return "" if self.certificate.can_fire(seen.masses, gain) else FUTILITY

    def _saw_too_little(self, seen: _Seen, *, ended: bool) -> bool:
        """Return whether the first draws have seen too little; before they are all there only at the end."""
        known = seen.after[: self.patience]
        return bool(known) and (ended or len(known) == self.patience) and known[-1] < self.least

    def _next(self, problem: Problem, seen: _Seen) -> Draw:
        """Return the next wave: from branches, or free where it has stepped aside or knows no whole text."""
        count = min(self.width, self.budget - seen.masses.n)
        prefixes = [] if seen.aside else self._prefixes(problem, seen, count)
        return Draw.of(prefixes) if prefixes else Draw(count)

    def _prefixes(self, problem: Problem, seen: _Seen, count: int) -> list[Sample]:
        """Return the ends of branches to continue, at most ``count``; they are branches no more."""
        prefixes: list[Sample] = []
        while len(prefixes) < count:
            if self.order == "best_first":
                branch = seen.trie.best()
            else:
                branch = seen.trie.sampled(keyed_generator(f"{problem.id}|{seen.masses.n + len(prefixes)}"))
            if branch is None:
                break
            prefixes.append(seen.trie.follow(branch))
        return prefixes


class _Seen:
    """The draws of one question.

    Attributes:
        trie: their tokens.
        masses: the masses of their answers.
        votes: a vote for each free draw.
        after: the mass seen after each draw.
        tokens: those that were decoded.
        aside: whether the strategy has stepped aside.
        taken: the branches that draws have taken.
        taken_mass: their mass.
        found_mass: that of the texts that were found behind them.
    """

    def __init__(self) -> None:
        """Start without draws."""
        self.trie, self.masses = Trie(), LiveEvidence(Mass())
        self.votes = LiveEvidence(Uniform())
        self.after: list[float] = []
        self.tokens, self.aside = 0, False
        self.taken, self.taken_mass, self.found_mass = 0, 0.0, 0.0

    @property
    def found_share(self) -> float:
        """The mass of texts behind branches as a share of that of their branches; 1 before two are known."""
        known = self.taken > 1 and self.taken_mass > 0.0
        return min(self.found_mass / self.taken_mass, 1.0) if known else 1.0

    def add(self, samples: list[Sample], *, free: bool) -> None:
        """Add draws, in order of submission; a free one continues no branch."""
        for sample in samples:
            before = self.trie.seen_mass
            self.trie.insert(sample)
            self.masses.add(sample)
            self.votes.add(sample, None if free else 0)
            self.after.append(1.0 - self.masses.unseen_mass)
            if not free and sample.trace.processed:
                self.taken += 1
                self.taken_mass += math.exp(math.fsum(sample.trace.processed[: sample.given]))
                self.found_mass += self.trie.seen_mass - before  # none by a draw that was cut off
            self.tokens += len(sample.token_ids) - sample.given

    def decision(self, reason: str, *, by_votes: bool) -> Decision:
        """Return the decision by votes or by masses; both have the same labels."""
        evidence = self.votes if by_votes else self.masses
        label = evidence.leader
        return Decision(
            answer=evidence.answer(label),
            samples=tuple(evidence.samples),
            reason=reason,
            vote_share=evidence.vote_share(label),
            usage=total_usage(evidence.samples),
            **self.masses.mass_facts(label),
        )
