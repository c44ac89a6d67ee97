"""Every way in which a strategy's draws can come out on a language that is enumerated."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.strategies.distinct.cases import END, Language, Text, answer
from tts.strategy import Strategy
from tts.types import Decision, Draw, End, Problem, Sample, Trace


def sample_of(language: Language, text: Text, given: int = 0, index: int = 0) -> Sample:
    """The draw of a text that continues its first ``given`` tokens."""
    steps = [language.next(text[:at]) for at in range(len(text))]
    end = End.STOP if text[-1] == END else End.LENGTH
    trace = Trace(
        processed=tuple(math.log(p[token]) for p, token in zip(steps, text, strict=True)),
        alternatives=tuple(language.alternatives(p, last=at == language.length - 1) for at, p in enumerate(steps)),
    )
    found = answer(text) if end is End.STOP else None
    return Sample("".join(map(str, text)), found, end, index=index, token_ids=text, trace=trace, given=given)


def plays(strategy: Strategy, language: Language, known: tuple[Text, ...] = ()) -> Iterator[Decision]:
    """Yield the decision of every sequence of texts that can be drawn, those that begin with ``known``."""
    steps = strategy.run(Problem("q", "?"))
    try:
        draw, at = next(steps), 0
        while at + draw.n <= len(known):
            samples = [_sample(language, draw, k, known[at + k], at + k) for k in range(draw.n)]
            draw, at = steps.send(samples), at + draw.n
    except StopIteration as stop:
        yield stop.value
        return
    prefix = draw.single(len(known) - at).prefix
    begun = () if prefix is None else prefix.token_ids
    for text in (text for text in language.masses if text[: len(begun)] == begun):
        yield from plays(strategy, language, (*known, text))


def _sample(language: Language, draw: Draw, number: int, text: Text, index: int) -> Sample:
    prefix = draw.single(number).prefix
    return sample_of(language, text, 0 if prefix is None else len(prefix.token_ids), index)
