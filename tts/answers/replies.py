"""The part of a reply that answers: without thoughts, control tokens and the questions that a model asks itself next.

Sources of the marks: DeepSeek-R1 and Qwen3 (``<think>``), Magistral (``[THINK]``), Kimi, Seed-OSS and Command A
(tokens of their own), gpt-oss (harmony channels, https://github.com/openai/harmony).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

_OPEN = (
    r"<(?:seed:)?(?:think|thinking|thought|thoughts|reasoning)>|\[THINK\]|\u25c1think\u25b7"
    r"|<\|begin_of_thought\|>|<\|START_THINKING\|>|<unused94>thought"
)
_CLOSE = (
    r"</(?:seed:)?(?:think|thinking|thought|thoughts|reasoning)>|\[/THINK\]|\u25c1/think\u25b7"
    r"|<\|end_of_thought\|>|<\|END_THINKING\|>|<unused95>"
)
_THOUGHT = re.compile(rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>\s*(?P<name>\w+)[^<]*<\|message\|>")
_STRIPPED_CHANNELS = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?=[A-Z0-9\"'(\\*]|\s*\n)")
_STRIPPED_FINAL = "assistantfinal"
_END = re.compile(
    r"<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|call|eom_id|END_OF_TURN_TOKEN|END_RESPONSE)\|>"
    r"|</s>|<end_of_turn>|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
_START = re.compile(r"<\|(?:START_RESPONSE|begin_of_solution|start)\|>(?:assistant)?|<\|end_of_solution\|>")
_NEXT = re.compile(
    r"^[ \t>]*(?:#{1,6}[ \t]*|\*\*|\[|<\|im_start\|>[ \t]*)?"
    r"(?:question|q|problem|exercise|example|human|user|student|instruction|input|task)"
    r"[ \t]*\#?\d{0,4}[ \t]*(?:\*\*[ \t]*)?[:\]][ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n[ \t]*(?=\S)")
_ASKS = re.compile(
    r"\b(?:how|what|which|who|when|where|find|calculate|determine|compute)\b[^\n?]{0,300}\?", re.IGNORECASE
)
_OWN_DOUBT = re.compile(
    r"(?:\*+|\()?(?:wait|hmm+|but|let|is|are|was|actually|so|then|check|double|no|yes|hold|however|did|does|do|oh|now"
    r"|i|we|alternatively|verify|to|maybe|perhaps|ok|okay|therefore|thus|hence|the answer|answer|final)\b",
    re.IGNORECASE,
)
_TOKENS = ("<|", "</s>", "<end_of_turn>", "<\uff5c")
"""The beginnings of control tokens."""
_THINKS = ("think", "thought", "reasoning", "unused95")
"""The words in the marks of thoughts."""
_TRIED = 20
"""Places at which a next question may begin that are tried; a reply that runs on begins with the first ones."""


def final_text(text: str) -> str:
    """Return a reply without its thoughts and control tokens; empty where nothing but thoughts was written.

    A thought that is never closed takes the rest of the reply; a closing mark without an opening one, which the prompt
    may hold, ends a thought that began with the reply.

    Args:
        text: a whole reply.
    """
    if "<|channel|>" in text:
        return _final_channel(text)
    if _STRIPPED_CHANNELS.match(text):
        return text.rpartition(_STRIPPED_FINAL)[2].strip() if _STRIPPED_FINAL in text else ""
    if "<" not in text and "[" not in text and "\u25c1" not in text:  # every mark below begins with one of these
        return text
    lowered = text.lower()
    if not any(mark in text for mark in _TOKENS) and not any(word in lowered for word in _THINKS):
        return text
    kept, start, inside = [], 0, False
    for mark in _THOUGHT.finditer(text):
        if mark["open"]:
            if not inside:
                kept.append(text[start : mark.start()])
            inside = True
        else:
            if not inside:
                kept.clear()
            inside = False
        start = mark.end()
    if not inside:
        kept.append(text[start:])
    spoken = _START.sub("", "".join(kept))
    end = _END.search(spoken)
    return spoken[: end.start()] if end is not None and spoken[: end.start()].strip() else _END.sub("", spoken)


def _final_channel(text: str) -> str:
    """Return the last final message of a reply in harmony's format; empty without one."""
    finals = [match.end() for match in _CHANNEL.finditer(text) if match["name"] == "final"]
    if not finals:
        return ""
    said = text[finals[-1] :]
    end = _END.search(said)
    return said if end is None else said[: end.start()]


def own_answer(text: str, answered: Callable[[str], bool], *, lead: str = "") -> str:
    """Return a reply up to where the model goes on with a question of its own.

    Such a question begins with the words that begin the prompt's, with a label such as "Question:", or as a paragraph
    that asks; a label or a paragraph counts only behind an answer.

    Args:
        text: a reply without thoughts.
        answered: whether a text holds a marked answer.
        lead: the words of the prompt in front of a question; empty for none.
    """
    if lead:
        before, found, _ = text.partition(f"\n{lead}")
        if found and before.strip():
            text = before
    labelled = ":" in text or "]" in text
    starts = [match.start() for match in _NEXT.finditer(text)][:_TRIED] if labelled else []
    if not starts and "?" not in text:
        return text
    paragraphs = [match.end() for match in _PARAGRAPH.finditer(text)]
    asking = [
        start
        for start, end in pairwise([*paragraphs, len(text)])
        if _ASKS.search(text, start, min(end, start + 2000)) and not _OWN_DOUBT.match(text, start)
    ]
    for at in sorted({*starts, *asking[:_TRIED]}):
        if text[:at].strip() and answered(text[:at]):
            return text[:at]
    return text
