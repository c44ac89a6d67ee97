"""Pools as JSON Lines: the format that pools are shared in."""
