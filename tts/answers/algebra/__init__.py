"""Equality of mathematical answers: their spelling as LaTeX, their shape, and the comparison of their values.

All but `tts.answers.algebra.values` and what `tts.answers.algebra.child` loads is text only: neither sympy nor
math-verify is imported.
"""
