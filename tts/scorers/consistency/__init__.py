"""Scores that compare the samples of a question: shares, semantic entropy and CoCoA."""
