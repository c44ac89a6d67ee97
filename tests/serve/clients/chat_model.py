"""A chat model behind a server of OpenAI's interface: each turn of a conversation has the next reply of a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.servers.calling import CallingServer, Calls
from tests.support.servers.plain import Body, RefusalError

Reply = str | Calls
Rule = Callable[[list[dict[str, Any]]], Reply]


def by_turn(*replies: Reply) -> Rule:
    """Return the rule that answers the first turn with the first reply, and all from the last one on with the last."""

    def reply(messages: list[dict[str, Any]]) -> Reply:
        turns = sum(message["role"] == "assistant" for message in messages)
        return replies[min(turns, len(replies) - 1)]

    return reply


class ChatModel(CallingServer):
    """Answers by a rule on the messages, the same for every draw.

    Attributes:
        rule: from messages to the reply.
        refusal: the sentence with which it refuses every request; empty for none.
    """

    rule: Rule
    refusal: str

    def __init__(self) -> None:
        super().__init__()
        self.restart()

    def restart(self) -> None:
        """Forget the requests, the rule and the refusal."""
        self.seen.clear()
        self.refusal = ""
        self.rule = by_turn("#### 5")

    def check(self, body: Body) -> None:
        """Take every field."""
        if self.refusal:
            raise RefusalError(400, self.refusal)

    def reply(self, body: Body) -> Reply:
        """Return the reply of the rule."""
        return self.rule(body["messages"])

    @property
    def asked(self) -> list[list[dict[str, Any]]]:
        """The messages of each request, in order."""
        return [body["messages"] for body in self.seen]
