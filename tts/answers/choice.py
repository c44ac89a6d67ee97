r"""The letter that a text picks in a multiple-choice question.

Statements come in two strengths. A strong one says so: ``\boxed{B}``, "the answer is (b)", "Answer: B", "B is correct",
"#### B", or a line that holds nothing but the letter. A weak one only shows a letter: "(B)", "**B**", "B. Paris" at the
start of a line. The last strong statement wins; without one, the last line with weak ones counts if it shows one letter
and is not itself one of several options listed again. Anything else is no answer: a wrong letter would vote.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tts.errors import InputError

_MARKUP = re.compile(r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox)\s*(?=\{)|\$")
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})
_OPEN = r"[\s*_:\"'`(\[{]{0,20}"
_SENTENCE_GOES_ON = re.compile(r"\s+(?:because|since|as|and|for|with|due|is|was|[-\u2013\u2014(])", re.IGNORECASE)
_ENDS = re.compile(r"\s*(?:$|[.,;:)\]}*!?\"'`])|[ \t]*\n")
_ENCLOSED = {"(": ")", "[": "]", "{": "})]", "*": "*).", '"': '"', "'": "'", "`": "`"}
_WORD_LETTERS = frozenset("AI")  # "A train", "I think": letters that are also words


def extract_choice(text: str, choices: str = "ABCDE") -> str | None:
    r"""The letter of ``choices`` that ``text`` states last and clearly, or None.

    A sentence that starts with the article "A" (or the pronoun "I") states nothing; lower case counts only where the
    letter is set apart, as in "(b)" or "the answer is b.".

    Args:
        text: a whole generation or a bare answer.
        choices: the letters on offer, each once, such as "ABCD"; the answer comes back as it is written here.

    Returns:
        One character of ``choices``, or None where no letter or several are shown without a statement.

    Raises:
        InputError: ``choices`` is empty, repeats a letter or holds something else than ASCII letters and digits.
    """
    if not (choices.isascii() and choices.isalnum() and len(set(choices.lower())) == len(choices)):
        raise InputError(f"choices must be distinct ASCII letters or digits such as 'ABCDE', got {choices!r}")
    text = _MARKUP.sub("", text.translate(_QUOTES))
    strong, enclosed, label, another = _patterns(choices)
    stated = [m for p in strong for m in p.finditer(text) if _is_clear(m, text, another)]
    letter = max(stated, key=lambda m: m.start("letter"))["letter"] if stated else _shown(text, enclosed, label)
    return next((c for c in choices if c.lower() == letter.lower()), None) if letter else None


@lru_cache(maxsize=32)
def _patterns(choices: str) -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """The patterns of strong statements, of enclosed letters, of option labels and of a second letter after a first."""
    one = f"(?P<letter>[{choices.upper()}{choices.lower()}])"
    cue = r"(?:\b(?i:answer|option|choice)\b[^\n.:=]{0,60}?(?:\b(?i:is|be)\b|[:=])|####|\\(?:boxed|fbox)\s*(?=\{))"
    named = r"(?:(?i:option|choice)\s+[*(]{0,3})?"
    strong = (
        re.compile(rf"{cue}(?P<open>{_OPEN}(?:\\(?:boxed|fbox){_OPEN})?{named}){one}(?![\w+^/=]|'\w)"),
        re.compile(rf"^(?P<open>[ \t>*(\[`]*){one}(?=[ \t.)\]*`]*$)", re.MULTILINE),
        re.compile(rf"(?<![\w'-])(?P<open>[*(]{{0,3}}){one}[*)]{{0,3}}(?=\s+is\s+(?:the\s+)?(?:correct|right|best)\b)"),
    )
    enclosed = re.compile(rf"(?<!\bnot )(?<!\w)(?P<open>\(|\[|\*\*\(?){one}(?=\)|\]|\.?\*\*)")
    label = re.compile(rf"^[ \t>*-]*\(?(?P<letter>[{choices.upper()}])[.):](?=[ \t*]+\S)", re.MULTILINE)
    second = rf"[(\[*]*[{choices.upper()}][)\]*]*"
    another = re.compile(  # "B or C", "A, B and C", but not "B, A is wrong"
        rf"[)\]}}*]*(?:,?[ \t]+or[ \t]+{second}(?!\w)"
        rf"|[ \t]*(?:,(?:[ \t]*and)?|/|and)[ \t]*{second}(?=[ \t]*(?:[,.;/]|$|and\b|or\b)))",
        re.MULTILINE,
    )
    return strong, enclosed, label, another


def _is_clear(match: re.Match[str], text: str, another: re.Pattern[str]) -> bool:
    """Return whether the letter of a strong match stands for an option and is not a word of the sentence."""
    letter, opening = match["letter"], match["open"].rstrip()[-1:]
    after = text[match.end("letter") : match.end("letter") + 80]
    if another.match(after):
        return False
    if after[:1] and after[0] in _ENCLOSED.get(opening, ""):
        return True
    if _ENDS.match(after):
        return True
    if letter.isdigit() or letter.islower():
        return False
    if letter in _WORD_LETTERS:
        return bool(_SENTENCE_GOES_ON.match(after))
    return bool(re.match(r"\s+[a-z(\u2013\u2014-]|\*", after))


def _shown(text: str, enclosed: re.Pattern[str], label: re.Pattern[str]) -> str | None:
    """The one letter of the last line that shows any, where options listed again show nothing."""
    labels = {m["letter"].upper(): m.start("letter") for m in label.finditer(text)}
    starts = {m.start("letter") for m in label.finditer(text)}
    listed = len(labels) > 1
    shown = [(m.start("letter"), m["letter"]) for m in enclosed.finditer(text)]
    shown = [(at, letter) for at, letter in shown if at not in starts]
    if not listed:
        shown += [(at, letter) for letter, at in labels.items()]
    if not shown:
        return None
    last = max(shown)[0]
    start_of_line = text.rfind("\n", 0, last) + 1
    letters = {letter.upper() for at, letter in shown if at >= start_of_line}
    return letters.pop() if len(letters) == 1 else None
