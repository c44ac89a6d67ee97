"""Thoughts, channels and control tokens are cut off a reply, and the questions that a model goes on with."""

from __future__ import annotations

import pytest

from tts.answers.replies import final_text, own_answer


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("18", "18"),
        ("<think>12?</think>18", "18"),
        ("<think>12?</think>18<think>right</think>", "18"),
        ("12?</think>18", "18"),
        ("<think>12? It must be", ""),
        ("18 <think>or", "18 "),
        ("<Thinking>12</Thinking>18", "18"),
        ("[THINK]12[/THINK]18", "18"),
        ("\u25c1think\u25b712\u25c1/think\u25b718", "18"),
        ("<seed:think>12</seed:think>18", "18"),
        ("<|begin_of_thought|>12<|end_of_thought|><|begin_of_solution|>18<|end_of_solution|>", "18"),
        ("<|START_THINKING|>12<|END_THINKING|><|START_RESPONSE|>18<|END_RESPONSE|>", "18"),
        ("18<|im_end|>\n<|im_start|>user\n5", "18"),
        ("18</s> 5", "18"),
        ("<|channel|>analysis<|message|>12<|end|><|start|>assistant<|channel|>final<|message|>18<|return|>", "18"),
        ("<|channel|>analysis<|message|>12", ""),
        ("analysisWe try 12.assistantfinal18", "18"),
        ("analysisWe try 12.", ""),
        ("analysis of the data gives 18", "analysis of the data gives 18"),
    ],
)
def test_what_is_said_is_left(reply: str, said: str) -> None:
    assert final_text(reply) == said


@pytest.mark.parametrize(
    ("reply", "own"),
    [
        ("It is 18.\n\nQuestion: And 2 + 1?\nIt is 3.", "It is 18.\n\n"),
        ("It is 18.\n\n**Problem 2:** And 2 + 1?\nIt is 3.", "It is 18.\n\n"),
        ("It is 18.\nHuman: thanks. And 3?", "It is 18.\n"),
        ("It is 18.\n\nTom has 2 pens. How many are 3?\n\nIt is 3.", "It is 18.\n\n"),
        ("It is 18.\n\nWait, how many are 9 x 3?\n\nIt is 27.", None),
        ("It is 18.\n\nThe rest follows.", None),
        ("Question: How many?\nIt is 18.", None),
        ("So.\n\nWhat do we know?\n\nIt is 18.", None),
    ],
)
def test_a_reply_ends_where_the_model_asks_itself_another_question(reply: str, own: str | None) -> None:
    assert own_answer(reply, lambda text: "It is 18" in text) == (reply if own is None else own)


def test_the_words_of_the_prompt_end_a_reply_without_a_mark_too() -> None:
    assert own_answer("18\nAufgabe: 2 + 1", lambda text: False, lead="Aufgabe:") == "18"
    assert own_answer("\nAufgabe: 2 + 1", lambda text: False, lead="Aufgabe:") == "\nAufgabe: 2 + 1"
