"""Votes on calls of tools: the reader of a sample, and the strategy that decides on names first."""
