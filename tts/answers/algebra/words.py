"""Answers of words: "no" is no product of the letters n and o, and "evil" is not "live"."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ARGUMENT = re.compile(r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_LETTERS = re.compile(r"[A-Za-z][A-Za-z'-]*(?:[ ,]+[A-Za-z][A-Za-z'-]*)*[.!?]?")
_RUN = re.compile(r"[A-Za-z]+")
_SHORT = _words(
    "no on of or so if it is in at to up us go he me we my as an am do dne yes not now own won one two six ten net odd "
    "all nor saw was tea eat ate dog god cat act top pot opt pit tip man men boy his him her she who why how out off "
    "new old low owl red tan ant nut tun sun sum day may jan feb mar apr jun jul aug sep oct nov dec mon tue wed thu "
    "fri sat tom tim sam amy ann eve joe ted pat bob ben ron don car arc bus sub cup cow hen pen pig hat bag big box "
    "fox few any and the for are has had can end use get set let put run tie win ace art ear era air aim age ago oil "
    "ice egg sea sky map mat sit pan top gas rat tar raw war den pin but gut tub nip tug lap pal dew ram arm tow"
)
_NAMES = _words("infinity infty alpha beta gamma delta theta lambda sigma omega")
"""Words that name a number or a variable."""
_PRODUCT = re.compile(r"[a-d]+|[x-z]+|[m-n]+|[p-t]+|[i-k]+|(.)\1*")
"""Four letters that customarily stand for numbers beside one another."""
_ORDINARY = 4


def words(text: str) -> str | None:
    r"""Return the words of an answer that is made of words, in lower case, or None where it is mathematics.

    A text in ``\text{...}`` is words where it has more than one letter. Bare letters are words where one run of them is
    a short English word or has at least four letters; any other run is a product of variables.

    Args:
        text: a bare answer.
    """
    bare = text.strip(" .$")
    plain = _ARGUMENT.sub(r"\1", bare).replace("\\ ", " ").strip(" .")
    if not _LETTERS.fullmatch(plain) or plain.lower() in _NAMES:
        return None
    runs = _RUN.findall(plain)
    marked = not _ARGUMENT.sub("", bare).strip(" .") and any(len(run) > 1 for run in runs)
    if not marked and not any(_is_word(run) for run in runs):
        return None
    return " ".join(plain.lower().replace(",", " ").split()).strip(" .!?")


def _is_word(run: str) -> bool:
    if len(run) >= _ORDINARY:
        return len(run) > _ORDINARY or not _PRODUCT.fullmatch(run)
    return run.lower() in _SHORT
