"""Every phrasing can be filled in, and its numbers are those that it is given."""

from __future__ import annotations

import string

from tts.stories import phrases

KNOWN = {*"abcdekuvpqrto", "box", "boxes", "times", "part", "what"}


def groups() -> dict[str, tuple[str, ...]]:
    return {
        name: value
        for name, value in vars(phrases).items()
        if name.isupper() and isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    }


def test_every_phrasing_has_only_fields_that_a_plot_fills() -> None:
    assert len(groups()) > 20
    for name, texts in groups().items():
        assert len(set(texts)) == len(texts), name
        for text in texts:
            fields = {field for _, field, _, _ in string.Formatter().parse(text) if field}
            assert fields <= KNOWN, (name, text)


def test_every_equation_names_both_numbers_and_the_result() -> None:
    for among in (phrases.ADD, phrases.SUBTRACT, phrases.MULTIPLY, phrases.DIVIDE):
        for text in among:
            assert all(number in text.format(a=11, b=22, c=33) for number in ("11", "22", "33")), text
