"""The output stream of one vLLM request, with every token charged to a meter, also those of a closed stream.

Imports vLLM only inside functions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from tts.engines.base import Meter
from tts.engines.text import Ids
from tts.engines.vllm.restarting import RestartingLLM
from tts.errors import EngineError, first_line


async def stream_outputs(
    llm: RestartingLLM,
    request_id: str,
    ids: Ids,
    params: Any,
    meter: Meter,
    *,
    lora: Any = None,
    prompt_logprobs: list[Any] | None = None,
) -> AsyncGenerator[Any, None]:
    """Yield vLLM's ``CompletionOutput`` pieces of one request; closing the generator aborts the request.

    Aborting makes vLLM return what it still held, so the meter then has every token that vLLM counts.

    Args:
        llm: runs the request.
        request_id: unique among the requests of ``llm``.
        ids: the tokens to read.
        params: vLLM's ``SamplingParams``.
        meter: is charged the tokens read, found in the cache and drawn.
        lora: vLLM's ``LoRARequest``, or None.
        prompt_logprobs: receives vLLM's log-probabilities at each token read, where ``params`` ask for them.

    Raises:
        EngineError: vLLM died, or failed to generate.
        UnsupportedError: another event loop used ``llm`` first.
    """
    from vllm.inputs.engine import tokens_input
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    running = await llm.get()
    queue, finished, prompt_charged = None, False, False

    def charge(output: Any) -> Any:
        nonlocal prompt_charged
        if prompt_logprobs is not None:
            prompt_logprobs.extend(output.prompt_logprobs or ())
        piece = output.outputs[0]
        if piece.token_ids and not prompt_charged:
            prompt_charged = True
            meter.prompt += len(ids) - output.num_cached_tokens
            meter.prompt_cached += output.num_cached_tokens
        meter.add_drawn(len(piece.token_ids))
        return piece

    try:
        queue = await running.add_request(request_id, tokens_input(list(ids)), params, lora_request=lora)
        while not finished:
            output = queue.get_nowait() or await queue.get()
            finished = output.finished
            yield charge(output)
    except (EngineDeadError, EngineGenerateError) as error:
        finished = True
        raise EngineError(f"vLLM failed ({first_line(error)})") from error
    finally:
        if not finished:
            try:
                await asyncio.shield(running.abort(request_id))
            finally:
                if queue is not None and (output := queue.get_nowait()) is not None:
                    charge(output)


def token_logprobs(output: Any) -> Iterator[tuple[int, Mapping[int, float]]]:
    """Yield each token of a ``CompletionOutput`` with the log-probabilities at its position; without any, {}."""
    flat = output.logprobs
    if flat is None:
        yield from ((token, {}) for token in output.token_ids)
        return
    for token, start, stop in zip(output.token_ids, flat.start_indices, flat.end_indices, strict=True):
        yield token, dict(zip(flat.token_ids[start:stop], flat.logprobs[start:stop], strict=True))
