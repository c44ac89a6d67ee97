"""Events that are read together mean what each of them means."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tts.engines.openai.answers.events import Choice, Event, read_event
from tts.engines.openai.answers.joined import read_joined

TOKEN = st.fixed_dictionaries({"token": st.text(max_size=2), "logprob": st.floats(-5, 0) | st.none()})
CHOICE = st.fixed_dictionaries(
    {"index": st.sampled_from([0, 0, 0, 1, None])},
    optional={
        "delta": st.fixed_dictionaries(
            {}, optional={"content": st.text(max_size=3) | st.none(), "reasoning": st.just("r"), "role": st.just("x")}
        ),
        "text": st.text(max_size=3),
        "logprobs": st.none() | st.fixed_dictionaries({"content": st.lists(TOKEN, max_size=2)}),
        "finish_reason": st.none() | st.just("stop"),
        "stop_reason": st.none(),
        "token_ids": st.none() | st.lists(st.integers(0, 9), max_size=2),
        "other": st.just({}),
    },
)
USAGE = st.fixed_dictionaries({name: st.integers(0, 9) for name in ("prompt_tokens", "completion_tokens")})
EVENT = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE, max_size=2)}, optional={"usage": USAGE | st.none(), "error": st.just("e")}
)


def content(events: list[Event]) -> dict[int, Any]:
    """Return the text, tokens, ids and reasons by sample, the last usage, and the errors."""
    found: dict[Any, Any] = {"usage": [one.usage for one in events if one.usage is not None][-1:]}
    found["errors"] = [one.error for one in events if one.error is not None]
    choices: list[Choice] = [choice for one in events for choice in one.choices]
    for index in {choice.index for choice in choices}:
        own = [choice for choice in choices if choice.index == index]
        texts = ["".join(getattr(choice, name) for choice in own) for name in ("text", "reasoning")]
        columns = [[x for choice in own for x in getattr(choice, name)] for name in ("tokens", "token_ids", "calls")]
        counted = sum(bool(choice.written) * choice.pieces for choice in own)
        reasons = [choice.reason for choice in own if choice.reason is not None]
        found[index] = texts, [repr(column) for column in columns], counted, reasons, any(one.marks for one in own)
    return found


@given(st.lists(EVENT, max_size=8))
def test_joined_events_hold_what_each_one_holds(objects: list[dict[str, Any]]) -> None:
    assert content(read_joined(objects)) == content([read_event(one) for one in objects])


def test_pieces_of_one_text_are_one_event() -> None:
    pieces = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in ("a", "", "b")]
    [event] = read_joined(pieces)
    assert event.choices[0].text == "ab" and event.choices[0].pieces == 2
