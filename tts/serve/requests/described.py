"""The description of requests in the OpenAPI document: everything that is refused whatever the model is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tts.serve.config import ServeLimits

TEXT: Mapping[str, Any] = {"type": "string", "pattern": r"\S"}
"""A text that is not empty or blank."""
NULL: Mapping[str, Any] = {"type": "null"}
PART = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"enum": ["text", "input_text", "output_text"]}, "text": TEXT},
}
CONTENT = [TEXT, {"type": "array", "items": PART, "minItems": 1}]
USER = {"type": "object", "required": ["role"], "properties": {"role": {"const": "user"}}}
"""A message of the user, of which each chat holds one."""
FORMS = (("question", "answer"), ("question", "answers"), ("pairs",))
"""The fields of ``POST /v1/score`` that go together; the others of them are null or missing."""


def describe_requests(
    named: dict[str, Any], models: Iterable[str], strategies: Iterable[str], most: ServeLimits
) -> None:
    """Add to the schemas of requests what their fields may hold.

    Args:
        named: the schemas by name, of which some are changed.
        models: the names of the models.
        strategies: the names of the strategies.
        most: the limits of the server.
    """
    model, known = _one_of(models), {"enum": sorted(strategies)}
    asked = {"type": "string", "pattern": f"^({model})(/({_one_of(known['enum'])}))?$"}
    named["ChatRequest"]["properties"]["model"] = asked
    for name in ("ScoreRequest", "DecisionRequest"):
        named[name]["properties"]["model"] = {"type": "string", "pattern": f"^({model})$"}
    _property(named, "ChatRequest", "messages", contains=USER)
    for name in ("max_tokens", "max_completion_tokens"):
        _property(named, "ChatRequest", name, maximum=most.max_tokens)
    named["ChatMessage"]["required"] = ["role", "content"]
    named["ChatMessage"]["properties"]["content"] = {"anyOf": CONTENT}
    named["Turn"]["properties"]["content"] = {"anyOf": CONTENT}
    _property(named, "TtsFields", "strategy", **known)
    _property(named, "TtsFields", "budget", maximum=most.budget)
    _property(named, "ScoreRequest", "draws", maximum=most.budget)
    for name in ("answers", "pairs"):
        _property(named, "ScoreRequest", name, maxItems=most.answers)
    named["ScoreRequest"]["oneOf"] = [_form(fields) for fields in FORMS]
    _property(named, "ScoreRequest", "question", **TEXT)
    named["Pair"]["properties"]["question"] = TEXT
    turns = {"type": "array", "items": {"$ref": "#/components/schemas/Turn"}, "contains": USER}
    named["DecisionRequest"]["properties"]["input"] = {"anyOf": [TEXT, turns]}
    named["Choice"]["properties"]["value"] = TEXT
    choices = {"type": "array", "items": {"$ref": "#/components/schemas/Choice"}, "minItems": 2, "maxItems": 255}
    predicate = {"properties": {"type": {"const": "predicate"}, "name": {"const": "correct"}}, "required": ["name"]}
    choice = {"properties": {"type": {"const": "choice"}, "choices": choices}, "required": ["choices"]}
    named["Question"]["properties"]["type"] = {"enum": ["predicate", "choice"]}
    named["Question"]["anyOf"] = [predicate, choice]


def _one_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in names)


def _property(named: dict[str, Any], schema: str, name: str, **more: Any) -> None:
    """Add to a property that may be null, or to one that may not."""
    found = named[schema]["properties"][name]
    found.get("anyOf", [found])[0].update(more)


def _form(fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of one form of a request; its fields are given, and not null."""
    every = {name for form in FORMS for name in form}
    kinds = {"question": "string", "answer": "string", "answers": "array", "pairs": "array"}
    own = {name: {"type": kinds[name]} for name in fields}
    return {"required": list(fields), "properties": {**own, **dict.fromkeys(sorted(every - {*fields}), NULL)}}
