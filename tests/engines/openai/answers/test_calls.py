"""Calls of tools out of a stream, in every shape that servers send."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.support.servers import calling
from tests.support.servers.plain import Body, RefusalError, serving
from tts.engines.base import Meter, Request
from tts.engines.openai.answers.calls import CallCollector, CallPart, read_calls
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling
from tts.engines.streams import collected
from tts.errors import EngineError
from tts.prompts import Prompt
from tts.types import End, Problem, Sample, ToolCall

TOOLS = (calling.function("add", a="integer", b="integer"), calling.function("now"))
ADD, SUM = ("add", {"a": 1, "b": 2}), ("add", {"a": 30, "b": 4})
PROBLEM = Problem("q", "1 + 2?", tools=TOOLS, tool_choice="auto", parallel_tool_calls=True)


def load(url: str, notes: list[str] | None = None, **more: Any) -> OpenAIEngine:
    return OpenAIEngine.load(
        OpenAIConfig(urls=[url], retries=0, outage_timeout_s=1.0, timeout_s=5.0, **more),
        model="m",
        prompt=Prompt(chat=True),
        sampling=Sampling(max_tokens=50),
        seeded=False,
        notify=(notes if notes is not None else []).append,
    )


def draw(script: calling.CallingServer, problem: Problem = PROBLEM, count: int = 1) -> tuple[Sample, Meter, list[str]]:
    notes: list[str] = []
    with serving(script) as server:
        request = Request(problem)
        sample = asyncio.run(collected(load(server.url, notes), request))
    return sample, request.meter, notes


@pytest.mark.parametrize("shape", [calling.CallingServer, calling.WholeCalls, calling.Unnumbered, calling.RepeatedId])
def test_streamed_calls_are_collected_whole_and_in_order(shape: type[calling.CallingServer]) -> None:
    sample, meter, notes = draw(shape([ADD, SUM, ADD]))
    assert [(call.name, call.arguments) for call in sample.calls] == [
        (name, calling.written(arguments)) for name, arguments in (ADD, SUM, ADD)
    ]
    assert (sample.end, sample.text, meter.drawn, notes) == (End.STOP, "", 5, [])
    ids = [call.id for call in sample.calls]
    assert ids == ([""] * 3 if shape is calling.Unnumbered else ["call_0", "call_1", "call_2"])


def test_the_interface_before_tools_has_one_call() -> None:
    sample, _, _ = draw(calling.OldFunction([ADD]))
    assert sample.calls == (ToolCall("add", calling.written(ADD[1])),) and sample.end is End.STOP


def test_a_text_beside_tools_stays_a_text() -> None:
    sample, _, _ = draw(calling.CallingServer("It is 3."))
    assert (sample.text, sample.calls) == ("It is 3.", ())


def test_tools_and_their_choice_go_to_the_server_and_nowhere_else() -> None:
    script = calling.CallingServer([ADD])
    named = {"type": "function", "function": {"name": "add"}}
    draw(script, Problem("q", "?", tools=TOOLS, tool_choice=named, parallel_tool_calls=False))
    body = script.seen[-1]
    assert (body["tools"], body["tool_choice"], body["parallel_tool_calls"]) == ([*TOOLS], named, False)
    draw(script, Problem("q", "?", tool_choice="auto", parallel_tool_calls=True))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(script.seen[-1]), "no server takes them alone"


def test_tokens_that_a_server_does_not_report_are_estimated_from_calls_and_tools_too() -> None:
    class Silent(calling.CallingServer):
        def usage(self) -> Any:
            return None

    _, meter, notes = draw(Silent([("add", {"a": 1, "b": 10**60})]))
    assert meter.drawn >= 16 and meter.prompt > 60 and meter.estimated and "estimated" in notes[0]


def test_a_server_that_refuses_the_choice_of_a_tool_is_not_asked_without_it() -> None:
    class Refuses(calling.CallingServer):
        def check(self, body: Body) -> None:
            if "tool_choice" in body:
                raise RefusalError(400, {"error": {"message": "unknown field", "param": "tool_choice"}})

    with pytest.raises(EngineError, match="unknown field"):
        draw(Refuses([ADD]))


def test_calls_that_are_cut_off_are_kept_as_they_are() -> None:
    class Cut(calling.CallingServer):
        call_reason = "length"

    sample, _, _ = draw(Cut([("add", '{"a": 1')]))
    assert (sample.end, sample.calls) == (End.LENGTH, (ToolCall("add", '{"a": 1', "call_0"),))


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": None},
        {"tool_calls": "x"},
        {"tool_calls": [None, 3, {}, {"function": None}, {"index": 0}]},
        {"function_call": None},
        {"tool_calls": [{"index": 0, "id": None, "function": {"name": None, "arguments": None}}]},
    ],
)
def test_what_is_foreign_is_no_call(message: Any) -> None:
    assert read_calls(message) == ()


def test_unnumbered_parts_of_one_call_are_one_call() -> None:
    collector = CallCollector()
    for part in (CallPart(None, "add", "", "x"), CallPart(None, "", '{"a"'), CallPart(None, "", ": 1}", "x")):
        collector.add(part)
    collector.add(CallPart(None, "now", "{}"))
    assert collector.calls == (ToolCall("add", '{"a": 1}', "x"), ToolCall("now", "{}"))
