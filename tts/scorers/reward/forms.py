"""The conventions of published process reward models: how question and steps are written, and where a step is judged.

A form turns a question and its steps into tokens and the places that are read; it knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tts.engines.special_tokens import PlainText
from tts.errors import InputError

Ids = list[int]
Written = tuple[Ids, list[int]]
"""Tokens, and the place that is read for each step."""
QWEN_STEP = "<extra_0>"
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
SHEPHERD_STEP = "ки"
SIGNS = ("+", "-")
"""The tokens that say that a step is right or wrong."""


@dataclass(frozen=True, slots=True)
class ProcessForm:
    """The convention of a family of process reward models.

    Attributes:
        reads: "head" reads the model's own head at a place, "signs" the probability of "+" against "-" there.
        write: from a tokenizer, its reader of plain text, the question and the steps to tokens and places.
        separator: the text between two steps of a sample; empty takes a blank line where a sample has one, else a line
            break.
    """

    reads: Literal["head", "signs"]
    write: Callable[[Any, PlainText, str, Sequence[str]], Written]
    separator: str = ""

    def steps(self, text: str, separator: str | None = None) -> list[str]:
        """Return the steps of a text, without those that are blank."""
        between = separator or self.separator or ("\n\n" if "\n\n" in text.strip() else "\n")
        return [step.strip() for step in text.split(between) if step.strip()]


def _chat(tokenizer: Any, messages: Sequence[tuple[str, str]], *, go_on: bool = False) -> str:
    turns = [{"role": role, "content": content} for role, content in messages]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=go_on))


def _qwen(tokenizer: Any, plain: PlainText, question: str, steps: Sequence[str]) -> Written:
    answer = "".join(plain.guard(step) + QWEN_STEP for step in steps)
    messages = [("system", QWEN_SYSTEM), ("user", plain.guard(question)), ("assistant", answer)]
    ids = list(plain.encode(_chat(tokenizer, messages)))
    mark = tokenizer.convert_tokens_to_ids(QWEN_STEP)
    return ids, [place for place, token in enumerate(ids) if token == mark]


def _shepherd(tokenizer: Any, plain: PlainText, question: str, steps: Sequence[str]) -> Written:
    text = plain.guard(f"{question} ")
    ids, places = list(plain.encode(text, begin=True)), []
    for number, step in enumerate(steps):
        text += plain.guard(f"{step} {SHEPHERD_STEP}")
        ids = list(plain.encode(text, begin=True))
        places.append(len(ids) - 1)
        text += "\n" if number < len(steps) - 1 else ""
    return ids, places


def _rlhflow(tokenizer: Any, plain: PlainText, question: str, steps: Sequence[str]) -> Written:
    messages, places = [], []
    ids: Ids = []
    for number, step in enumerate(steps):
        turn = f"{question} {step}" if not number else step
        messages.append(("user", plain.guard(turn)))
        ids = list(plain.encode(_chat(tokenizer, messages, go_on=True)))
        places.append(len(ids) - 1)  # the place that predicts the assistant's sign
        messages.append(("assistant", SIGNS[0]))
    return ids, places


def _skywork(tokenizer: Any, plain: PlainText, question: str, steps: Sequence[str]) -> Written:
    ids = list(plain.encode(f"{tokenizer.bos_token or ''}{plain.guard(question)}\n"))
    mark, places = plain.encode("\n")[-1], []
    for step in steps:
        ids += [*plain.encode(plain.guard(step)), mark]
        places.append(len(ids) - 1)
    return ids, places


FORMS: dict[str, ProcessForm] = {
    "qwen": ProcessForm("head", _qwen),
    "math_shepherd": ProcessForm("signs", _shepherd),
    "rlhflow": ProcessForm("signs", _rlhflow),
    "skywork": ProcessForm("head", _skywork, "\n"),
}
"""By name: Qwen2.5-Math-PRM (Zhang et al. 2501.07301), Math-Shepherd (Wang et al. 2312.08935), RLHFlow's
Llama3.1-8B-PRM (Dong et al. 2405.07863), Skywork-o1-Open-PRM."""


def check_tokenizer(path: object, name: str, tokenizer: Any) -> None:
    """Refuse a tokenizer that cannot write a form.

    Raises:
        InputError: it lacks the form's token or a chat template.
    """
    if name in ("qwen", "rlhflow") and not tokenizer.chat_template:
        raise InputError(
            f"reward model {path} has no chat template, which scorer.form={name} needs: choose another form"
        )
    if name == "qwen" and tokenizer.convert_tokens_to_ids(QWEN_STEP) in (None, tokenizer.unk_token_id):
        raise InputError(
            f"reward model {path} has no token {QWEN_STEP}, which scorer.form=qwen needs: choose another form"
        )
