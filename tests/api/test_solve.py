"""One question in one call: from any thread, inside a running loop, with one model however often it is called."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import tts
from strategies.vote import Vote
from tts.agent import models
from tts.agent.answer import Answer

FAKE = {"kind": "fake", "model": "fake"}
QUESTION = "Jack has 11 beads. Jack buys 4 more beads. How many beads does Jack have now?"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    tts.close()


def solve(question: str = "What is 3 + 4?", **arguments: Any) -> Answer:
    return tts.solve(question, **{"strategy": "esc", **FAKE, **arguments})


def test_an_answer_says_what_it_is_and_what_it_cost() -> None:
    found = solve(budget=12)
    assert 5 <= len(found.samples) <= 12 and found.stopped_by in ("unanimous", "budget")
    assert found.vote_share is not None and found.p_correct is None and found.strategy == "esc"
    assert found.usage.generated == sum(s.usage.generated for s in found.samples if s.usage is not None)
    assert str(found) == found.answer and found.text is not None
    assert len(repr(found)) < 300
    again = solve(budget=12)
    assert [s.text for s in again.samples] == [s.text for s in found.samples], "the same question, the same samples"


def test_a_hundred_calls_from_threads_and_loops_load_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = models.open_engine
    monkeypatch.setattr(models, "open_engine", lambda *how: opened.append(how) or real(*how))
    found: list[str | None] = []

    def ask() -> None:
        found.extend(solve(f"What is {n} + 4?").answer for n in range(10))

    async def inside() -> None:
        found.append(solve().answer)  # blocking, as in a notebook's cell
        answers = await asyncio.gather(
            *(tts.asolve(f"What is {n} + 5?", strategy="esc", **FAKE) for n in range(9))  # type: ignore[arg-type]
        )
        found.extend(answer.answer for answer in answers)

    threads = [threading.Thread(target=ask) for _ in range(9)]
    for thread in threads:
        thread.start()
    asyncio.run(inside())
    for thread in threads:
        thread.join()
    assert len(found) == 100 and len(opened) == 1
    solve(seed=1)
    assert len(opened) == 2
    tts.close()
    solve(seed=1)
    assert len(opened) == 3


def test_an_own_strategy_is_played() -> None:
    found = solve(strategy=Vote("mine", 3), budget=3)
    assert (found.strategy, len(found.samples), found.stopped_by) == ("mine", 3, "budget")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"question": 3}, "a question must be text, got int"),
        ({"question": "  "}, "a question must be text, got nothing"),
        ({"question": "a \ud800"}, "half of a character"),
        ({"temperatur": 1.0}, r"tts.solve has no argument 'temperatur'; did you mean temperature\?"),
        ({"budget": "x"}, "key 'budget' must be a whole number, got 'x'"),
        ({"budget": 0}, "budget must be at least 1, got 0"),
        ({"strategy": "foo"}, "unknown strategy 'foo'"),
        ({"strategy": "cges"}, "needs confidences, and there is no scorer"),
        ({"template": "no question"}, "a prompt template must hold {question}"),
    ],
)
def test_bad_arguments_get_the_sentences_of_the_command_line(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(tts.InputError, match=sentence):
        solve(**arguments)


def test_a_grace_model_brings_its_scorer_and_its_strategy_and_warns_of_words_it_does_not_know() -> None:
    pytest.importorskip("transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tts.solve(QUESTION)
    assert (found.answer, found.strategy) == ("15", "grace_es") and 0.0 < (found.p_correct or 0.0) < 1.0
    with pytest.warns(tts.UnknownWordsWarning, match=r"none for 2 words of this question \(capital, France\)"):
        tts.solve("What is the capital of France?", budget=1)


def test_the_front_door_is_lazy() -> None:
    assert {"solve", "asolve", "close", "Answer"} <= set(dir(tts))
    with pytest.raises(AttributeError, match="no attribute 'sovle'"):
        _ = tts.sovle  # type: ignore[attr-defined]
