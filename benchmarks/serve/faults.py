"""Requests that are wrong in any way: whole ones with values of another type, names that do not belong, cut JSON."""

from __future__ import annotations

import json
import random
from typing import Any

USER = {"role": "user", "content": "What is number 1 ?"}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
CHOICE = {"type": "choice", "instructions": "", "choices": [{"value": "1"}, {"value": "2"}]}
CORRECT = {"type": "predicate", "name": "correct", "instructions": ""}
LIMITED = {"strategy": "esc", "budget": 2, "time_limit_s": 1.0, "on_abstain": "refuse"}
WHOLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/chat/completions", {"messages": [USER]}),
    ("/v1/chat/completions", {"messages": [USER], "stream": True, "stream_options": {}, "tts": LIMITED}),
    ("/v1/chat/completions", {"messages": [USER], "tools": TOOLS, "tool_choice": "auto"}),
    ("/v1/score", {"question": "What is number 1 ?", "answers": ["5", "a"], "draws": 2, "steps": True}),
    ("/v1/score", {"pairs": [{"question": "q", "answer": "5"}]}),
    ("/v1/decisions", {"input": "What is number 1 ?", "questions": [CHOICE]}),
    ("/v1/decisions", {"input": [USER, {"role": "assistant", "content": "5"}], "questions": [CORRECT]}),
)
NAMES = (
    "model", "messages", "role", "content", "temperature", "top_p", "seed", "n", "stop", "tts", "strategy", "budget",
    "scorer", "alpha", "stream", "tools", "max_tokens", "question", "answer", "answers", "pairs", "draws", "steps",
    "input", "questions", "type", "name", "choices", "value", "text", "user",
)  # fmt: skip
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**70, -(2**70), 10**400, 0.5, float("inf"), float("nan"), "", "a", "\ud800", "\x00",
    "x" * 300, "fake", "fake/esc", "/", "#### 5", [], {}, [[]], [{}], {"a": {}}, ["a", 1],
)  # fmt: skip


class Faults:
    """Makes requests wrong."""

    def __init__(self, seed: int) -> None:
        """Start with a seed."""
        self.random = random.Random(seed)

    def request(self) -> tuple[str, bytes]:
        """Return the path and the body of a request."""
        path, body = self.random.choice(WHOLE)
        text = json.dumps(self.wrong({"model": "fake", **body}))
        if self.random.random() < 0.1:
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(('"', "{", "\\u", "\x7f", "9" * 50)) + text[at + 1 :]
        return path, text.encode("utf-8", "surrogatepass")

    def wrong(self, value: Any) -> Any:
        """Return a value that is wrong in some places, and often none."""
        if self.random.random() < 0.1:
            return self.random.choice(JUNK)
        if isinstance(value, dict):
            found = {name: self.wrong(one) for name, one in value.items()}
            if self.random.random() < 0.2:
                found[self.random.choice(NAMES)] = self.random.choice(JUNK)
            return found
        return [self.wrong(one) for one in value] if isinstance(value, list) else value
