"""Experiments on GrACE, FineCE and risk control."""
