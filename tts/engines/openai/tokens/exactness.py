"""Exact log-probabilities of a server: those of the distribution that it drew from, the end token's among them.

Servers return log-probabilities at temperature 1, before any filter. They are exact where a sample is drawn so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tts.engines.base import Meter, Request
from tts.engines.exact import Exact, exactness
from tts.engines.openai.answers.received import Received
from tts.engines.openai.request_body import NEUTRAL
from tts.engines.openai.served_model import ServedModel
from tts.engines.sampling import Sampling, changed
from tts.engines.streaming import StreamedSample
from tts.types import End, Trace

_OFF: Mapping[str, float] = {**NEUTRAL, "frequency_penalty": 0, "presence_penalty": 0}
_HARMLESS = {
    *("add_generation_prompt", "add_special_tokens", "cache_prompt", "chat_template_kwargs", "id_slot", "max_tokens"),
    *("max_completion_tokens", "metadata", "priority", "prompt_cache_key", "reasoning_effort", "return_token_ids"),
    *("safety_identifier", "seed", "service_tier", "store", "stream_interval", "stream_options", "user", "verbosity"),
}
"""Fields that change no distribution of a token."""
END_TEXTS = {
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<|eot|>", "<|return|>"),
    *("<|call|>", "<|end_of_turn|>", "<end_of_turn>", "<turn|>", "<eos>", "<|eos|>", "</s>", "[EOS]", "<|user|>"),
    *("<\uff5cend\u2581of\u2581sentence\uff5c>", "<|END_OF_TURN_TOKEN|>", "<|observation|>", "<|role_end|>"),
}
"""The texts of tokens that end a model's turn."""
PART = "\ufffd"
"""The text of a token that is a part of a letter."""


def exactness_at(
    model: ServedModel, sampling: Sampling, extra: Mapping[str, Any], left_out: Collection[str], request: Request | None
) -> Exact:
    """Return the source of ``processed`` log-probabilities of a draw.

    Args:
        model: the model at the servers.
        sampling: how tokens are drawn in the run.
        extra: further fields of each request's body.
        left_out: fields that the servers refuse.
        request: the draw; None for those of the run in general.
    """
    change = None if request is None else request.sampling
    how = changed(sampling, change)
    fixed = {**_OFF, "temperature": how.temperature, "top_p": how.top_p}
    own = all(
        value == fixed[name] if name in fixed else value is None or name in _HARMLESS for name, value in extra.items()
    )
    told = model.features.logprobs and (not model.suppressed or model.features.named_logprobs)
    stops = change is not None and bool(change.stop)
    if not own or not told or stops or not {"temperature", "top_p"}.isdisjoint(left_out):
        return ""
    return exactness(how)


def trace_of(
    sample: StreamedSample[Any], received: Received, end: End | None, meter: Meter, notify: Callable[[str], None]
) -> Trace:
    """Return the trace of a sample that has ended, and say once what the server does not tell.

    Args:
        sample: the sample.
        received: its texts.
        end: why it ended.
        meter: of its request.
        notify: receives the sentences.
    """
    trace = sample.trace
    if any(map(math.isnan, trace.logprobs)):
        notify("the server does not tell the log-probability of some tokens: scores are means over the others")
    if not sample.signals.processed or end is not End.STOP or sample.exact == "greedy":
        return trace
    if not sample.exact:
        notify(
            "a server returns log-probabilities at temperature 1 without filters: samples drawn in another way have "
            "no probability as a whole (mass_gated counts votes there, other votes by mass leave them out)"
        )
        return trace
    counted = None if meter.estimated else meter.drawn
    ended = (
        sample.tokens[-1:] and sample.tokens[-1] in sample.ends
        if sample.ends
        else _has_end(sample.tokens, received, counted)
    )
    if ended and trace.processed:
        return trace
    notify(
        "the server does not tell the log-probability of every token, the one that ends a sample among them: such "
        "samples have no probability as a whole (mass_gated counts votes there, other votes by mass leave them out)"
    )
    return replace(trace, processed=())


def _has_end(tokens: Sequence[str], received: Received, counted: int | None) -> bool:
    """Return whether a sample's tokens are all that were drawn, the last of them the one that ended it.

    A server that counted more has drawn what it does not tell, such as reasoning that it hides. Else they are where the
    others spell the text. Where they cannot be compared, as beside reasoning or calls, the last one ends a turn by its
    spelling, the server must have counted as many tokens as it returned, and these must say as much as it shows: some
    tell, and count, the tokens of the text alone.

    Args:
        tokens: their texts.
        received: the texts of the sample.
        counted: the tokens that the server counted, if it did.
    """
    if not tokens or (counted is not None and counted > len(tokens)):
        return False
    plain = not any(received.thoughts) and not received.calls.calls
    if plain and tokens[-1] and "".join(tokens[:-1]) == "".join(received.texts):
        return True
    shown = [*received.texts, *received.thoughts, *(call.arguments for call in received.calls.calls)]
    ended = not tokens[-1] or tokens[-1] in END_TEXTS
    return counted == len(tokens) and ended and _letters(tokens[:-1]) >= _letters(shown)


def _letters(texts: Iterable[str]) -> int:
    """Return the number of letters and digits in texts, parts of letters that are tokens of their own among them.

    Calls are written in the form of a model and shown as JSON, which differ in everything else.
    """
    return sum(one.isalnum() or one == PART for text in texts for one in text)
