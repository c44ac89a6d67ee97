"""Estimators of accuracy at k draws, error bars and tests, and metrics of confidences.

>>> from evals.metrics import best_of_k, clustered_standard_error, maj_at_k, pass_at_k, pass_hat_k, wilson_interval
>>> f"{pass_at_k(n=8, c=2, k=4):.3f}"  # P(at least one of 4 draws is right), from 8 samples of which 2 are right
'0.786'
>>> f"{pass_hat_k(n=8, c=6, k=2):.3f}"  # P(both of 2 draws are right)
'0.536'
>>> f"{maj_at_k([4, 3, 1], [True, False, False], k=3):.3f}"  # P(a vote of 3 draws is right), from 3 answers
'0.571'
>>> f"{best_of_k([0.2, 0.9, 0.7], [False, True, False], k=2):.3f}"  # P(the best-scored of 2 draws is right)
'0.667'
>>> low, high = wilson_interval(successes=45, n=50)
>>> f"{low:.3f} {high:.3f}"
'0.786 0.957'
>>> f"{clustered_standard_error([1, 1, 0, 1], ['q1', 'q1', 'q2', 'q2']):.3f}"  # 4 samples of 2 questions
'0.217'
"""

from evals.metrics.estimators import best_of_curve, best_of_k, maj_at_k, maj_curve, pass_at_k, pass_hat_k
from evals.metrics.stats import (
    accuracy_interval,
    bootstrap_interval,
    bootstrap_ratio_interval,
    bootstrap_test,
    bootstrap_weights,
    clustered_standard_error,
    holm,
    non_inferior,
    wilson_interval,
)

__all__ = [
    "accuracy_interval",
    "best_of_curve",
    "best_of_k",
    "bootstrap_interval",
    "bootstrap_ratio_interval",
    "bootstrap_test",
    "bootstrap_weights",
    "clustered_standard_error",
    "holm",
    "maj_at_k",
    "maj_curve",
    "non_inferior",
    "pass_at_k",
    "pass_hat_k",
    "wilson_interval",
]
