"""Events that come together, read as one: a stream of single tokens costs little more than one of long parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts.engines.openai.answers.events import Choice, Event, read_event
from tts.engines.openai.answers.logprobs import Token, read_tokens
from tts.engines.openai.answers.usage import read_counts

_EVENT = {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
_TEXT = {"content", "role"}
_CHOICE = {"index", "delta", "text", "logprobs", "finish_reason", "stop_reason", "token_ids"}


def read_joined(objects: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Return the meaning of JSON objects in order, with pieces of one sample's text behind each other as one choice.

    Everything else, such as reasoning, calls, errors and reasons of an end, is an event as
    :func:`~tts.engines.openai.answers.events.read_event` returns it.
    """
    events: list[Event] = []
    texts: list[str] = []
    tokens: list[Token] = []
    counted: Mapping[str, Any] = {}
    marks = False

    def end_run() -> None:
        nonlocal counted, marks
        if texts:
            joined = Choice(text="".join(texts), tokens=tuple(tokens), marks=marks, pieces=len(texts) - texts.count(""))
            events.append(Event((joined,), read_counts(counted) if counted else None))
            texts.clear()
            tokens.clear()
            counted, marks = {}, False

    for data in objects:
        choice = _piece(data)
        if choice is None:
            end_run()
            events.append(read_event(data))
            continue
        text = choice["delta"]["content"] if "delta" in choice else choice["text"]
        texts.append(text)
        if choice.get("logprobs") is not None:
            tokens += read_tokens(choice["logprobs"], text)
        marks = marks or "stop_reason" in choice
        if data.get("usage"):
            counted = data
    end_run()
    return events


def _piece(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the choice of an object that holds a piece of one sample's text and nothing else; None for any other."""
    choices = data.get("choices")
    if type(choices) is not list or len(choices) != 1 or not data.keys() <= _EVENT:
        return None
    choice = choices[0]
    if type(choice) is not dict or choice.get("index") != 0 or not choice.keys() <= _CHOICE:
        return None
    if choice.get("finish_reason") is not None or choice.get("token_ids") or choice.get("stop_reason") is not None:
        return None
    if "delta" in choice:
        delta = choice["delta"]
        plain = type(delta) is dict and delta.keys() <= _TEXT and type(delta.get("content")) is str
        return choice if plain and "text" not in choice else None
    return choice if type(choice.get("text")) is str else None
