"""A made-up language model of four tokens, whose texts can all be enumerated, as an engine in pure Python."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from strategies.mass.distinct import Distinct, Order
from strategies.mass.trie import Trie
from strategies.pruning import keyed_generator
from tts.strategy import Strategy
from tts.types import Alternative, Decision, Draw, End, Problem, Sample, Trace, Usage

END = 0
TOKENS = 4
Text = tuple[int, ...]


@dataclass(frozen=True)
class Language:
    """A random distribution behind each text of up to ``length`` tokens; token 0 ends a text.

    Attributes:
        seed: of the distributions.
        length: the most tokens of a text, the one that ends it included.
        k: the alternatives that a draw tells at each position.
        sharpness: the larger, the more of the mass has one token.
        closed: whether every text of that length ends, so that none is cut off.
    """

    seed: int
    length: int = 4
    k: int = TOKENS
    sharpness: float = 1.0
    closed: bool = True

    def __post_init__(self) -> None:
        """Start with no distribution known."""
        object.__setattr__(self, "_known", {})

    def next(self, text: Text) -> np.ndarray:
        """P(next token), shape [tokens]."""
        known: dict[Text, np.ndarray] = self._known  # type: ignore[attr-defined]
        if text not in known:
            logits = keyed_generator(f"{self.seed}|{text}").standard_normal(TOKENS)
            p = np.exp(self.sharpness * (logits - logits.max()))
            if self.closed and len(text) == self.length - 1:
                p = np.eye(TOKENS)[END]
            known[text] = p / p.sum()
        return known[text]

    @cached_property
    def masses(self) -> dict[Text, float]:
        """P(text) of all whole texts, and of those that are cut off."""

        def grown(text: Text, mass: float) -> Iterator[tuple[Text, float]]:
            if text[-1:] == (END,) or len(text) == self.length:
                yield text, mass
                return
            for token, p in enumerate(self.next(text)):
                if p:
                    yield from grown((*text, token), mass * float(p))

        return dict(grown((), 1.0))

    @property
    def whole(self) -> dict[Text, float]:
        """P(text) of the texts that end."""
        return {text: mass for text, mass in self.masses.items() if text[-1] == END}

    @property
    def answers(self) -> dict[str | None, float]:
        """The mass of each answer."""
        found: dict[str | None, float] = {}
        for text, mass in self.whole.items():
            found[answer(text)] = found.get(answer(text), 0.0) + mass
        return found

    def draw(self, rng: np.random.Generator, prefix: Sample | None = None, index: int = 0) -> Sample:
        """Draw one sample as an engine does."""
        given = () if prefix is None else prefix.token_ids
        text = [*given]
        processed = [] if prefix is None else [*prefix.trace.processed]
        alternatives = [] if prefix is None else [*prefix.trace.alternatives]
        while text[-1:] != [END] and len(text) < self.length:
            p = self.next(tuple(text))
            token = int(rng.choice(TOKENS, p=p))
            alternatives.append(self.alternatives(p, last=len(text) == self.length - 1))
            processed.append(math.log(p[token]))
            text.append(token)
        ids, end = tuple(text), End.STOP if text[-1] == END else End.LENGTH
        return Sample(
            text="".join(map(str, ids)),
            answer=answer(ids) if end is End.STOP else None,
            end=end,
            index=index,
            token_ids=ids,
            trace=Trace(processed=tuple(processed), alternatives=tuple(alternatives)),
            usage=Usage(delivered=len(ids) - len(given)),
            given=len(given),
        )

    def alternatives(self, p: np.ndarray, *, last: bool) -> tuple[Alternative, ...]:
        """The most probable tokens of a distribution, those that can be followed."""
        order = [int(token) for token in np.argsort(-p)[: self.k] if p[token] and (token == END or not last)]
        return tuple((token, math.log(p[token]), math.log(p[token])) for token in order)


def answer(text: Text) -> str | None:
    """The answer of a whole text: the parity of its tokens; none of the text that ends at once."""
    return None if len(text) == 1 else "odd" if sum(text) % 2 else "even"


def explored(
    language: Language, rng: np.random.Generator, *, sampled: bool, most: int = 1000
) -> tuple[Trie, list[Text]]:
    """Draw freely once and then from branches until none is left; return the trie and the texts in order."""
    trie, first = Trie(), language.draw(rng)
    trie.insert(first)
    texts = [first.token_ids]
    while len(texts) < most:
        branch = trie.sampled(rng) if sampled else trie.best()
        if branch is None:
            break
        sample = language.draw(rng, trie.follow(branch))
        trie.insert(sample)
        texts.append(sample.token_ids)
    return trie, texts


def played(strategy: Strategy, language: Language, *, seed: int = 0) -> tuple[Decision, list[Draw]]:
    """Play a strategy on a language; return its decision and its draws."""
    rng, asked, number = keyed_generator(f"{seed}"), list[Draw](), 0
    steps = strategy.run(Problem(f"q{seed}", "?"))
    try:
        draw = next(steps)
        while True:
            asked.append(draw)
            samples = [language.draw(rng, draw.single(i).prefix, number + i) for i in range(draw.n)]
            number += draw.n
            draw = steps.send(samples)
    except StopIteration as stop:
        return stop.value, asked


def distinct(order: Order = "best_first", budget: int = 200, **more: Any) -> Distinct:
    """Return the strategy, which never steps aside and is certain of futility unless options say otherwise."""
    return Distinct("distinct", budget, order, **{"least": 0.0, "boldness": 0.0, **more})
