"""The output stream of a request charges what vLLM counts, also when it is closed or vLLM fails."""

from __future__ import annotations

from contextlib import aclosing
from types import SimpleNamespace as Object
from typing import Any

import pytest

from tests.engines.cases import calmly
from tests.engines.vllm import stub
from tts.engines.base import Meter
from tts.engines.vllm.output_stream import stream_outputs, token_logprobs
from tts.engines.vllm.restarting import RestartingLLM
from tts.errors import EngineError

IDS = (1, 2, 3, 4)


def output(*tokens: int, finished: bool = False, cached: int = 3) -> Object:
    piece = Object(token_ids=list(tokens), logprobs=None, finish_reason="stop" if finished else None)
    return Object(outputs=[piece], finished=finished, num_cached_tokens=cached)


class Queue:
    """Hands out these outputs; an exception is raised."""

    def __init__(self, outputs: list[Any]) -> None:
        self.outputs = outputs

    def get_nowait(self) -> Any:
        return None if not self.outputs or isinstance(self.outputs[0], Exception) else self.outputs.pop(0)

    async def get(self) -> Any:
        raise self.outputs.pop(0)


class Running:
    """An ``AsyncLLM`` that runs one request."""

    errored = False

    def __init__(self, outputs: list[Any], held: list[Any]) -> None:
        self.queue, self.held, self.aborted = Queue(outputs), held, list[str]()

    async def add_request(self, name: str, prompt: Any, params: Any, *, lora_request: Any) -> Queue:
        assert prompt == {"prompt_token_ids": list(IDS)}
        return self.queue

    async def abort(self, name: str) -> None:
        self.aborted.append(name)
        self.queue.outputs = self.held

    def shutdown(self) -> None: ...


def read(
    monkeypatch: pytest.MonkeyPatch, outputs: list[Any], take: int = 99, held: list[Any] | None = None
) -> tuple[list[list[int]], Meter, Running]:
    stub.install(monkeypatch)
    running, meter, found = Running(outputs, held or []), Meter(), list[list[int]]()

    async def work() -> None:
        llm = RestartingLLM(lambda: running, notify=lambda text: None)
        async with aclosing(stream_outputs(llm, "draw-0", IDS, None, meter)) as pieces:
            async for piece in pieces:
                found.append(piece.token_ids)
                if len(found) == take:
                    break

    try:
        calmly(work())
    except EngineError as error:
        error.args += (meter, running)
        raise
    return found, meter, running


def test_a_whole_stream_is_charged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found, meter, running = read(monkeypatch, [output(), output(5), output(6, 7, finished=True)])
    assert found == [[], [5], [6, 7]] and not running.aborted
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (1, 3, 3)


def test_a_closed_stream_is_aborted_and_charged_what_vllm_still_held(monkeypatch: pytest.MonkeyPatch) -> None:
    found, meter, running = read(monkeypatch, [output(5), output(6)], take=1, held=[output(6, 7)])
    assert found == [[5]] and running.aborted == ["draw-0"]
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (1, 3, 3)
    _, meter, _ = read(monkeypatch, [output()], take=1)
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (0, 0, 0)


@pytest.mark.parametrize("error", [stub.EngineDeadError("gone"), stub.EngineGenerateError("gone")])
def test_a_failure_of_vllm_is_a_failed_sample(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with pytest.raises(EngineError, match=r"vLLM failed \(gone\)") as met:
        read(monkeypatch, [output(5), error])
    _, meter, running = met.value.args
    assert meter.drawn == 1 and not running.aborted


def test_each_token_has_the_log_probabilities_of_its_position() -> None:
    plain: Any = Object(token_ids=[5, 6], logprobs=None)
    assert list(token_logprobs(plain)) == [(5, {}), (6, {})]
    flat = Object(start_indices=[0, 2], end_indices=[2, 3], token_ids=[5, 9, 6], logprobs=[-1.0, -2.0, -3.0])
    assert list(token_logprobs(Object(token_ids=[5, 6], logprobs=flat))) == [(5, {5: -1.0, 9: -2.0}), (6, {6: -3.0})]
