"""A vote on calls: by name, then by arguments among that name, with any strategy and on the same draws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("jsonschema")

from strategies.catalog import CATALOG, method
from tests.support.examples import examples
from tts.answers.tools.calls import CallReader
from tts.errors import UnsupportedError
from tts.runtime.calls.names_first import NamesFirst
from tts.strategy import TIME_LIMIT, BaseStrategy, Steps, Strategy, TimeUp
from tts.types import STEP, Decision, Draw, Problem, Sample, ToolCall, Trace

TOOLS = tuple({"type": "function", "function": {"name": name}} for name in ("search", "book"))
PROBLEM = Problem("q", "?", tools=TOOLS)
READER = CallReader(PROBLEM)


def made(word: str, confidence: float | None = None, index: int = 0) -> Sample:
    """Return the sample of a word: a text such as "7", or a call such as "search:a"; "" is unreadable."""
    name, _, argument = word.partition(":")
    if not argument:
        return Sample(word, word or None, confidence=confidence, index=index)
    calls = (ToolCall(name, f'{{"x": "{argument}"}}'),)
    return Sample("", READER.read(calls), confidence=confidence, index=index, calls=calls)


def play(strategy: Strategy, samples: list[Sample], *, late_after: int | None = None) -> tuple[Decision, int]:
    """Play a strategy on samples; return its decision and the draws that it asked for."""
    steps, at = NamesFirst(strategy, READER).run(PROBLEM), 0
    try:
        draw = next(steps)
        while True:
            if late_after is not None and at + draw.n > late_after:
                draw = steps.throw(TimeUp(samples[at:late_after]))
                raise AssertionError("asked for another draw")
            taken = samples[at : at + draw.n]
            at += draw.n
            assert len(taken) == draw.n, "asked for more than its budget"
            draw = steps.send(taken)
    except StopIteration as stop:
        return stop.value, at


def strategy(name: str, budget: int) -> Any:
    learned = {"pandora": {"value": 0.9}, "reasc": {"gate": 0.9, "mean": 0.5, "scale": 0.2}}
    return method(name).build(budget, learned.get(name))


WORDS = st.lists(st.sampled_from(["", "7", "8", "search:a", "search:b", "search:c", "book:x"]), min_size=9, max_size=9)


def expected(words: list[str]) -> str | None:
    """Return the winner of the issue's words: the first most frequent name, then the first most frequent one of it."""

    def most(among: list[str]) -> str:
        return max(dict.fromkeys(among), key=among.count)

    read = [word for word in words if word]
    if not read:
        return None
    kind = {word: word.partition(":")[0] if ":" in word else "" for word in read}
    name = most([kind[word] for word in read])
    return most([word for word in read if kind[word] == name])


@settings(max_examples=examples(200), deadline=None)
@given(WORDS)
def test_the_winner_is_decided_by_name_then_by_arguments(words: list[str]) -> None:
    samples = [made(word, index=at) for at, word in enumerate(words)]
    decision, drawn = play(strategy("self_consistency", 9), samples)
    wanted = expected(words)
    assert decision.answer == (None if wanted is None else made(wanted).answer)
    assert drawn == 9 and decision.samples == tuple(samples), "the samples keep their own answers"
    if wanted is not None:
        same = sum(sample.answer == decision.answer for sample in samples)
        assert decision.vote_share == pytest.approx(same / sum(map(bool, words)))


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_every_strategy_of_the_catalogue_votes_on_calls(name: str) -> None:
    chosen = strategy(name, 9)
    if chosen.requires.signals.to_json():
        pytest.skip("reads signals of each token, which these samples lack")
    words = ["search:a", "book:x", "search:b", "search:a", "7", "", "search:a", "search:a", "search:b"]
    samples = [made(word, 0.8, at) for at, word in enumerate(words)]
    decision, drawn = play(chosen, samples)
    assert decision.answer in {sample.answer for sample in samples if sample.calls} and 1 <= drawn <= 9
    assert decision.samples == tuple(samples[:drawn])
    for value in (decision.p_correct, decision.vote_share):
        assert value is None or 0.0 <= value <= 1.0


@settings(max_examples=examples(200), deadline=None)
@given(WORDS, st.integers(0, 9))
def test_a_vote_whose_time_is_up_is_decided_on_what_is_there(words: list[str], ready: int) -> None:
    samples = [made(word, index=at) for at, word in enumerate(words)]
    decision, _ = play(strategy("self_consistency", 9), samples, late_after=ready if ready < 9 else None)
    wanted = expected(words[:ready])
    assert decision.answer == (None if wanted is None else made(wanted).answer)
    assert (decision.reason == TIME_LIMIT) == (ready < 9) and len(decision.samples) == ready


def test_a_strategy_that_stops_goes_on_where_the_arguments_are_not_sure() -> None:
    """The names agree after three draws; the arguments are drawn on, and no draw is drawn twice."""
    words = ["search:a", "search:b", "search:c", "search:a", "search:a", "search:a", "search:a", "search:a", "search:a"]
    alike = [made("search:a", index=at) for at in range(9)]
    samples = [made(word, index=at) for at, word in enumerate(words)]
    chosen = strategy("adaptive_consistency", 9)
    few, many = play(chosen, alike)[1], play(chosen, samples)[1]
    assert few < many <= 9
    assert play(chosen, samples)[0].answer == alike[0].answer


def test_an_estimate_is_never_above_that_of_either_vote() -> None:
    samples = [made("search:a", 0.9, 0), made("book:x", 0.6, 1), made("search:b", 0.7, 2)]
    decision, _ = play(strategy("best_of_n", 3), samples)
    assert (decision.answer, decision.p_correct) == (samples[0].answer, 0.9)


def test_calls_are_certified_where_their_names_and_their_arguments_are() -> None:
    def drawn(word: str, probability: float, index: int) -> Sample:
        return replace(made(word, index=index), trace=Trace(processed=(math.log(probability),)))

    sure = [drawn("search:a", 0.5, 0), drawn("book:x", 0.1, 1), drawn("search:b", 0.1, 2)]
    decision, _ = play(strategy("perplexity_consistency", 3), sure)
    assert (decision.answer, decision.certified) == (sure[0].answer, True)
    assert decision.masses == {sure[0].answer: pytest.approx(0.5), sure[2].answer: pytest.approx(0.1)}
    assert decision.unseen_mass == pytest.approx(0.3)
    torn = [drawn("search:a", 0.3, 0), drawn("book:x", 0.1, 1), drawn("search:b", 0.29, 2)]
    assert play(strategy("perplexity_consistency", 3), torn)[0].certified is False, "the arguments are not sure"


class Forks(BaseStrategy):
    name, budget = "forks", 2

    def run(self, problem: Problem) -> Steps:
        (first,) = yield Draw(until=STEP)
        yield Draw(prefix=first)
        raise AssertionError


def test_a_strategy_that_continues_texts_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="strategy forks continues partial samples, and calls of tools"):
        play(Forks(), [made("search:a"), made("search:a")])
