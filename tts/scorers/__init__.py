"""Scorers: P(correct) of whole and partial samples, and the maps that calibrate them."""
