"""The tokens that a server reports, in every spelling, and an estimate where it reports none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CHARACTERS_A_TOKEN = 4
"""Characters in a token of English text, for an estimate without a tokenizer."""
_PROMPT = (
    "prompt_tokens",
    "input_tokens",
    "promptTokenCount",
    "prompt_token_count",
    "inputTokens",
    "prompt_eval_count",
    "prompt_n",
)
_DRAWN = (
    "completion_tokens",
    "output_tokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "outputTokens",
    "generated_tokens",
    "eval_count",
    "predicted_n",
)
_TOTAL = ("total_tokens", "totalTokenCount", "total_token_count", "totalTokens")
_CACHED = (
    "cached_tokens",
    "prompt_cache_hit_tokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "cache_n",
)
_APART = ("cache_read_input_tokens",)
"""Cached tokens that are not among the prompt's (Anthropic)."""
_REASONING = ("reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count")
_PLAIN = {"prompt_tokens", "completion_tokens", "total_tokens"}
_PLACES = ("usage", "usageMetadata", "usage_metadata", "timings")


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of one request as its server reports them; None where it does not.

    Attributes:
        prompt: tokens of the prompt, cached ones included.
        cached: those of them that came from a cache.
        drawn: tokens drawn, those of reasoning included.
    """

    prompt: int | None = None
    cached: int = 0
    drawn: int | None = None


def read_counts(event: Mapping[str, Any]) -> Counts | None:
    """Return the counts in an event, wherever they stand; None if it has none."""
    plain = event.get("usage")
    if type(plain) is dict and plain.keys() == _PLAIN and (found := _plain(plain)) is not None:
        return found
    choices = event.get("choices")
    holders = [event, event.get("x_groq"), event.get("response"), *(choices if isinstance(choices, list) else ())]
    for holder in holders:
        for place in _PLACES:
            usage = holder.get(place) if isinstance(holder, dict) else None
            if isinstance(usage, dict) and (counts := _counts(usage)) != Counts():
                return counts
    return None


def _plain(usage: Mapping[str, Any]) -> Counts | None:
    """Return the counts of OpenAI's three numbers, as each event of a stream may have them; None for others."""
    prompt, drawn, total = (usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if type(prompt) is int and type(drawn) is int and prompt >= 0 <= drawn and total == prompt + drawn < 1e12:
        return Counts(prompt, 0, drawn)
    return None


def _counts(usage: Mapping[str, Any]) -> Counts:
    details = [usage, *(usage.get(f"{name}_details") for name in _PROMPT + _DRAWN)]
    prompt, drawn, total = _first(usage, _PROMPT), _first(usage, _DRAWN), _first(usage, _TOTAL)
    cached = max((_first(one, _CACHED) or 0 for one in details), default=0)
    if apart := _first(usage, _APART):
        prompt, cached = (prompt or 0) + apart, cached + apart
    thoughts = max((_first(one, _REASONING) or 0 for one in details), default=0)
    if drawn is None and total is not None and prompt is not None:
        drawn = total - prompt
    elif drawn is not None and thoughts and total == (prompt or 0) + drawn + thoughts:
        drawn += thoughts  # they are reported apart
    if prompt is not None and "prompt_n" in usage:
        prompt += cached  # llama.cpp counts those that it computed
    return Counts(prompt, min(cached, prompt or 0), drawn)


def _first(usage: Any, names: tuple[str, ...]) -> int | None:
    for name in names if isinstance(usage, dict) else ():
        value = usage.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
            return int(value)
    return None


def estimated_tokens(text: str, count: Callable[[str], int] | None) -> int:
    """Return the tokens of a text, by a tokenizer if there is one.

    Args:
        text: of a prompt or a sample.
        count: returns a text's number of tokens; None estimates it from its length.
    """
    return count(text) if count is not None else -(-len(text) // CHARACTERS_A_TOKEN)
