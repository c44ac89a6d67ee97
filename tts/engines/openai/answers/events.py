"""The meaning of a server's JSON objects: choices with text, reasoning and tokens, usage, errors, reasons of an end.

Nothing that is null, missing or foreign raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tts.engines.openai.answers.calls import CallPart, read_calls
from tts.engines.openai.answers.logprobs import Token, read_tokens
from tts.engines.openai.answers.usage import Counts, read_counts


class Finish(Enum):
    """The meaning of a ``finish_reason``."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"
    FAILED = "failed"
    CALLS = "calls"
    OTHER = "other"


_MEANINGS = {
    Finish.STOP: "stop stopped eos eos_token end_turn stop_sequence stop_token stop_string end endoftext end_of_text "
    "done complete completed finish finished normal success matched_stop matched_eos",
    Finish.LENGTH: "length max_tokens max_token max_output_tokens max_completion_tokens max_new_tokens max_length "
    "model_length token_limit context_length context_length_exceeded model_context_window_exceeded length_capped limit "
    "truncated incomplete",
    Finish.FILTERED: "content_filter content_filtered filtered safety recitation blocklist prohibited_content spii "
    "refusal sensitive moderation guardrail_intervened image_safety language",
    Finish.CALLS: "tool_calls tool_call tool_use function_call function_calls",
    Finish.FAILED: "error failed failure abort aborted cancelled canceled cancel timeout network_error "
    "insufficient_system_resource overloaded malformed_function_call repetition",
}
_BY_NAME = {name: meaning for meaning, names in _MEANINGS.items() for name in names.split()}


def finish_meaning(reason: str) -> Finish:
    """Return the meaning of a ``finish_reason`` of any server; OTHER for an unknown one."""
    name = reason.strip().lower().replace("-", "_").replace(" ", "_").rpartition(".")[2]
    return _BY_NAME.get(name.removeprefix("finish_reason_"), Finish.OTHER)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of an event.

    Attributes:
        index: the number of the sample that it belongs to.
        text: new text.
        reasoning: new text of the model's reasoning, which the server keeps apart.
        tokens: new tokens, where the server returns log-probabilities.
        token_ids: ids of new tokens, where the server returns them.
        reason: the ``finish_reason``; None while the sample goes on.
        stop: the stop string or token that the server met, where it tells it.
        marks: whether it has fields that only vLLM's server and its relatives have.
        calls: new parts of calls of tools.
        pieces: the events with text that it was joined from.
    """

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()
    reason: str | None = None
    stop: Any = None
    marks: bool = False
    calls: tuple[CallPart, ...] = ()
    pieces: int = 1

    @property
    def written(self) -> str:
        """Everything that the model wrote in it."""
        written = self.text + self.reasoning
        return written + "".join([part.name + part.arguments for part in self.calls]) if self.calls else written


@dataclass(frozen=True, slots=True)
class Event:
    """One JSON object of an answer.

    Attributes:
        choices: its choices; none in an event of usage alone.
        usage: the tokens that it reports; None if it reports none.
        error: the error that it holds; None if it holds none.
    """

    choices: tuple[Choice, ...] = ()
    usage: Counts | None = None
    error: Any = None


def read_event(data: Mapping[str, Any]) -> Event:
    """Return the meaning of one JSON object."""
    given = data.get("choices")
    choices = tuple(_choice(one) for one in given if isinstance(one, dict)) if isinstance(given, list) else ()
    error = data.get("error") or (data.get("detail") if not choices else None)
    if not error and not choices and (data.get("object") == "error" or data.get("type") == "error"):
        error = data
    return Event(choices, read_counts(data), error or None)


def _choice(data: Mapping[str, Any]) -> Choice:
    holder: Mapping[str, Any] = next(
        (data[name] for name in ("delta", "message") if isinstance(data.get(name), dict)), {}
    )
    text, thoughts = _texts(holder.get("content"))
    text = text or _texts(holder.get("refusal"))[0] or _texts(data.get("text"))[0]
    names = ("reasoning_content", "reasoning", "thinking")
    reasoning = next((found for name in names if (found := "".join(_texts(holder.get(name))))), "") or thoughts
    ids, reason, index = data.get("token_ids"), data.get("finish_reason"), data.get("index")
    return Choice(
        index=index if isinstance(index, int) else 0,
        text=text,
        reasoning=reasoning,
        tokens=read_tokens(data.get("logprobs"), text or reasoning),
        token_ids=tuple(ids) if isinstance(ids, list) and all(isinstance(one, int) for one in ids) else (),
        reason=reason if isinstance(reason, str) and reason.strip() not in ("", "null", "None") else None,
        stop=data.get("stop_reason"),
        marks="stop_reason" in data or "token_ids" in data,
        calls=read_calls(holder),
    )


def _texts(content: Any) -> tuple[str, str]:
    """Return the text and the thoughts of a content: a string, an object, or a list of parts."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, dict):
        kind = str(content.get("type") or "text")
        if "think" in kind or "reason" in kind:
            thoughts = (content.get(name) for name in ("thinking", "reasoning", "text", "summary"))
            return "", next((found for one in thoughts if (found := "".join(_texts(one)))), "")
        if "text" in kind:
            return _texts(content.get("text") or content.get("value") or content.get("content"))
        return "", ""
    if isinstance(content, list):
        parts = [_texts(one) for one in content]
        return "".join(text for text, _ in parts), "".join(thoughts for _, thoughts in parts)
    return "", ""
