import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tts.answers
from tts.answers import canonical
from tts.errors import InputError

KINDS = ("auto", "number", "choice", "text", "math")
commands = ["\\left", "\\right", "\\dfrac", "\\frac", "\\!", "\\,", "\\sqrt", "\\text{", "^\\circ", "\\pi", "\\$", "\\"]
others = [*'(){} $~*`A%-°.,x"', "..", "1", "23", "l", "eft"]
latex = st.lists(st.sampled_from(commands + others), max_size=15).map("".join)


@given(st.text() | latex, st.sampled_from(KINDS))
def test_canonical_is_a_fixed_point_of_every_kind(answer: str, kind: str) -> None:
    once = canonical(answer, kind)
    assert once is None or (once and canonical(once, kind) == once)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("auto", "18.0", "$18"),
        ("auto", "Yes.", " **yes** "),
        ("auto", "New  York", '"new york"'),
        ("text", "Caf\u00e9", "cafe\u0301"),
        ("choice", "(b)", "The answer is B."),
        ("number", "1/2", "0.50"),
        ("math", "\\dfrac{x}{2}", "$\\frac{x}{2}$."),
        ("math", "\\left( 1, 2 \\right)", "(1,\\! 2)"),
        ("math", "\\frac12 x", "\\tfrac{1}{2}x"),
        ("math", "\\text{Monday}", "Monday."),
        ("math", "x^\\circ", "x°"),
        ("math", "10\\%", "10"),
        ("math", "2 \\pi", "2\\pi"),
    ],
)
def test_spellings_of_one_answer_agree(kind: str, one: str, other: str) -> None:
    assert canonical(one, kind) == canonical(other, kind) is not None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("auto", "\\Delta", "\\delta"),
        ("math", "X", "x"),
        ("math", "1 2", "12"),
        ("math", "[1,2)", "(1,2)"),
        ("math", "\\pi r", "\\pir"),
        ("text", "18", "18.0"),
    ],
)
def test_different_answers_stay_apart(kind: str, one: str, other: str) -> None:
    assert canonical(one, kind) != canonical(other, kind)


def test_what_is_empty_too_long_or_of_another_kind_is_none() -> None:
    for kind in KINDS:
        assert canonical("", kind) is canonical(" \n", kind) is canonical("x" * 10**6, kind) is None
    assert canonical("x+1", "number") is canonical("A train", "choice") is canonical("$$", "math") is None


def test_an_unknown_kind_names_the_kinds() -> None:
    with pytest.raises(InputError, match="auto, number, choice, math, text, got 'latex'"):
        canonical("1", "latex")


def test_importing_the_package_is_light() -> None:
    heavy = "{'numpy', 'scipy', 'sympy', 'math_verify', 'latex2sympy2_extended', 'torch', 'multiprocessing'}"
    code = (
        f"import sys, threading, tts.answers; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules); "
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(filter(None, sys.path))})


def test_every_public_name_is_documented() -> None:
    for name in tts.answers.__all__:
        assert getattr(tts.answers, name).__doc__
