"""The fields that servers refuse, learned from their refusals and left out of later requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tts.engines.openai.failures import error_message
from tts.errors import EngineError
from tts.prompts import folded

Body = dict[str, Any]
NEEDED = ("model", "messages", "prompt", "tools", "tool_choice")
RENAMED = {"max_tokens": "max_completion_tokens"}
REFUSING = (400, 402, 403, 404, 405, 406, 409, 413, 415, 422, 501)
"""Statuses that may name a field; 401, 408 and 429 never do."""
_TOO_MANY = re.compile(
    r"too (large|long|many|high|small|low)|context|at (most|least)|exceed|minimum|maximum|(less|greater) than"
    r"|below|above",
    re.I,
)
_ROOM = re.compile(r"context (?:length|window|size)\D{0,40}(\d+)", re.I)
_INPUT = re.compile(
    r"(\d+)\s*(?:input tokens|prompt tokens|in the messages|tokens? (?:in|from) the (?:messages|prompt|input))"
    r"|has (\d+) (?:input )?tokens",
    re.I,
)
_NO_STREAM = re.compile(
    r"to stream|stream(ing|ed)? (is |are |responses? |requests? )*(not|un)|not support\w* stream", re.I
)
_NO_SYSTEM = re.compile(
    r"system['\"`]? ?(role|message|prompt|instruction)|role\W.{0,60}['\"`]system['\"`]|developer instruction"
    r"|roles must alternate|only user and assistant roles",
    re.I,
)
_OF_TOOLS = re.compile(r"\b(tools?|functions?)\b", re.I)
_PLAIN_WORDS = ("n", "stop", "seed", "stream")
"""Names of fields that are words of their own: they count only in quotes, or where the refusal is about them."""


class Dialect:
    """The form of the requests that the servers of a model take.

    Attributes:
        left_out: fields that are left out.
        left_out_with_tools: fields that are left out of requests with tools alone.
        renamed: fields that have another name.
        folds_system: whether the system message is a part of the user's first turn.
        usual: the run's values of fields that a request may change. The refusal of another value is that request's own:
            it is final, and changes no other request.
    """

    def __init__(self, notify: Callable[[str], None], *, fixed: Collection[str] = ()) -> None:
        """Start with the interface's own form.

        Args:
            notify: receives one sentence about each field that is left out or renamed.
            fixed: fields that the user gave, which are never left out.
        """
        self.left_out: set[str] = set()
        self.left_out_with_tools: set[str] = set()
        self.renamed: dict[str, str] = {}
        self.folds_system = False
        self.usual: Mapping[str, Any] = {}
        self._notify, self._fixed = notify, frozenset(fixed)

    @property
    def refused(self) -> set[str]:
        """Every field that is left out of some requests."""
        return self.left_out | self.left_out_with_tools

    def apply(self, body: Mapping[str, Any]) -> Body:
        """Return a request's body in the form that the servers take.

        Raises:
            EngineError: it changes a field that is left out of all requests.
        """
        left_out = self.left_out | (self.left_out_with_tools if "tools" in body else set())
        for name in left_out & self.usual.keys() & body.keys():
            if body[name] != self.usual[name]:
                raise EngineError(f"the server takes no {name}, which this request changes", again=False)
        out = {self.renamed.get(name, name): v for name, v in body.items() if name not in left_out}
        if not out.get("stream"):
            out.pop("stream_options", None)
        if "logprobs" not in out:
            out.pop("top_logprobs", None)
        if self.folds_system and "messages" in out:
            out["messages"] = folded(out["messages"])
        return out

    def learn(self, error: Any, sent: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the request to send after a refusal, before it is put into form; None if the refusal is final.

        Args:
            error: the client's error, with a status and an answer.
            sent: the body that was refused.
            body: the same before it was put into form.
        """
        if error.status_code not in REFUSING:
            return None
        if self.apply(body) != sent:
            return body  # another request has learned since
        words, text = error_message(error), _text(error)
        if (shorter := _fitted(sent, text)) is not None:
            name = next(name for name in ("max_tokens", "max_completion_tokens") if name in body)
            return {**body, name: shorter}
        if _has_system(sent) and _NO_SYSTEM.search(text):
            self.folds_system = True
            self._notify(f"the server refuses a system message ({words}): its text opens the user's turn")
            return body
        for field in _named(error, text, sent):
            back = {new: old for old, new in self.renamed.items()}.get(field, field)
            if field in RENAMED and RENAMED[field] not in sent and _wants_new_name(text, field):
                self.renamed[field] = RENAMED[field]
                self._notify(f"the server refuses {field} ({words}): {RENAMED[field]} is sent instead")
                return body
            if field in ("max_tokens", "max_completion_tokens") and _TOO_MANY.search(text):
                return None
            if field in self._fixed or back in NEEDED:
                continue
            if back in self.usual and sent[field] != self.usual[back]:
                return None
            with_tools = "tools" in sent and _OF_TOOLS.search(words) is not None
            self.leave_out([back], with_tools=with_tools)
            value, where = json.dumps(sent[field]), " of requests with tools" if with_tools else ""
            self._notify(f"the server refuses {field}={value[:40]} ({words}): the field is left out{where}")
            return body
        return None

    def keep(self, body: Mapping[str, Any]) -> None:
        """Take the run's own values from a request that changes none."""
        self.usual = {"temperature": body.get("temperature"), "top_p": body.get("top_p"), "stop": ["\n"]}

    def leave_out(self, fields: Collection[str], *, with_tools: bool = False) -> None:
        """Leave fields out of all further requests, or of those with tools alone."""
        left_out = self.left_out_with_tools if with_tools else self.left_out
        left_out |= set(fields) - self._fixed - set(NEEDED)


def _has_system(sent: Mapping[str, Any]) -> bool:
    messages = sent.get("messages") or [{}]
    return bool(messages[0].get("role") == "system")


def _text(error: Any) -> str:
    try:
        return str(error.response.text)
    except Exception:
        return str(error)


def _fitted(sent: Mapping[str, Any], text: str) -> int | None:
    """Return the tokens that still fit into the context, where a refusal tells its size and the prompt's."""
    limit = sent.get("max_tokens", sent.get("max_completion_tokens"))
    room, given = _ROOM.search(text), _INPUT.search(text)
    if limit is None or room is None or given is None:
        return None
    left = int(room.group(1)) - int(given.group(1) or given.group(2))
    return left if 0 < left < limit else None


def _wants_new_name(text: str, field: str) -> bool:
    if re.search(r"context|too (large|long|many)", text, re.I):
        return False
    return RENAMED[field] in text or _TOO_MANY.search(text) is None


def _named(error: Any, text: str, sent: Mapping[str, Any]) -> list[str]:
    """Return the fields of a body that a refusal names, the first to be left out first."""
    found: list[str] = []
    for name in _pointed_at(_decoded(text)):
        found += [part for part in re.split(r"[.\[\]/]", name) if part in sent]
    if not found:
        places = {field: at for field in sent if (at := _place(field, text)) is not None}
        found = sorted(places, key=lambda field: (places[field], field))
    if {"temperature", "top_p"} <= set(found):
        found = ["top_p", *(field for field in found if field != "top_p")]
    return list(dict.fromkeys(found))


def _place(field: str, text: str) -> int | None:
    """Return the place where a text names a field; None if it does not."""
    quoted = re.search(rf"['\"`\\]{re.escape(field)}['\"`\\]|\b{re.escape(field)}\s*[=:]", text)
    if field not in _PLAIN_WORDS:
        quoted = quoted or re.search(rf"(?<![A-Za-z0-9_]){re.escape(field)}(?![A-Za-z0-9_])", text)
    if quoted is None and field == "stream":
        quoted = _NO_STREAM.search(text)
    return quoted.start() if quoted is not None else None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _pointed_at(content: Any) -> list[str]:
    """Return the names in ``param`` and ``loc`` of a refusal."""
    if isinstance(content, list):
        return [name for one in content for name in _pointed_at(one)]
    if not isinstance(content, Mapping):
        return []
    found = [content["param"]] if isinstance(content.get("param"), str) else []
    if isinstance(content.get("loc"), list):
        found += [str(one) for one in content["loc"]]
    return found + [name for one in content.values() if isinstance(one, list | Mapping) for name in _pointed_at(one)]
