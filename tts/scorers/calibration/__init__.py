"""Calibration maps from a score to a probability of correctness, and the files that keep them with their provenance."""
