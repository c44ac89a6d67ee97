import gzip
import json
import time
from fractions import Fraction

import pytest

from tests.support.data import data_file
from tests.support.examples import FULL
from tts.answers import canonical_number, extract_boxed, extract_choice, extract_gsm8k
from tts.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 2 = 4\n#### 4", "4"),
        ("####4", "4"),
        ("#### $1,234.00\n", "1234"),
        ("#### -3", "-3"),
        ("#### 18 eggs per day.", "18"),
        ("**#### 18**", "18"),
        ("#### 5\nOn reflection:\n#### 6", "6"),
        ("#### 5\n#### unknown", None),
        ("#### 7 or 8", None),
        ("####\n5", None),
        ("### 5", None),
        ("##### 5", None),
        ("The answer is 5.", None),
        ("", None),
    ],
)
def test_strict_gsm8k_reads_the_last_marked_line_only(text: str, expected: str | None) -> None:
    assert extract_gsm8k(text) == expected
    if "####" in text and "#####" not in text:
        assert extract_gsm8k(text, flexible=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 2 days she earns $1,234.50.", "1234.5"),
        ("so x = -5", "-5"),
        ("10-5", "5"),
        ("thus \\frac{3}{4} of it, then.", "0.75"),
        ("it is **42**, I think", "42"),
        ("there are 1 1/2 cups", "1.5"),
        ("no number", None),
    ],
)
def test_flexible_gsm8k_takes_the_last_number_of_an_unmarked_text(text: str, expected: str | None) -> None:
    assert extract_gsm8k(text) is None
    assert extract_gsm8k(text, flexible=True) == expected


def golds() -> list[tuple[str, str]]:
    """Each gold solution, and its gold as written after ####."""
    rows = []
    for split in ("train", "test"):
        path = data_file(f"gsm8k_{split}.jsonl.gz")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += [json.loads(line)["answer"] for line in lines]
    return [(row, row.rsplit("####", 1)[1].strip()) for row in rows]


def test_all_gsm8k_golds_are_extracted_strictly_and_round_trip() -> None:
    rows = golds()
    assert len(rows) == 8792
    for solution, gold in rows if FULL else rows[::8]:
        plain = gold.replace(",", "")
        value = Fraction(plain)
        expected = str(value.numerator) if value.denominator == 1 else plain
        assert extract_gsm8k(solution) == expected
        assert extract_gsm8k(solution, flexible=True) == expected
        assert canonical_number(plain) == canonical_number(gold) == expected
        sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
        whole, _, decimals = digits.partition(".")
        grouped = f"{int(whole or 0):,}.{decimals or '00'}"
        for written in (f"{sign}{grouped}", f"{sign}${grouped}", f"${sign}{grouped}", f"**{sign}{grouped} dollars.**"):
            assert canonical_number(written) == expected


CLEAR = """(B)|B|B.|b|(b)|**B**|**B.**|Answer: B|Answer: (b)|**Answer:** B|Answer: **B**|the answer is (b)
|the answer is b.|The answer is B because A is wrong|So the answer is (B) because (A) is wrong.
|The answer is \u201cB\u201d.
|\\boxed{B}|$\\boxed{\\text{B}}$|$\\boxed{\\textbf{(B)}\\ 5}$|The answer is: $\\boxed{B}$|Option B is correct|#### B
|(B) is the correct answer|B) Paris|B. Paris|The correct answer is\n\n**B. Paris**|I would pick (B).|ANSWER = B
|Answer: A. Wait, no.\nAnswer: B|(A) 1\n(B) 2\n(C) 3\nThe correct option is B|B\n\nExplanation: (A) is too small.
|The answer is not A but the right option is B|Answer: B, A is wrong|Answer: (B) 5|The answer is (A), no:\n\nB"""

UNCLEAR = """|A train leaves at noon.|A sentence. A second one.|Answer: A train leaves.|The answer is a dog
|I think so|F|Answer: F|(A) 1 (B) 2 (C) 3|(A) 1\n(B) 2\n(C) 3|A. one\nB. two|The answer is not (A).
|Let A be 5. Then B is 6.|Answer: E = mc^2|The answer choices are: A, B, C|The answer is B or C.|Answer: Boston
|vitamin B is good|the answer is A+|Answer: A's"""


@pytest.mark.parametrize("text", [text.strip() for text in CLEAR.split("|")])
def test_a_clear_choice_is_read(text: str) -> None:
    assert extract_choice(text) == "B"


@pytest.mark.parametrize("text", [text.strip() for text in UNCLEAR.split("|")])
def test_an_unclear_choice_is_none(text: str) -> None:
    assert extract_choice(text) is None


def test_the_letter_a_is_read_where_it_is_an_answer() -> None:
    for text in (
        "A",
        "A.",
        "(A)",
        "(a)",
        "Answer: A",
        "The answer is A.",
        "the answer is A because",
        "\\boxed{A}",
        "**A**",
    ):
        assert extract_choice(text) == "A"
    assert extract_choice("The answer is A.\n\nA train leaves at noon.") == "A"


def test_choices_bound_what_can_be_read_and_how_it_is_written() -> None:
    assert extract_choice("Answer: F", "ABCDEF") == "F"
    assert extract_choice("Answer: (C)", "ab") is None
    assert extract_choice("Answer: (B)", "ab") == "b"
    assert extract_choice("Answer: 2", "1234") == "2"
    for bad in ("", "AA", "Aa", "A,B", "é"):
        with pytest.raises(InputError, match="choices"):
            extract_choice("A", bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so \\boxed{5}.", "5"),
        ("\\boxed{5} then \\boxed{1,234}", "1234"),
        ("\\fbox{3}", "3"),
        ("\\boxed 5", "5"),
        ("$\\boxed 5$ apples", "5"),
        ("\\boxed{\\frac{1}{2}}", "0.5"),
        ("\\boxed{\\dfrac{x}{2}}", "\\frac{x}{2}"),
        ("\\boxed{\\{1, 2\\}}", "\\{1,2\\}"),
        ("\\boxed{\\left\\{ \\right.}", "\\{"),
        ("\\boxed{\\text{New York}}", "New York"),
        ("\\boxed{\\left(3, \\frac{\\pi}{2}\\right)}", "(3,\\frac{\\pi}{2})"),
        ("\\boxed{\\boxed{7}}", "7"),
        ("\\boxed{90^\\circ}", "90"),
        ("\\boxed{5} and \\boxed{12", None),
        ("\\boxed{}", None),
        ("\\boxed{ }", None),
        ("\\boxedness{5}", None),
        ("5", None),
        ("", None),
    ],
)
def test_the_last_box_is_read_with_balanced_braces(text: str, expected: str | None) -> None:
    assert extract_boxed(text) == expected


@pytest.mark.parametrize(
    "unit", ["1,", "1 ", "#### ", "\\boxed{", "(A", "answer is ", "\n", "**", "$", "answer ", "9", " "]
)
def test_extraction_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.perf_counter()
    extract_gsm8k(text, flexible=True)
    extract_choice(text)
    extract_boxed(text)
    assert time.perf_counter() - start < 3
