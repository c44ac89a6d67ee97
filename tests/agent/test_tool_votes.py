"""Votes on calls of tools: a solver in front of a scripted server over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("jsonschema")

import tts
from tests.support.servers.calling import CallingServer, Calls, function
from tests.support.servers.plain import serving
from tts.errors import InputError, UnsupportedError
from tts.pool.records import Entry
from tts.types import Message, Problem, Sample, ToolCall

WEATHER = function("weather", city="string", days="integer?", request_id="string?")
BOOK = function("book", id="integer")
QUESTION = "Will it rain in Oslo?"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tts.close()


def problem(**more: Any) -> Problem:
    return Problem.of_messages("q", [Message("user", QUESTION)], tools=(WEATHER, BOOK), **more)


def solved(
    *replies: str | Calls, asked: Problem | None = None, server: type[CallingServer] = CallingServer, **settings: Any
) -> tuple[tts.Answer, CallingServer]:
    script = server(*replies)
    given = {"strategy": "self_consistency", "budget": len(replies), **settings}
    with serving(script) as served:
        solver = tts.Solver.open(
            kind="openai", model="m", openai={"urls": [served.url], "concurrency": 1}, chat=True, **given
        )
        return solver.solve(asked or problem()), script


def weather(city: str, **more: Any) -> Calls:
    return [("weather", {"city": city, **more})]


def test_the_winning_call_has_its_agreement_by_argument() -> None:
    answer, script = solved(
        weather("Oslo", days=3),
        weather("Oslo", days=2),
        "#### 7",
        [("weather", '{"days": 3.0,   "city": "Oslo"}')],
        [("weather", '{"city": "Os')],
        [("book", {"id": 1})],
    )
    [call] = answer.calls
    assert (call.name, call.arguments, call.id) == ("weather", '{"city": "Oslo", "days": 3}', "call_0")
    assert call.agreement == {"city": 1.0, "days": pytest.approx(2 / 3)}
    assert answer.answer == '[{"arguments":{"city":"Oslo","days":3},"name":"weather"}]' == str(answer)
    assert (answer.text, answer.vote_share) == ("", pytest.approx(2 / 5)) and len(answer.samples) == 6
    assert script.seen[-1]["tools"] == [WEATHER, BOOK]


def test_the_name_is_decided_before_the_arguments() -> None:
    """One booking has most votes of all calls, and more votes are for the weather."""
    book: Calls = [("book", {"id": 1})]
    answer, _ = solved(weather("Oslo"), book, weather("Bergen"), book, weather("Rome"))
    assert answer.calls[0].name == "weather" and answer.calls[0].agreement == {"city": pytest.approx(1 / 3)}


def test_texts_win_together_or_not_at_all() -> None:
    answer, _ = solved("#### 7", weather("Oslo"), "#### 8", weather("Oslo"), "#### 7")
    assert (answer.answer, answer.text, answer.calls) == ("7", "#### 7", ())
    answer, _ = solved("#### 7", weather("Oslo"), "#### 8", weather("Rome"), weather("Oslo"))
    assert answer.calls[0].arguments == '{"city": "Oslo"}'


def test_a_call_that_is_made_twice_is_another_answer() -> None:
    once, twice = weather("Oslo"), [*weather("Oslo"), *weather("Oslo")]
    answer, _ = solved(twice, once, twice)
    assert [call.agreement for call in answer.calls] == [{"city": 1.0}] * 2


def test_order_counts_where_one_call_may_be_made_at_a_time() -> None:
    there, back = [*weather("Oslo"), *weather("Rome")], [*weather("Rome"), *weather("Oslo")]
    replies = (there, back, back, there, back)
    assert solved(*replies)[0].vote_share == 1.0
    answer, script = solved(*replies, asked=problem(parallel_tool_calls=False))
    assert answer.vote_share == pytest.approx(3 / 5) and script.seen[-1]["parallel_tool_calls"] is False


def test_ignored_arguments_do_not_vote() -> None:
    replies = [weather("Oslo", request_id="a"), weather("Rome"), weather("Oslo", request_id="b")]
    answer, _ = solved(*replies, tools={"ignore": ["request_id"]})
    assert answer.calls[0].agreement == {"city": pytest.approx(2 / 3)}
    assert answer.calls[0].arguments == '{"city": "Oslo", "request_id": "a"}', "the call itself keeps it"
    assert answer.vote_share == pytest.approx(2 / 3)


def test_calls_that_never_vote_leave_no_answer() -> None:
    answer, _ = solved([("weather", "{}")], [("wether", {"city": "Oslo"})], [("book", '{"id": 1')])
    assert (answer.answer, answer.calls, len(answer.samples)) == (None, (), 3)
    assert sorted(s.calls[0].name for s in answer.samples) == ["book", "weather", "wether"], "none is lost"


@pytest.mark.parametrize("strategy", ["adaptive_consistency", "esc", "martingale_majority"])
def test_strategies_that_stop_early_stop_early(strategy: str) -> None:
    answer, _ = solved(*[weather("Oslo")] * 16, strategy=strategy)
    assert answer.calls and answer.stopped_by != "budget" and len(answer.samples) < 16


def test_texts_are_compared_by_their_equality_and_calls_are_not() -> None:
    answer, _ = solved(weather("Oslo"), "#### 1/2", weather("Oslo"), "#### 0.5", answers="math")
    assert answer.calls[0].agreement == {"city": 1.0}
    answer, _ = solved("#### 1/2", weather("Oslo"), r"\boxed{\frac{1}{2}}", weather("Oslo"), "#### 0.5", answers="math")
    assert not answer.calls and answer.vote_share == pytest.approx(3 / 5)


class Sure(CallingServer):
    further = "80"


def test_calls_reach_a_scorer_as_text() -> None:
    answer, script = solved(
        weather("Oslo"), weather("Rome"), scorer="verbalised", strategy="best_of_n", server=Sure, answers="text"
    )
    [first, second] = [body for body in script.seen if body.get("tool_choice") == "none"]
    replies = [body["messages"][-2]["content"] for body in (first, second)]
    assert sorted(replies) == ['weather({"city": "Oslo"})', 'weather({"city": "Rome"})']
    assert answer.calls and answer.p_correct == pytest.approx(0.8)


def test_what_cannot_be_is_refused_before_a_draw() -> None:
    with pytest.raises(UnsupportedError, match="gives no calls of tools: leave tools out, or draw from a server"):
        tts.Solver.open(kind="fake", model="fake").solve(problem())
    script = CallingServer("#### 7")
    with serving(script) as server:
        solver = tts.Solver.open(kind="openai", model="m", openai={"urls": [server.url]}, chat=True)
        asked = len(script.seen)
        with pytest.raises(InputError, match=r"tools\[0\] must be"):
            solver.solve(Problem("q", QUESTION, tools=({"name": "f"},)))
        assert len(script.seen) == asked

        async def many() -> list[Any]:
            return await asyncio.gather(*(solver.asolve(problem()) for _ in range(3)))

        assert len(asyncio.run(many())) == 3


def test_pools_refuse_calls_that_are_no_text() -> None:
    sample = Sample("", "x", calls=(ToolCall("f", '{"a": "\ud800"}'),))
    with pytest.raises(InputError, match="a call of a tool holds the lone surrogate"):
        Entry(Problem("q", "?"), (sample,), (None,))
