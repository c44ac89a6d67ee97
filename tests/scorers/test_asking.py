"""Scorers that ask the model: what they read, what they refuse, and that every token of asking is charged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import EngineError, InputError, UnsupportedError
from tts.runtime.driver import Options, run_all
from tts.scorers.asking import MOST_TOKENS, PTrue, Verbalised
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.percentages import percentage, stated_percentage
from tts.types import TOKENS, Boundary, End, Problem, Sample, Trace, Usage

ONE = Problem("q", "what is it ?", "7")
SAMPLES = [Sample("so 7 ", "7", index=4), Sample("so 8 ", "8", index=5), Sample("hm ", None, index=6)]


class Asked(FakeEngine):
    """Answers questions about samples from a script and keeps what it was asked."""

    def __init__(self, reply: Callable[[Request], str] = lambda request: " 80", p: Any = None) -> None:
        super().__init__()
        self.reply, self.p, self.requests, self.prefixes = reply, p, [], []

    async def sample(self, request: Request) -> Any:
        if request.until != TOKENS(MOST_TOKENS):
            async for chunk in super().sample(request):
                yield chunk
            return
        self.requests.append(request)
        assert request.prefix is not None
        request.meter.prompt += 3
        request.meter.prompt_cached += len(request.prefix.token_ids)
        text = self.reply(request)
        for word in text.split(" "):
            await asyncio.sleep(0)
            request.meter.drawn += 1
            yield Chunk(f"{word} ", (1,))
        yield Chunk("", (), Trace(), End.BOUNDARY)

    async def score(self, prefixes: Any, tokens: Any, meter: Meter, **how: Any) -> Any:
        self.prefixes += prefixes
        meter.prompt += 10 * len(prefixes)
        return np.array([self.p[p.text[3]] for p in prefixes])


def score(scorer: Any, engine: FakeEngine, samples: list[Sample] = SAMPLES) -> tuple[list[float], Usage]:
    metered = MeteredEngine(engine)
    values = asyncio.run(scorer.score(ONE, samples, metered))
    return values.tolist(), metered.usage


@pytest.mark.parametrize("scorer", [PTrue(), Verbalised()])
def test_each_is_a_scorer_that_asks_nothing_about_nothing(scorer: Any) -> None:
    assert isinstance(scorer, Scorer)
    assert score(scorer, FakeEngine(), []) == ([], Usage())
    assert score(scorer, FakeEngine(), SAMPLES[2:]) == ([0.0], Usage()), "no answer, so nothing that could be right"


@pytest.mark.parametrize("scorer", [PTrue(), Verbalised()])
def test_a_partial_sample_is_refused(scorer: Any) -> None:
    with pytest.raises(UnsupportedError, match="asks about finished samples and draw 2 is partial"):
        score(scorer, FakeEngine(), [Sample("so", index=2, end=End.BOUNDARY)])


def test_p_true_is_the_share_of_the_true_label_in_one_pass() -> None:
    engine = Asked(p={"7": (0.3, 0.1), "8": (0.01, 0.09)})
    values, usage = score(PTrue(template=" Q {question} A {answer} {text} ("), engine)
    assert values == pytest.approx([0.75, 0.1, 0.0])
    assert usage == Usage(scorer_prefill=20)
    assert [p.text + p.filled() for p in engine.prefixes] == [
        "so 7  Q what is it ? A 7 {text} (",
        "so 8  Q what is it ? A 8 {text} (",
    ]
    assert all(p.problem == ONE for p in engine.prefixes)


def test_answers_are_put_into_the_question_as_they_are() -> None:
    engine = Asked(p={"7": (1.0, 0.0)})
    score(PTrue(template="{answer}|"), engine, [Sample("so 7", "{question}\\1")])
    prefix = engine.prefixes[0]
    assert prefix.text + prefix.filled() == "so 7{question}\\1|"


def test_a_label_of_several_tokens_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="each label to be one token, and 'is true' is 2 in this vocabulary"):
        score(PTrue(true="is true"), FakeEngine())
    with pytest.raises(InputError, match="two different labels, got 'A' twice"):
        PTrue(false="A")

    class Coarse(FakeEngine):
        def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
            return (1,)

    with pytest.raises(UnsupportedError, match="'A' and 'B' are the same token"):
        score(PTrue(), Coarse())


@pytest.mark.parametrize("p", [(0.0, 0.0), (float("nan"), 0.1)])
def test_no_probability_for_either_label_is_an_error_and_not_a_half(p: Any) -> None:
    with pytest.raises(EngineError, match="gave neither label of P\\(True\\) any probability on problem 'q'"):
        score(PTrue(), Asked(p={"7": p, "8": p}))


def test_the_verbalised_number_is_read_and_its_tokens_are_charged() -> None:
    engine = Asked(lambda r: {4: "about 80 %", 5: "5."}[r.index])
    values, usage = score(Verbalised(template=" sure about {answer} ?"), engine)
    assert values == pytest.approx([0.8, 0.05, 0.0])
    read = sum(3 + len(f"so {a} sure about {a} ?".split()) for a in "78")
    assert usage == Usage(scorer_prefill=read, scorer_decode=3 + 1)
    prefixes = [(r.prefix.text, r.prefix.token_ids) for r in engine.requests if r.prefix is not None]
    assert prefixes[0] == ("so 7  sure about 7 ?", engine.encode("so 7  sure about 7 ?"))


def test_a_missing_number_is_asked_for_again_and_then_an_error_and_everything_is_charged() -> None:
    engine = Asked(lambda r: "95" if r.attempt == 2 else "very sure")
    values, usage = score(Verbalised(template=""), engine, SAMPLES[:1])
    assert values == [0.95]
    assert [r.attempt for r in engine.requests] == [0, 1, 2]
    assert usage == Usage(scorer_prefill=3 * 5, scorer_decode=2 + 2 + 1)
    metered = MeteredEngine(Asked(lambda r: "very sure"))
    with pytest.raises(EngineError, match="draw 4 of problem 'q' needs a number from 0 to 100, and"):
        asyncio.run(Verbalised(template="").score(ONE, SAMPLES[:1], metered))
    assert metered.usage == Usage(scorer_prefill=3 * 5, scorer_decode=3 * 2)


def test_a_missing_number_fails_the_sample_in_a_run_and_the_ledger_is_exact() -> None:
    from strategies.catalog import CATALOG

    engine = Asked(lambda r: "who knows")
    (result,) = asyncio.run(
        run_all(
            CATALOG["grace_es"].build(2),
            engine.problems(1),
            engine,
            extract=extract,
            scorer=Verbalised(attempts=1),
            options=Options(retries=1, backoff_s=0),
        )
    )
    assert result.decision.failed == 2 and result.decision.answer is None
    usage = result.decision.usage
    assert usage is not None
    assert usage.scorer_decode == 2 * sum(r.meter.drawn > 0 for r in engine.requests) == 2 * 2 * 2
    assert usage.scorer_prefill == sum(r.meter.prompt + r.meter.prompt_cached for r in engine.requests)
    assert (usage.delivered, usage.aborted) == (0, engine.drawn)


@settings(deadline=None)
@given(st.floats(0, 100), st.sampled_from(["{}", " {} ", "{}%", "I say {}.", "({})", "+{}", "is {},", "{}/100."]))
def test_any_number_in_range_is_read(number: float, around: str) -> None:
    text = f"{number:.3f}".rstrip("0").rstrip(".")
    assert percentage(around.format(text)) == pytest.approx(number, abs=1e-3)


@pytest.mark.parametrize("reply", ["", "sure", "-5", "101", "250 %", "x7", "9/10", "1e", "70-80"])
def test_what_is_no_number_from_0_to_100_is_missing(reply: str) -> None:
    assert percentage(reply) is None


@pytest.mark.parametrize("given", [{"max_tokens": 0}, {"attempts": 0}])
def test_a_verbalised_confidence_that_means_nothing_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(InputError, match="max_tokens and attempts of at least 1"):
        Verbalised(**given)


# --- completions on the fake engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [1, 3])
def test_a_completion_is_charged_token_by_token(tokens: int) -> None:
    engine = FakeEngine()
    metered = MeteredEngine(engine)
    text = asyncio.run(metered.complete(Prefix(engine.problems(1)[0], "step 0 "), tokens))
    assert len(text.split(" ")) - 1 == tokens == engine.drawn
    assert metered.usage == Usage(scorer_prefill=engine.prompt + engine.prompt_cached, scorer_decode=tokens)
    assert engine.prompt == 5 + 2, "the question and the text"


def test_a_completion_that_fails_is_charged_too() -> None:
    engine = FakeEngine(fails=lambda request: True)
    metered = MeteredEngine(engine)
    with pytest.raises(EngineError, match="on purpose"):
        asyncio.run(metered.complete(Prefix(engine.problems(1)[0], ""), 8))
    assert metered.usage == Usage(scorer_prefill=engine.prompt, scorer_decode=engine.drawn) and engine.drawn == 3


def test_a_completion_that_is_cancelled_is_charged_too() -> None:
    engine = FakeEngine()
    metered = MeteredEngine(engine)

    async def cancelled() -> None:
        task = asyncio.create_task(metered.complete(Prefix(engine.problems(1)[0], ""), 1000))
        while engine.drawn < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert metered.usage == Usage(scorer_prefill=engine.prompt, scorer_decode=engine.drawn)
    assert engine.drawn >= 2


def test_one_failing_reply_stops_the_others_before_the_ledger_is_read() -> None:
    def reply(request: Request) -> str:
        if request.index == 4:
            raise EngineError("down")
        return "word " * 50 + "7"

    engine = Asked(reply)
    metered = MeteredEngine(engine)
    with pytest.raises(EngineError):
        asyncio.run(Verbalised(attempts=1).score(ONE, SAMPLES, metered))
    drawn = [r.meter.drawn for r in engine.requests]
    assert metered.usage.scorer_decode == sum(drawn) and max(drawn) < 50


def test_a_reply_that_cannot_be_read_costs_its_own_sample_only() -> None:
    values, _ = score(Verbalised(attempts=1), Asked(lambda r: "no" if r.index == 4 else "7"))
    assert math.isnan(values[0]) and values[1:] == [0.07, 0.0]


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("85", 85.0),
        ("I'm 85% sure.", 85.0),
        ("<think>Is it 3 or 4? 50?</think>90", 90.0),
        ("On a scale from 0 to 100, my confidence is 70.", 70.0),
        ("The answer 18 is right with 95 % probability", 95.0),
        ("Confidence: **60**/100", 60.0),
        ("very sure", None),
        ("either 3 or 4", 3.0),
        ("It could be either 3 or 4 apples, I cannot say.", None),
        ("<think>50", None),
        ("50 (surely right).", 50.0),
        ("0.95", 95.0),
        ("0.5 %", 0.5),
        ("You've shown that your entire answer is incorrect. The answer is 22.", None),
        ("1. A pen costs 2 dollars.\n2. 7 pens cost 5*10 = 50 cents.\n\nSo the answer is 50 cents.", None),
    ],
)
def test_the_number_that_a_whole_reply_states_is_read(reply: str, number: float | None) -> None:
    assert stated_percentage(reply) == number


def test_a_bug_is_raised_as_it_is() -> None:
    def broken(request: Request) -> str:
        if request.index == 5:
            raise ZeroDivisionError
        return "no number"

    with pytest.raises(ZeroDivisionError):
        score(Verbalised(attempts=1), Asked(broken))


def test_an_engine_that_cannot_continue_or_breaks_off_is_told_so() -> None:
    class Whole(FakeEngine):
        capabilities = Capabilities(score_prefix=True)

    with pytest.raises(UnsupportedError, match="this engine cannot continue a text"):
        score(Verbalised(), Whole())

    class Broken(FakeEngine):
        async def sample(self, request: Request) -> Any:
            yield Chunk("a", (1,))

    with pytest.raises(EngineError, match="Broken ended a stream without a reason"):
        score(Verbalised(), Broken())
    assert isinstance(TOKENS(1), Boundary)
