"""Promises: the threshold of a score above which at most a given share of answers is wrong, and its calibration."""
