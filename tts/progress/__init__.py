"""Phases of work, and the time that is left of it."""
