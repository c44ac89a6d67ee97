"""The usual form of a question for each kind of answer: the system text and the text around the question."""

from __future__ import annotations

from tts.answers.reading import Kind

TEXT, CHAT = "Question: {question}\nAnswer:", "{question}"
SYSTEM = "Solve the problem step by step. End with a line `#### <answer>`, where <answer> is one number."
SYSTEMS: dict[Kind, str] = {
    "number": SYSTEM,
    "choice": "Think step by step. End with a line `Answer: <letter>`, where <letter> is that of the right choice.",
    "math": "Please reason step by step, and put your final answer within \\boxed{}.",
    "text": "Answer the question. End with a line `Answer: <answer>`, where <answer> is a few words at most.",
}
"""The system text by kind of answer."""
