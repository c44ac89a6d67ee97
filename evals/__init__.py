"""Evals: read tasks and pools, replay strategies on them, estimate, compare, report. A package of tts-rerank."""
