"""Answers: read out of a text, spelled one way, compared and merged before a vote.

Imports neither numpy nor math-verify and starts nothing.
"""

from tts.answers.canonical import canonical
from tts.answers.extract import extract_boxed, extract_choice, extract_gsm8k
from tts.answers.grading import Grader
from tts.answers.math import MathVerifier
from tts.answers.merge import Merged, merge
from tts.answers.numbers import canonical_number

__all__ = [
    "Grader",
    "MathVerifier",
    "Merged",
    "canonical",
    "canonical_number",
    "extract_boxed",
    "extract_choice",
    "extract_gsm8k",
    "merge",
]
