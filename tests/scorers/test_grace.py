"""Scorer grace: no pass where the sample was drawn with it, one for all texts drawn elsewhere, and the same numbers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.vote import Vote
from tts.engines.base import Capabilities, Meter, Prefix
from tts.engines.fake.engine import WATCHED, FakeEngine, extract
from tts.errors import EngineError, InputError, UnsupportedError
from tts.models.grace import GraceCard, write_card
from tts.registry import SCORERS
from tts.requirements import Requirements
from tts.runtime.driver import run_all
from tts.scorers.base import Scorer
from tts.scorers.config import open_scorer
from tts.scorers.grace import Grace, open_grace
from tts.scorers.metered import MeteredEngine
from tts.scorers.watched import WatchedScorer
from tts.types import STEP, Decision, Draw, End, Problem, Sample, Signals, Trace

ONE = Problem("q", "?")
BEFORE, AFTER = GraceCard("<CNF>", 7), GraceCard("<CNF>", 7, "after")
READINGS = ("last", "min", "step", "mean")


class Reader:
    """An engine that scores a text by its length, and remembers what it was asked."""

    capabilities = Capabilities(score_prefix=True)

    def __init__(self, *, spelled: tuple[int, ...] = (7,), value: float | None = None) -> None:
        self.asked: list[list[str]] = []
        self.spelled, self.value = spelled, value

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, **how: Any) -> Any:
        assert list(tokens) == [7]
        texts = [p.text + "<CNF>" * (p.last_ids == (7,)) for p in prefixes]
        self.asked.append(texts)
        return np.array([[self.of(text) if self.value is None else self.value] for text in texts])

    @staticmethod
    def of(text: str) -> float:
        return 1 / (2 + len(text))

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        return self.spelled


def judged(scorer: Scorer, samples: Sequence[Sample], engine: Any) -> list[float]:
    return asyncio.run(scorer.score(ONE, samples, MeteredEngine(engine))).tolist()


def drawn(*values: float, steps: tuple[bool, ...] = (), probe: float | None = None) -> Sample:
    return Sample("drawn here", trace=Trace(watched={7: values} if values else {}, steps=steps, probe=probe))


def test_a_sample_drawn_with_it_costs_nothing() -> None:
    one, two = drawn(0.5, 0.1, 0.8, steps=(True, True, False)), drawn(0.3, steps=(True,))
    expected = {"last": [0.8, 0.3], "min": [0.1, 0.3], "step": [0.1, 0.3], "mean": [1.4 / 3, 0.3]}
    for reading in READINGS:
        scorer = Grace(BEFORE, reading=reading)
        assert isinstance(scorer, Scorer)
        assert judged(scorer, [one, two], None) == pytest.approx(expected[reading])
    assert judged(Grace(AFTER), [drawn(0.5, probe=0.9), drawn(probe=0.0)], None) == [0.9, 0.0]
    assert judged(Grace(BEFORE), [drawn(0.5, probe=0.9)], None) == [0.5], "a card that reads before ignores a probe"
    assert judged(Grace(BEFORE), [], None) == []


def test_what_to_collect_follows_from_the_card_and_the_reading() -> None:
    watched = Signals(watch=(7,), owners={"grace": (7,)})
    assert {reading: Grace(BEFORE, reading=reading).needs for reading in READINGS} == {
        "last": watched,
        **{reading: watched | Signals(steps=True) for reading in READINGS[1:]},
    }
    assert {reading: Grace(AFTER, reading=reading).needs for reading in READINGS} == {
        "last": Signals(probe=7),
        **{reading: watched | Signals(steps=True, probe=7) for reading in READINGS[1:]},
    }


@given(st.lists(st.text("ab\n", max_size=12), min_size=1, max_size=5))
def test_texts_drawn_elsewhere_are_read_in_one_pass_at_the_same_places(texts: list[str]) -> None:
    samples = [Sample(text, index=i) for i, text in enumerate(texts)]
    for reading, join in (("last", lambda v: v[-1]), ("min", min), ("mean", np.mean)):
        engine = Reader()
        found = judged(Grace(BEFORE, reading=reading), samples, engine)
        assert len(engine.asked) == 1
        for text, value in zip(texts, found, strict=True):
            ends = [i for i, c in enumerate(text) if c == "\n" and (i == 0 or text[i - 1] != "\n")]
            assert value == pytest.approx(join([Reader.of(text[:i]) for i in ends] + [Reader.of(text)]))
    engine = Reader()
    found = judged(Grace(AFTER), samples, engine)
    assert engine.asked == [[f"{text}<CNF>" for text in texts]]
    assert found == [Reader.of(f"{text}<CNF>") for text in texts]


def test_a_text_without_signals_is_read_where_the_engine_reads_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, problem = FakeEngine(), FakeEngine.problems(1)[0]
    monkeypatch.setattr(engine, "score", None)
    texts = ["step 0 slip 0 \n", "step 0 slip 0 \nstep 1 slip 2 \n"]
    for reading in ("last", "min"):
        metered = MeteredEngine(engine)
        scorer = Grace(GraceCard("<CNF>", WATCHED), reading=reading)
        found = asyncio.run(scorer.score(problem, [Sample(text) for text in texts], metered))
        assert found.tolist() == [engine.truth(problem, text) for text in texts] and found[0] > found[1] == 0
        assert metered.usage.scorer_prefill > 0


def test_a_partial_text_that_ends_a_step_is_read_before_its_line_break_as_the_pass_that_draws_does() -> None:
    partial = Sample("one\ntwo\n", end=End.BOUNDARY)
    for reading, places in (("last", ["one\ntwo"]), ("step", ["one", "one\ntwo"]), ("min", ["one", "one\ntwo"])):
        engine = Reader()
        judged(Grace(BEFORE, reading=reading), [partial], engine)
        assert engine.asked == [places]
    engine = Reader()
    assert judged(Grace(BEFORE, reading="step"), [partial], engine) == [Reader.of("one")]
    judged(Grace(BEFORE), [replace(partial, end=End.STOP), replace(partial, text="one\ntw")], engine)
    assert engine.asked[1:] == [["one\ntwo\n", "one\ntw"]]
    judged(Grace(AFTER), [partial], engine)
    assert engine.asked[2:] == [["one\ntwo\n<CNF>"]]


def test_only_the_samples_that_lack_the_signals_are_read() -> None:
    engine = Reader()
    mixed = [drawn(0.5), Sample("ab"), drawn(0.25), Sample("abcd")]
    assert judged(Grace(BEFORE), mixed, engine) == [0.5, 1 / 4, 0.25, 1 / 6]
    assert engine.asked == [["ab", "abcd"]]
    other = Sample("ab", trace=Trace(watched={8: (0.9,)}))
    assert judged(Grace(BEFORE), [other], engine) == [1 / 4], "another token's probability is none of its business"
    noted = Sample("ab", trace=Trace(watched={7: (0.9,)}))
    assert judged(Grace(BEFORE, reading="min"), [noted], engine) == [1 / 4], "step ends were not noted"


def test_a_score_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="there is no model here to read a text with: draw the samples with"):
        judged(Grace(BEFORE), [Sample("ab")], None)
    with pytest.raises(UnsupportedError, match="trace score grace of sample 0 is nan, expected a finite number"):
        judged(Grace(BEFORE), [drawn(math.nan)], None)
    for value in (math.nan, math.inf, -0.1, 1.1):
        with pytest.raises(EngineError, match="gave no probability of '<CNF>' on problem 'q'"):
            judged(Grace(BEFORE), [Sample("ab")], Reader(value=value))
    with pytest.raises(
        UnsupportedError, match="has '<CNF>' as token 7 and the engine's tokenizer reads it as 3, 4: use"
    ):
        judged(Grace(AFTER), [Sample("ab")], Reader(spelled=(3, 4)))
    blind = Reader()
    blind.capabilities = Capabilities()  # type: ignore[misc]
    with pytest.raises(UnsupportedError, match="this engine cannot score a prefix"):
        judged(Grace(BEFORE), [Sample("ab")], blind)


def test_a_configuration_opens_it_with_the_models_card_or_another(tmp_path: Path) -> None:
    at: dict[str, Any] = {"model": "m", "revision": "", "template": "{question}"}
    assert "grace" in SCORERS.names() and "grace_min" not in SCORERS.names(), (
        "a reading is an option, not another scorer"
    )
    with pytest.raises(InputError, match=r"scorer grace needs the grace\.json of a GrACE model, and this model is"):
        open_scorer({"name": "grace"}, **at)
    with pytest.raises(InputError, match=r"has no grace\.json: train one with `tts train grace`"):
        open_scorer({"name": "grace"}, **at, folder=tmp_path)
    write_card(tmp_path, AFTER)
    for opened in (
        open_scorer({"name": "grace"}, **at, folder=tmp_path),
        open_scorer({"name": "grace", "card": str(tmp_path)}, **at, folder=tmp_path / "ignored"),
    ):
        assert isinstance(opened.scorer, Grace) and opened.scorer.card == AFTER
        assert (opened.name, opened.probability) == ("grace", True)
        assert opened.key == {"name": "grace", "reading": "last", "token_id": 7, "readout": "after"}
    least = open_scorer({"name": "grace", "reading": "min"}, **at, folder=tmp_path)
    assert least.name == "grace(reading=min)"
    with pytest.raises(InputError, match="scorer grace needs reading last, min, step, mean, got 'worst'"):
        open_scorer({"name": "grace", "reading": "worst"}, **at, folder=tmp_path)
    with pytest.raises(InputError, match="option of scorer grace 'folder': allowed are calibration, card, reading"):
        open_scorer({"name": "grace", "folder": "x"}, **at)
    with pytest.raises(InputError, match="scorer grace needs text for reading, got 3"):
        open_scorer({"name": "grace", "reading": 3}, **at, folder=tmp_path)


class Halfway:
    """Draws three partial samples and decides nothing."""

    name, budget = "halfway", 3
    requires = Requirements(confidence=True, prefix_confidence=True, branching=True)

    def run(self, problem: Problem) -> Any:
        samples = yield Draw(3, until=STEP)
        return Decision(None, tuple(samples), "budget")


@pytest.mark.parametrize("strategy", [Vote("sc", 4), Halfway()], ids=lambda s: s.name)
def test_on_the_fake_engine_it_is_the_watched_confidence_of_whole_and_partial_samples(
    tmp_path: Path, strategy: Any
) -> None:
    write_card(tmp_path, GraceCard("<CNF>", WATCHED))

    def play(scorer: Any) -> Any:
        engine = FakeEngine()
        results = asyncio.run(run_all(strategy, engine.problems(5), engine, extract=extract, scorer=scorer))
        assert engine.scored == 0, "no further pass"
        return [r.decision for r in results]

    decisions = play(open_grace(folder=tmp_path))
    assert {owner for d in decisions for s in d.samples for owner in s.trace.owners} == {"grace"}
    unowned = [
        replace(d, samples=tuple(replace(s, trace=replace(s.trace, owners={})) for s in d.samples)) for d in decisions
    ]
    assert unowned == play(WatchedScorer())
    ends = {End.BOUNDARY} if strategy.name == "halfway" else {End.STOP}
    assert {s.end for d in decisions for s in d.samples} == ends
