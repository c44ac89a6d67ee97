r"""From a whole reply to its answer, and the mark by which it was read.

    read_reply("16 - 7 = 9, and 9 x 2 = 18.\n#### 18").answer    # "18"

Thoughts are cut off first, then a next question that the model goes on with. Marks count in the order of their
strength: a box, the line behind ``####``, a sentence that says "the answer is", a bold answer, a reply that is nothing
but the answer; the last of the strongest kind is read. Where asked for, the last number of a text without marks is a
guess. What cannot be read is None and never votes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tts.answers.boxes import last_box
from tts.answers.canonical import canonical
from tts.answers.choice import extract_choice
from tts.answers.decorated import NUMBER_IN_TEXT, decorated_number, last_number, leading_number, plain
from tts.answers.numbers import canonical_number, western_digits
from tts.answers.replies import final_text, own_answer
from tts.errors import InputError

Kind = Literal["number", "choice", "math", "text"]
Mark = Literal["box", "####", "answer is", "bold", "alone", "choice", "last number", "last line", "none"]
KINDS: tuple[Kind, ...] = ("number", "choice", "math", "text")

_HASH_LINE = re.compile(r"(?<!#)####(?!#)(?P<rest>[^\n]*)")
_LISTED = re.compile(r"\d+\s*[.)]\s+\S")
_SAYS = re.compile(
    r"\banswer\b(?:\s+(?:to|for)\s[^.\n:]{0,80}?)?[ \t]*[*_]{0,3}[ \t]*"
    r"(?:is\b(?!n)|was\b|are\b|=|:|(?:would|should|must|will)[ \t]+be\b)[ \t]*[*_]{0,3}[ \t]*:?"
    r"(?=(?P<rest>[^\n]{0,300}(?:\n\s{0,5}[^\n]{0,300})?))",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?](?=\s|$|\*|\")|;|\n")
_DENIES = re.compile(r"not\b|no\b", re.IGNORECASE)
_CLAUSE = re.compile(r",\s|\s(?:because|since|as|so|which|where|after|when|and|if)\s|\s[-\u2013\u2014]\s")
_BOLD = re.compile(r"(?<!\*)\*\*(?P<inside>[^*\n]{1,80})\*\*(?!\*)|(?<!_)__(?P<under>[^_\n]{1,80})__(?!_)")
_TAG = re.compile(r"<answer>(?P<inside>.*?)</answer>|<\|begin_of_box\|>(?P<box>.*?)<\|end_of_box\|>", re.DOTALL | re.I)
_INLINE = re.compile(r"\$\$?(?P<dollars>[^$\n]{1,200})\$\$?|\\\((?P<round>[^\n]{1,200}?)\\\)")
_WORDS_IN_BOX = re.compile(r"\\(?:text|textrm|textbf|mathrm|mbox)\s*\{(?P<words>[^{}]*)\}\.?")
_REASON = re.compile(r",?\s(?:because|since|which|where|as (?:it|he|she|they))\s")
_WORDLESS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_BESIDE_DIGITS = re.compile(rf"(?<=[{_WORDLESS}])(?=[0-9])|(?<=[0-9])(?=[{_WORDLESS}])")
"""Places between a digit and a letter of a script that writes no spaces."""
_WINDOW = 20_000
"""Characters at the end of a reply in which marks of sentences are searched: an answer stands at the end."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as it was read from a reply.

    Attributes:
        answer: its canonical text, or None where nothing can be read.
        mark: the mark that it was read by; "none" where there is none, or where the strongest one cannot be read.
        text: the text behind the mark.
    """

    answer: str | None
    mark: Mark
    text: str = ""


NOTHING = Reading(None, "none")


def read_reply(
    text: str, kind: Kind = "number", *, guess: bool = False, choices: str = "ABCDE", lead: str = ""
) -> Reading:
    """Read the answer of a whole reply.

    Args:
        text: the reply, thoughts included.
        kind: the kind of answer; see :func:`~tts.answers.canonical.canonical`.
        guess: whether to take the last number (of free text: the last line) of a reply without a mark.
        choices: the letters on offer, for the kind "choice".
        lead: the words of the prompt in front of a question, with which a model may go on.

    Raises:
        InputError: an unknown kind, or choices that are no letters.
    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "choice":
        return _read_choice(final_text(text), choices, lead)
    reader = _Reader(kind)
    own = own_answer(_spoken(text, kind), lambda part: reader.marked(part).answer is not None, lead=lead)
    found = reader.marked(own)
    if found is not NOTHING or not guess:
        return found
    return reader.guessed(own)


def read_hash_line(text: str, *, lead: str = "") -> Reading:
    """Read the number of the last line behind ``####`` alone, the format of GSM8K's solutions; other marks are nothing.

    Args:
        text: a whole reply.
        lead: the words of the prompt in front of a question, with which a model may go on.

    Source:
        Cobbe et al. 2021, arXiv 2110.14168.
    """
    reader = _Reader("number")
    own = own_answer(
        _spoken(text, "number"), lambda part: (reader.hashed(part) or NOTHING).answer is not None, lead=lead
    )
    return reader.hashed(own) or NOTHING


def _spoken(text: str, kind: Kind) -> str:
    said = final_text(text)
    if kind != "number" or said.isascii():
        return said
    return _BESIDE_DIGITS.sub(" ", western_digits(said).replace("\u3002", "."))


def _read_choice(text: str, choices: str, lead: str) -> Reading:
    text = unicodedata.normalize("NFKC", text)
    tag = _last_tag(text)
    if tag is not None and (letter := extract_choice(tag, choices)):
        return Reading(letter, "box", tag)
    own = own_answer(text, lambda part: extract_choice(part, choices) is not None, lead=lead)
    letter = extract_choice(own, choices)
    return NOTHING if letter is None else Reading(letter, "choice", own[-80:].strip())


class _Reader:
    """The marks of one kind of answer."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.parse: Callable[[str], str | None] = decorated_number if kind == "number" else self._canonical

    def _canonical(self, text: str) -> str | None:
        text = text.strip().strip("*_`").strip()
        inline = _INLINE.fullmatch(text.rstrip(".")) if self.kind == "math" else None
        return canonical(inline[inline.lastgroup or 0] if inline else text, self.kind)

    def marked(self, text: str) -> Reading:
        """Return the answer behind the strongest mark."""
        for read in (self.boxed, self.hashed, self.said, self.bold, self.alone):
            found = read(text)
            if found is not None:
                return found
        return NOTHING

    def boxed(self, text: str) -> Reading | None:
        """Return the last box or answer tag; an open last box hides the ones before it."""
        tag = _last_tag(text)
        if tag is not None and (inner := self._in_box(tag)) is not None:
            return Reading(inner, "box", tag)
        found, content = last_box(text)
        if not found:
            return None
        answer = None if content is None else self._in_box(content)
        if answer is None and self.kind == "number":  # a box around words is no number: other marks may hold it
            return None
        return Reading(answer, "box" if answer is not None else "none", content or "")

    def _in_box(self, content: str) -> str | None:
        content = last_box(content)[1] or content
        if self.kind == "number":
            return decorated_number(content)
        words = _WORDS_IN_BOX.fullmatch(content.strip())
        return canonical(words["words"] if words else content, self.kind)

    def hashed(self, text: str) -> Reading | None:
        """Return the last line behind ``####`` that is no heading."""
        if "####" not in text:
            return None
        lines = list(_HASH_LINE.finditer(text, text.index("####")))
        for i, line in enumerate(reversed(lines)):
            rest = line["rest"].strip()
            answer = self.parse(plain(rest)) if rest and not _LISTED.match(rest) else None
            if self.kind != "number" and answer is not None and text[line.end() :].strip() and len(lines) > 1:
                answer = None  # a line of words with text below it is a heading
            if answer is not None:
                return Reading(answer, "####", rest)
            if i == 0 and not text[line.end() :].strip("*_` \t\r\n"):
                return Reading(None, "none", rest)
            if i == 0 and not rest and len(lines) == 1 and self.kind == "number":
                return Reading(None, "none", rest)
        return None

    def said(self, text: str) -> Reading | None:
        """Return the last sentence that says which the answer is."""
        first = text.lower().find("answer")
        if first < 0:
            return None
        start = max(0, len(text) - _WINDOW, first if text.isascii() else 0)  # other letters may change their number
        for match in reversed(list(_SAYS.finditer(text, start))):
            for part in _phrases(match["rest"], _CLAUSE if self.kind == "number" else _REASON):
                if self.kind == "number" and _DENIES.match(part):
                    break
                if (answer := self._of_phrase(part)) is not None:
                    return Reading(answer, "answer is", part)
        return None

    def _of_phrase(self, part: str) -> str | None:
        if self.kind == "number":
            if (number := decorated_number(part)) is not None:
                return number
            if (first := leading_number(part)) is not None:
                return first
            numbers = [match[0] for match in NUMBER_IN_TEXT.finditer(part)]
            return canonical_number(numbers[0]) if len(numbers) == 1 else None
        if self.kind == "math" and (inline := _INLINE.match(part)):
            return canonical(inline[inline.lastgroup or 0], "math")
        return self._canonical(_REASON.split(part)[0]) if len(part) <= 200 else None

    def bold(self, text: str) -> Reading | None:
        """Return the last bold answer; bold words are no mark but of free text."""
        marks = [at for mark in ("**", "__") if (at := text.find(mark, max(0, len(text) - _WINDOW))) >= 0]
        if self.kind == "text" or not marks:
            return None
        for match in reversed(list(_BOLD.finditer(text, min(marks)))):
            inside = (match["inside"] or match["under"]).strip(" :")
            begins = not text[: match.start()].rpartition("\n")[2].strip(" \t>*-")
            if begins and inside[-1:] in (".", ")") and text[match.end() : match.end() + 2].strip():
                continue  # "**2.** Then ..." numbers a step
            number = canonical_number(inside)
            if number is not None:
                return Reading(number, "bold", inside)
            if self.kind == "math" and _INLINE.fullmatch(inside) and (answer := self._canonical(inside)):
                return Reading(answer, "bold", inside)
        return None

    def alone(self, text: str) -> Reading | None:
        """Return a reply that is nothing but its answer."""
        line = text.strip()
        if not line or "\n" in line or len(line) > 100:
            return None
        answer = canonical_number(line) if self.kind == "number" else None
        if self.kind == "text" or (self.kind == "math" and (_INLINE.fullmatch(line) or canonical_number(line))):
            answer = self._canonical(line)
        return None if answer is None else Reading(answer, "alone", line)

    def guessed(self, text: str) -> Reading:
        """Return the last number, formula or line of a reply without a mark."""
        if self.kind == "text":
            lines = [line for line in text.splitlines() if line.strip()]
            answer = canonical(lines[-1], "text") if lines else None
            return NOTHING if answer is None else Reading(answer, "last line", lines[-1])
        if self.kind == "math":
            inline = list(_INLINE.finditer(text, max(0, len(text) - _WINDOW)))
            if inline and (answer := self._canonical(inline[-1][0])):
                return Reading(answer, "last number", inline[-1][0])
        last = last_number(text)
        answer = None if last is None else canonical_number(last)
        return NOTHING if answer is None else Reading(answer, "last number", last or "")


def _last_tag(text: str) -> str | None:
    if "<" not in text:
        return None
    tags = list(_TAG.finditer(text, max(0, len(text) - _WINDOW)))
    return (tags[-1]["inside"] or tags[-1]["box"] or "").strip() if tags else None


def _phrases(rest: str, clauses: re.Pattern[str]) -> Iterator[str]:
    """Yield the sentence behind a mark, on its line or the next one, then its first clause."""
    for line in rest.split("\n"):
        line = line.strip().strip("*_").strip()
        if not line:
            continue
        end = _SENTENCE.search(line)
        sentence = line if end is None else line[: end.start()]
        yield sentence.strip().strip("*_").strip()
        clause = clauses.search(sentence)
        if clause is not None:
            yield sentence[: clause.start()].strip().strip("*_").strip()
        return
