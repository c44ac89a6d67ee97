"""The promise of a verifier or a solver: which answers are let through; see the promise file."""

from __future__ import annotations

from tts.scorers.calibration.promise_file import Promise, decision_score, load_promise, save_promise

__all__ = ["Promise", "decision_score", "load_promise", "save_promise"]
