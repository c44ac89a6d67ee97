"""Verdicts and decisions over HTTP are those of the verifier and of the votes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway import Gateway, LocalGateway, ask, local_gateway

QUESTION = "What is number 3 ?"
TEXT = "step 0 so \nstep 1 so \nstep 2 so slip 0 \nstep 3 so \n#### 0"


@pytest.fixture(scope="module")
def watched() -> Iterator[LocalGateway]:
    """A server whose scorer reads texts."""
    with local_gateway("engine.kind=fake", "scorer=watched", "draws=4") as server:
        yield server


def test_verdicts_of_one_and_many_answers_are_those_of_the_verifier(watched: LocalGateway) -> None:
    verifier = watched.models["fake"].verifier
    status, _, body = ask(watched, "POST", "/v1/score", {"model": "fake", "question": QUESTION, "answer": TEXT})
    assert status == 200, body
    expected = verifier.score(QUESTION, TEXT)
    [row] = body["data"]
    assert (row["how"], row["score"], row["answer"], row["object"]) == ("read", expected.score, "0", "verdict")
    assert body["usage"]["total_tokens"] == expected.usage.total
    many = {"model": "fake", "question": QUESTION, "answers": [TEXT, "0", "no number"]}
    rows = ask(watched, "POST", "/v1/score", many)[2]["data"]
    assert [row["how"] for row in rows] == ["read", "draw(4)", "read"]
    assert not rows[0]["abstained"] and rows[2]["abstained"]
    assert [row["index"] for row in rows] == [0, 1, 2]
    pairs = [{"question": QUESTION, "answer": TEXT}]
    [row] = ask(watched, "POST", "/v1/score", {"model": "fake", "pairs": pairs, "draws": 3})[2]["data"]
    assert row["how"] == "draw(3)"


def test_steps_come_with_the_verdict(watched: Gateway) -> None:
    body = {"model": "fake", "question": QUESTION, "answer": TEXT, "steps": True}
    status, _, found = ask(watched, "POST", "/v1/score", body)
    if status == 400:  # a scorer that judges whole texts alone
        assert found["error"]["code"] == "unsupported"
    else:
        assert len(found["data"][0]["steps"]) == 5


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "answer"),
        ({"question": QUESTION}, "answer"),
        ({"question": QUESTION, "answer": "1", "answers": ["1"]}, "answer"),
        ({"question": " ", "answer": "1"}, "question"),
        ({"question": QUESTION, "answer": "half \udcff"}, "answer"),
        ({"question": QUESTION, "answers": []}, "answers"),
        ({"question": QUESTION, "answers": ["1"] * 300}, "the number of answers"),
        ({"question": QUESTION, "answer": "1", "draws": -1}, "draws"),
        ({"question": QUESTION, "answer": "1", "draws": 10_000}, "draws"),
        ({"pairs": [{"question": QUESTION}]}, "pairs[0].answer"),
    ],
)
def test_a_request_for_verdicts_of_another_form_is_refused(watched: Gateway, fields: Any, param: str) -> None:
    status, _, body = ask(watched, "POST", "/v1/score", {"model": "fake", **fields})
    assert (status, body["error"]["param"]) == (400, param), body


def test_decisions_by_the_official_client(watched: LocalGateway) -> None:
    openai = pytest.importorskip("openai")
    correct = {"type": "predicate", "name": "correct", "instructions": "The answer is right."}
    choices = [{"value": value} for value in ("0", "1", "The answer is 77.")]
    choice = {"type": "choice", "name": "which", "instructions": "Which answer?", "choices": choices}
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": TEXT}]
    with openai.OpenAI(base_url=watched.url, api_key="none", max_retries=0) as client:
        found = client.decisions.create(model="fake", input=turns, questions=[correct, choice])
        first, second = found.answers
        assert (first.type, first.probability) == (
            "predicate",
            watched.models["fake"].verifier.score(QUESTION, TEXT).score,
        )
        assert (second.type, second.name, second.choice) == ("choice", "which", "0")
        assert sum(one.probability for one in second.probabilities) == pytest.approx(1.0)
        assert [one.value for one in second.probabilities] == ["0", "1", "The answer is 77."]
        assert found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens > 0
        far = [{"value": "1000"}, {"value": "2000"}]
        [none] = client.decisions.create(model="fake", input=QUESTION, questions=[{**choice, "choices": far}]).answers
        assert none.type == "refusal"
        other = {"type": "predicate", "name": "polite", "instructions": "It is polite."}
        for question, where in ((other, "questions[0].name"), ({**correct, "type": "score"}, "questions[0].type")):
            with pytest.raises(
                openai.BadRequestError, match="this model answers a predicate named 'correct'"
            ) as caught:
                client.decisions.create(model="fake", input=turns, questions=[question])
            assert caught.value.param == where


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": QUESTION, "questions": [{"type": "predicate", "name": "correct"}]}, "input"),
        ({"input": [], "questions": [{"type": "choice", "choices": [{"value": "1"}, {"value": "2"}]}]}, "input"),
        ({"input": QUESTION, "questions": []}, "questions"),
        ({"input": QUESTION, "questions": [{"type": "choice"}]}, "questions[0].choices"),
        ({"input": QUESTION, "questions": [{"type": "choice", "choices": [{"value": True}, {"value": "2"}]}]},
         "questions[0].choices[0].value"),
        ({"input": QUESTION, "questions": [{"type": "choice", "choices": [{"value": "2"}, {"value": "2"}]}]},
         "questions[0].choices"),
    ],
)  # fmt: skip
def test_decisions_of_another_form_are_refused(watched: Gateway, fields: Any, param: str) -> None:
    status, _, body = ask(watched, "POST", "/v1/decisions", {"model": "fake", **fields})
    assert (status, body["error"]["param"]) == (400, param), body
