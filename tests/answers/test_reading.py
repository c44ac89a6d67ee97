r"""Each kind of mark is read in the order of its strength, and a heading, a step or a thought is none.

Sources of the cases: public threads on answer extraction (lm-evaluation-harness 1204, 3214; sglang 29933; olmo-eval
348, 398), and variations of them.
"""

from __future__ import annotations

import pytest

from tts.answers import extract_gsm8k
from tts.answers.reading import Kind, read_hash_line, read_reply
from tts.errors import InputError

RUN_ON = "She makes 18.\n#### 18\n\nQuestion: Tom has 2 pens and buys 1 more. How many?\nAnswer: 3\n#### 3"
NUMBERS: list[tuple[str, str | None, str]] = [
    ("So the answer is \\boxed{18}. I checked it in 3 ways.", "18", "box"),
    ("\\boxed{18 \\text{ eggs}}", "18", "box"),
    ("\\boxed{the sum} gives #### 18", "18", "####"),
    ("<answer>18</answer> after 3 steps", "18", "box"),
    ("<|begin_of_box|>18<|end_of_box|>", "18", "box"),
    ("#### 1. Eggs left\n16 - 7 = 9 eggs.\n\n#### 2. Earnings\n9 x $2 = $18, so she makes $18.", "18", "last number"),
    ("#### Step 1: count\n16 - 7 = 9\n#### Step 2: sell\n9 * 2 = 18\nThe answer is **18**.", "18", "answer is"),
    ("#### Answer: 18", "18", "####"),
    ("#### The final answer is $18.", "18", "####"),
    ("#### 18 (eighteen)", "18", "####"),
    ("#### 9 * 2 = 18", "18", "####"),
    ("#### **$18.00** per day", "18", "####"),
    ("#### 18.\n\nHuman: next 5", "18", "####"),
    ("#### \uff11\uff18", "18", "####"),
    ("#### \u0661\u0668", "18", "####"),
    ("\u7b54\u6848\u662f\uff11\uff18\u3002", "18", "last number"),
    ("#### 7 or 8", None, "none"),
    ("#### 5\n#### unknown", None, "none"),
    (RUN_ON, "18", "####"),
    ("#### 18\n\nTom has 2 pens and buys 1 more. How many has he?\nHe has 3.\n#### 3", "18", "####"),
    ("#### 18\n\nWait, is that right? 9 * 3 = 27.\n#### 27", "27", "####"),
    ("<think>Is it #### 12? No.</think>\nThe answer is 18.", "18", "answer is"),
    ("<think>Is it 12? It is 18", None, "none"),
    ("analysisWe need 9*2. Others say 12 or 16.assistantfinal18", "18", "alone"),
    ("**Answer:** $18", "18", "answer is"),
    ("**Answer: 18 dollars**\nThat took 3 steps.", "18", "answer is"),
    ("Answer:\n\n18", "18", "answer is"),
    ("The answer is that she makes 18 dollars per day, since 9 * 2 = 18", "18", "answer is"),
    ("The answer to question 4 is 9 * 2 = 18.", "18", "answer is"),
    ("The answer is 18. Wait, the answer is 27.", "27", "answer is"),
    ("The answer isn't 5. So 6", "6", "last number"),
    ("The answer is not 5. It is 6", "6", "last number"),
    ("the answer is 3/4 of the 8 pieces", "0.75", "answer is"),
    ("So she makes **$18** per day. That took 3 steps.", "18", "bold"),
    ("**1.** Count.\n**2.** Sell.\nShe makes 18", "18", "last number"),
    ("18 dollars", "18", "alone"),
    ("no number", None, "none"),
]


@pytest.mark.parametrize(("reply", "answer", "mark"), NUMBERS)
def test_a_number_is_read_by_the_strongest_mark(reply: str, answer: str | None, mark: str) -> None:
    found = read_reply(reply, "number", guess=True)
    assert (found.answer, found.mark) == (answer, mark)
    assert extract_gsm8k(reply, flexible=True) == answer
    plain = read_reply(reply, "number")
    assert plain.answer == (None if mark == "last number" else answer)


OTHERS: list[tuple[Kind, str, str | None, str]] = [
    ("math", "Thus $x=3$, so the answer is $\\frac{1}{2}$.", "0.5", "answer is"),
    ("math", "The final answer is (1,2). I hope it is correct.", "(1,2)", "answer is"),
    ("math", "\\boxed{x^2} and not $x^3$", "x^2", "box"),
    ("math", "so **$\\sqrt{2}$** holds", "\\sqrt{2}", "bold"),
    ("math", "$\\pi$", "\\pi", "alone"),
    ("math", "so we get $7x$ in the end", "7x", "last number"),
    ("text", "The answer is: Paris.", "paris", "answer is"),
    ("text", "<think>London</think>Answer: Paris, France", "paris, france", "answer is"),
    ("text", "\\boxed{\\text{New York}}", "new york", "box"),
    ("text", "The answer is Barack Obama because he won.", "barack obama", "answer is"),
    ("text", "Some thoughts.\nMarie Curie", "marie curie", "last line"),
    ("choice", "<think>A? B?</think> The answer is (C).", "C", "choice"),
    ("choice", "Answer: B\n\nQuestion: next\nAnswer: D", "B", "choice"),
    ("choice", "<answer>D</answer>", "D", "box"),
    ("choice", "analysisHmm maybe B.assistantfinal**C**", "C", "choice"),
    ("choice", "<think>It is B", None, "none"),
    ("choice", "Answer: \uff22", "B", "choice"),
]


@pytest.mark.parametrize(("kind", "reply", "answer", "mark"), OTHERS)
def test_other_kinds_are_read_by_the_same_marks(kind: Kind, reply: str, answer: str | None, mark: str) -> None:
    found = read_reply(reply, kind, guess=True)
    assert (found.answer, found.mark) == (answer, mark)


def test_strictly_read_only_the_line_of_the_format_counts() -> None:
    assert read_hash_line("\\boxed{5}\n#### 18").answer == "18"
    assert read_hash_line("The answer is 18").answer is None
    assert read_hash_line("#### 18\nAufgabe: 3?\n#### 3", lead="Aufgabe:").answer == "18"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="kind must be one of number, choice, math, text, got 'auto'"):
        read_reply("18", "auto")  # type: ignore[arg-type]
