"""Open answers, a few words each: the normalisation of SQuAD, and how much two answers share.

Source:
    Rajpurkar et al. 2016, arXiv 1606.05250 (normalisation and F1), which TriviaQA and NQ-Open use too.
"""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "\u2018\u2019\u201c\u201d\u00b4", ""))


def normalise_open(text: str) -> str | None:
    """Return an answer in lower case without articles, punctuation and needless white space; None if nothing is left.

        normalise_open("The Beatles!")    # "beatles"

    Args:
        text: the answer.
    """
    text = text.casefold().replace("_", " ").translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split()) or None


def token_f1(answer: str, gold: str) -> float:
    """Return the F1 of the words that an answer and a gold answer share, in [0, 1].

    Args:
        answer: the given answer, in any spelling.
        gold: an accepted answer.
    """
    given, right = (normalise_open(answer) or "").split(), (normalise_open(gold) or "").split()
    shared = sum((Counter(given) & Counter(right)).values())
    return 2 * shared / (len(given) + len(right)) if shared else 0.0


def contains_answer(answer: str, gold: str) -> bool:
    """Return whether the words of a gold answer stand in an answer, side by side.

    Args:
        answer: the given answer, in any spelling.
        gold: an accepted answer.
    """
    given, right = normalise_open(answer), normalise_open(gold)
    return given is not None and right is not None and f" {right} " in f" {given} "
