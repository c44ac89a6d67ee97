"""Estimators, calibration and ranking metrics, intervals."""
