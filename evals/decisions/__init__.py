"""Decisions on recorded samples: one answer a question by a strategy, or its samples in the order of a score."""
