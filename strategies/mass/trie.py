"""A trie of the draws of one question: what was seen of the model's distribution, and what can still be followed.

A draw that records its alternatives (:attr:`~tts.types.Signals.alternatives`) tells at each of its tokens which others
could have been drawn there, and how probably. An alternative that no draw has taken is a *branch*: all texts behind it
are unseen, and together they have its probability, that of the tokens before it times its own. A continuation that is
drawn from a branch is therefore a new text, and branches drawn in proportion to their mass sample without replacement
(Shi et al., "Incremental Sampling Without Replacement for Sequence Models", arXiv 2002.09067).

What no branch leads to stays unseen: tokens beyond the recorded alternatives, and texts that were cut off.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from tts.types import Alternative, End, Sample


@dataclass(slots=True, eq=False)
class Node:
    """A prefix of at least one draw.

    Attributes:
        logprob: of the prefix, in nats.
        depth: the number of its tokens.
        children: the nodes of the tokens that were drawn or followed behind it.
        sample: the first draw that told the alternatives behind it; None where none has.
        ended: whether it is a whole text.
    """

    logprob: float
    depth: int
    children: dict[int, Node] = field(default_factory=dict)
    sample: Sample | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """An alternative that no draw has taken.

    Attributes:
        logprob: of all texts behind it together, in nats.
        node: the prefix that it continues.
        alternative: its token.
    """

    logprob: float
    node: Node
    alternative: Alternative

    @property
    def prefix(self) -> Sample:
        """The partial sample that ends with its token, for a draw to continue; its text is left to the engine."""
        sample, at = self.node.sample, self.node.depth
        assert sample is not None
        token, drawn, plain = self.alternative
        trace = sample.trace.truncated(at + 1)
        whole = replace(
            trace,
            processed=(*trace.processed[:at], drawn),
            logprobs=(*trace.logprobs[:at], plain) if trace.logprobs else (),
            steps=(),  # whether the token ends a step is not known
        )
        tokens = (*sample.token_ids[:at], token)
        return Sample(token_ids=tokens, end=End.BOUNDARY, trace=whole, index=sample.index)


class Trie:
    """The draws of one question, by their tokens.

    Attributes:
        seen_mass: the probability of all whole texts that were drawn, in [0, 1].
        texts: the number of these texts.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.seen_mass, self.texts = 0.0, 0
        self._root = Node(0.0, 0)
        self._heap: list[tuple[float, int, Branch]] = []  # the most probable branch first, the older one of equals
        self._pushed = 0

    @property
    def unseen_mass(self) -> float:
        """The probability of all other texts, in [0, 1]."""
        return max(1.0 - self.seen_mass, 0.0)

    def insert(self, sample: Sample) -> bool:
        """Add a draw and return whether it is a whole text that was not there before.

        A draw without tokens or without the log-probability of each changes nothing, nor does a repeated one. One that
        was cut off adds its branches, and its own mass stays unseen.
        """
        tokens, logprobs, alternatives = sample.token_ids, sample.trace.processed, sample.trace.alternatives
        if sample.end is End.FAILED or not tokens or len(logprobs) != len(tokens):
            return False
        node = self._root
        for at, (token, logprob) in enumerate(zip(tokens, logprobs, strict=True)):
            if node.sample is None and len(alternatives) == len(tokens):
                node.sample = sample
                self._push(node, alternatives[at])
            child = node.children.get(token)
            if child is None:
                child = node.children[token] = Node(node.logprob + logprob, at + 1)
            node = child
        if sample.end is not End.STOP or node.ended or not node.logprob > -math.inf:
            return False
        node.ended = True
        self.seen_mass += math.exp(min(node.logprob, 0.0))
        self.texts += 1
        return True

    def branches(self) -> Iterator[Branch]:
        """Iterate over the branches in no particular order."""
        return (branch for _, _, branch in self._heap if self._is_open(branch))

    def largest(self) -> Iterator[Branch]:
        """Iterate over the branches, the most probable first, and leave the trie as it is."""
        waiting = [(self._heap[0], 0)] if self._heap else []
        while waiting:
            (_, _, branch), at = heapq.heappop(waiting)
            if self._is_open(branch):
                yield branch
            for below in range(2 * at + 1, min(2 * at + 3, len(self._heap))):
                heapq.heappush(waiting, (self._heap[below], below))

    def best(self) -> Branch | None:
        """Return the most probable branch, or None where none is left."""
        while self._heap:
            branch = self._heap[0][2]
            if self._is_open(branch):
                return branch
            heapq.heappop(self._heap)
        return None

    def reach(self, draws: int) -> float:
        """Return the most mass that further draws from branches can see, in [0, 1].

        Each of them sees one text, which lies behind one of the present branches: those that it opens lie behind the
        branch that it took. So they see no more than the sum of the ``draws`` largest branches, which is reached where
        each of these has a single text.

        Args:
            draws: their number, >= 0.
        """
        return min(math.fsum(math.exp(branch.logprob) for branch in islice(self.largest(), draws)), 1.0)

    def sampled(self, rng: np.random.Generator) -> Branch | None:
        """Return a branch drawn in proportion to its mass, or None where none is left.

        Args:
            rng: the only source of randomness.
        """
        branches = list(self.branches())
        if not branches:
            return None
        logprobs = np.array([branch.logprob for branch in branches])
        sums = np.exp(logprobs - logprobs.max()).cumsum()
        at = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
        return branches[min(at, len(branches) - 1)]

    def follow(self, branch: Branch) -> Sample:
        """Return the prefix of a draw that takes a branch; the branch is none any more, whatever comes of the draw."""
        token = branch.alternative[0]
        branch.node.children.setdefault(token, Node(branch.logprob, branch.node.depth + 1))
        return branch.prefix

    def _push(self, node: Node, alternatives: tuple[Alternative, ...]) -> None:
        for alternative in alternatives:
            logprob = node.logprob + alternative[1]
            if alternative[0] not in node.children and logprob > -math.inf:
                self._pushed += 1
                heapq.heappush(self._heap, (-logprob, self._pushed, Branch(logprob, node, alternative)))

    def _is_open(self, branch: Branch) -> bool:
        return branch.alternative[0] not in branch.node.children
