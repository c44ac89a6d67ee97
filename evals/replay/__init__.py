"""Replays of recorded pools."""
