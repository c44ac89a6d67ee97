"""Strategies: how many samples to draw, when to stop and what to answer."""
