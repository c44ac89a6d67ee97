"""The options of a multiple-choice question, lettered from A, and the letter of its gold answer."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts.answers import canonical, extract_choice
from tts.errors import InputError

LETTERS = string.ascii_uppercase
_LISTED = re.compile(r"(?:^|,)\s*(?P<label>[a-zA-Z])\s*\)\s*(?P<text>.*?)(?=\s*,\s*[a-zA-Z]\s*\)|\s*$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of one question.

    Attributes:
        texts: the options in their order.
        labels: their labels in the source, such as "1" to "4"; empty where it has none.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def letters(self) -> str:
        """The letters that the options are asked by, "A" first."""
        return LETTERS[: len(self.texts)]

    def shown(self, question: str) -> str:
        """Return the question with one lettered line an option."""
        lines = (f"{letter}. {text}" for letter, text in zip(self.letters, self.texts, strict=True))
        return "\n".join([question.rstrip(), *lines])

    def shuffled(self, seed: str) -> Choices:
        """Return the options in an order that the seed decides, without labels."""
        texts = list(self.texts)
        random.Random(seed).shuffle(texts)
        return Choices(tuple(texts))

    def letter(self, gold: Any) -> str | None:
        """Return the letter of a gold answer: a label, a letter, an index counted from 0, or an option's text."""
        if isinstance(gold, bool) or not isinstance(gold, str | int | float):
            return None
        if isinstance(gold, int) and not self.labels:
            return self.letters[gold] if 0 <= gold < len(self.texts) else self._of_text(str(gold))
        text = str(gold).strip()
        folded = [label.casefold() for label in self.labels]
        if text.casefold() in folded:
            return self.letters[folded.index(text.casefold())]
        if len(text) == 1 and text.upper() in self.letters:
            return text.upper()
        if (found := self._of_text(text)) is not None:
            return found
        if text.isdecimal() and not self.labels and int(text) < len(self.texts):
            return self.letters[int(text)]
        return extract_choice(text, self.letters)

    def _of_text(self, text: str) -> str | None:
        """Return the letter of the only option with this text."""
        wanted = canonical(text, "text")
        pairs = zip(self.letters, self.texts, strict=True)
        found = [letter for letter, one in pairs if canonical(one, "text") == wanted]
        return found[0] if len(found) == 1 else None

    def of_answer(self, answer: str | None) -> str | None:
        """Return the letter of an answer that repeats one option's text; None for any other."""
        return None if answer is None else self._of_text(answer)


def read_choices(value: Any, where: str) -> Choices:
    """Return the options of a field.

    Args:
        value: a list of texts, a list of {"text", "label"}, {"text": [...], "label": [...]}, a mapping from labels to
            texts, or one text such as "a ) 38 , b ) 27".
        where: the line, which opens the sentence of an error.

    Raises:
        InputError: another form, fewer than 2 options or more than 26.
    """
    labels: Sequence[Any] = ()
    if isinstance(value, str):
        found = list(_LISTED.finditer(value.strip().strip("[]'\"")))
        texts: Sequence[Any] = [match["text"].strip(" '\"") for match in found]
        labels = [match["label"] for match in found]
    elif isinstance(value, Mapping) and "text" in value:
        texts, labels = value["text"], value.get("label", ())
    elif isinstance(value, Mapping):
        texts, labels = [*value.values()], [*value]
    elif isinstance(value, Sequence) and value and all(isinstance(one, Mapping) and "text" in one for one in value):
        texts = [one["text"] for one in value]
        labels = [one["label"] for one in value if "label" in one]
    else:
        texts = value
    if not isinstance(texts, Sequence) or isinstance(texts, str) or not all(map(_is_text, texts)):
        raise InputError(f"{where}: choices must be a list of texts, got {value!r:.60}")
    if not 2 <= len(texts) <= len(LETTERS):
        raise InputError(f"{where}: a question must have 2 to {len(LETTERS)} choices, got {len(texts)}")
    if labels and len(labels) != len(texts):
        raise InputError(f"{where}: has {len(texts)} choices and {len(labels)} labels; one label a choice")
    return Choices(tuple(str(text).strip() for text in texts), tuple(str(label) for label in labels))


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and bool(str(value).strip())
