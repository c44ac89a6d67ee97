"""Calls as an answer: the calls of one reply in one spelling, or None where they must not vote.

    [{"arguments":{"city":"Oslo","days":3},"name":"weather"}]

Several calls are a multiset: a call that is made twice is there twice. Their order counts where a tool may be called
only once at a time (``parallel_tool_calls`` false).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tts.answers.tools.schemas import ToolSchemas
from tts.answers.tools.spelling import parse, spelled
from tts.errors import InputError
from tts.types import Problem, Sample, ToolCall

TEXT = "text"
"""The kind of a reply without calls; no names of tools are spelled like this."""
_Told = tuple[str, dict[str, str]]
_BEGIN = '[{"arguments":{'


class CallReader:
    """Reads the calls of replies to one problem.

    Attributes:
        ordered: whether the order of calls counts.
    """

    def __init__(self, problem: Problem, ignore: Collection[str] = ()) -> None:
        """Take the tools of a problem.

        Args:
            problem: a problem with tools.
            ignore: names of arguments that do not vote, of any tool.

        Raises:
            InputError: a tool or a choice that cannot be used.
            UnsupportedError: the package jsonschema is not installed.
        """
        self._schemas, self._ignore = ToolSchemas(problem.tools), frozenset(ignore)
        self.ordered = problem.parallel_tool_calls is False
        self._calls, self._texts, self._only = _choice(problem)

    def read(self, calls: Sequence[ToolCall]) -> str | None:
        """Return the calls of a reply in one spelling; None where one of them must not vote.

        A call without arguments has none: empty text is an empty object. Arguments that are no JSON object or break
        the tool's schema do not vote, nor do unknown tools and those that ``tool_choice`` excludes.

        Args:
            calls: at least one.
        """
        found = [self._voting(call) for call in calls]
        whole = [
            spelled({"arguments": one, "name": call.name})
            for call, one in zip(calls, found, strict=True)
            if one is not None
        ]
        if not self._calls or len(whole) < len(found):
            return None
        return "[" + ",".join(whole if self.ordered else sorted(whole)) + "]"

    def text(self, answer: str | None) -> str | None:
        """Return the answer of a reply without calls; None where it spells calls, or ``tool_choice`` wants a call."""
        return None if not self._texts or (answer is not None and answer.startswith(_BEGIN)) else answer

    def agreements(self, winner: Sample, samples: Iterable[Sample]) -> tuple[dict[str, float], ...]:
        """Return the agreement on each call of a winner, in the order of its calls.

        That is, of each argument that votes, the share of the samples with the same names that give it the same value,
        in [0, 1]. A call is paired with that call of the same tool in a sample which has most arguments in common with
        it; where order counts, with the one at its place.

        Args:
            winner: a sample with calls and an answer.
            samples: those of the question.
        """
        names = self.names(winner)
        calls, rivals = self._told(winner), [self._told(one) for one in samples if self.names(one) == names]
        agreeing = [Counter[str]() for _ in calls]
        for others in rivals:
            for at, other in self._pairs(calls, others):
                agreeing[at].update(name for name, value in calls[at][1].items() if other.get(name) == value)
        return tuple(
            {name: counts[name] / len(rivals) for name in arguments}
            for counts, (_, arguments) in zip(agreeing, calls, strict=True)
        )

    def names(self, sample: Sample) -> str | None:
        """Return the names of a sample's calls in one spelling, :data:`TEXT` without calls; None without an answer."""
        if sample.answer is None:
            return None
        if not sample.calls:
            return TEXT
        names = [call.name for call in sample.calls]
        return spelled(names if self.ordered else sorted(names))

    def _told(self, sample: Sample) -> list[_Told]:
        """Return the calls of a sample with an answer: the name of each, and the spelling of each argument."""
        found = [(call.name, self._voting(call) or {}) for call in sample.calls]
        return [(name, {key: spelled(value) for key, value in values.items()}) for name, values in found]

    def _pairs(self, calls: list[_Told], others: list[_Told]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the place of each call with the arguments of its pair; both have the same names."""
        if self.ordered:
            yield from ((at, arguments) for at, (_, arguments) in enumerate(others))
            return
        common = [
            (-len(mine.items() & its.items()), at, to)
            for at, (name, mine) in enumerate(calls)
            for to, (other, its) in enumerate(others)
            if name == other
        ]
        done, taken = set[int](), set[int]()
        for _, at, to in sorted(common):
            if at not in done and to not in taken:
                done.add(at)
                taken.add(to)
                yield at, others[to][1]

    def _voting(self, call: ToolCall) -> dict[str, Any] | None:
        """Return the arguments of a call that vote; None where the call must not vote."""
        arguments = call.arguments if call.arguments.strip() else "{}"
        try:
            values = parse(arguments)
        except ValueError:
            return None
        if not isinstance(values, dict) or self._only not in (None, call.name):
            return None
        if not self._schemas.takes(call.name, arguments):
            return None
        return {name: value for name, value in values.items() if name not in self._ignore}


def _choice(problem: Problem) -> tuple[bool, bool, str | None]:
    """Return whether calls may vote, whether texts may, and the only tool that may be called.

    Raises:
        InputError: a ``tool_choice`` that is none.
    """
    choice = problem.tool_choice
    if choice is None or choice == "auto":
        return True, True, None
    if choice == "none":
        return False, True, None
    if choice == "required":
        return True, False, None
    function = None if isinstance(choice, str) else choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    names = [tool["function"]["name"] for tool in problem.tools]
    if name not in names:
        raise InputError(
            'tool_choice must be "auto", "none", "required" or {"type": "function", "function": {"name": NAME}} with a '
            f"name of {', '.join(names)}, got {choice!r:.80}"
        )
    return True, False, name
