"""vLLM's sampling parameters for the engine's kinds of requests: a draw, the next token's probabilities, a reading.

Imports vLLM only inside functions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tts.engines.base import Request
from tts.engines.sampling import Sampling, seed_of
from tts.engines.text import EncodedRequest, Ids
from tts.errors import UnsupportedError

SUPPRESSED_BIAS = -1e9
"""Logit bias of a token that is never drawn."""
MAX_STOP_IDS = 64
"""Most line-end tokens that are passed to vLLM as stop tokens; vLLM searches the list after each drawn token."""


def draw_params(
    request: Request,
    encoded: EncodedRequest,
    *,
    sampling: Sampling,
    seeded: bool,
    requested: Ids,
    suppressed: Ids,
    ends: Collection[int],
    line_ends: Sequence[int],
    stream_interval: int,
) -> Any:
    """Return vLLM's ``SamplingParams`` for one sample.

    Args:
        request: the sample to draw.
        encoded: the same in tokens.
        sampling: how tokens are drawn, with the request's own changes.
        seeded: whether the request has its own seed.
        requested: ids of tokens whose log-probabilities come with each drawn token.
        suppressed: ids of tokens that are never drawn.
        ends: ids of tokens that end a sample.
        line_ends: ids of tokens that end a line; read for a draw until STEP only.
        stream_interval: tokens between two outputs, >= 1; the first token comes at once in any case.

    Raises:
        UnsupportedError: the request names a seed and ``seeded`` is not set: seeds kill vLLM's CPU engine unless it was
            started for them.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    if request.sampling is not None and request.sampling.seed is not None and not seeded:
        raise UnsupportedError("a request has a seed of its own and vLLM was started without: set engine.seeded=true")
    until = request.until
    limit = min(encoded.limit, int(until.value)) if until.kind == "tokens" else encoded.limit
    stop_ids, stop = list(ends), None
    if until.kind == "step":
        if len(line_ends) <= MAX_STOP_IDS:
            stop_ids += line_ends
        else:
            stop = ["\n"]
    named: dict[str, Any] = {"logprob_token_ids": list(requested)} if requested else {}
    signals = request.signals
    if not requested and (signals.top or signals.logprobs or signals.processed or signals.alternatives):
        named = {"logprobs": max(signals.top, signals.alternatives)}
    own_seed = seeded and sampling.temperature > 0
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        max_tokens=limit,
        seed=seed_of(request.key(sampling.seed, len(encoded.prefix_ids)), 8) if own_seed else None,
        stop=stop,
        stop_token_ids=stop_ids,
        include_stop_str_in_output=True,
        detokenize=stop is not None,
        logit_bias={token: SUPPRESSED_BIAS for token in suppressed} or None,
        flat_logprobs=True,
        output_kind=RequestOutputKind.DELTA,
        stream_interval=stream_interval,
        skip_clone=True,
        **named,
    )


def next_token_params(tokens: Sequence[int]) -> Any:
    """Return vLLM's ``SamplingParams`` for one more token that comes with the log-probabilities of these tokens."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0,
        max_tokens=1,
        ignore_eos=True,
        logprob_token_ids=list(tokens),
        detokenize=False,
        flat_logprobs=True,
        output_kind=RequestOutputKind.DELTA,
        skip_clone=True,
    )


def reading_params(top: int) -> Any:
    """Return vLLM's ``SamplingParams`` for the log-probabilities of the tokens read, and of the ``top`` most probable.

    vLLM draws one token behind them.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0,
        max_tokens=1,
        ignore_eos=True,
        prompt_logprobs=top,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
        skip_clone=True,
    )
