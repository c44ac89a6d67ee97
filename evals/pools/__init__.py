"""Samples of other tools and files as pools, and pools as files of other tools."""
