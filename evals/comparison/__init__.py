"""Paired comparisons of strategies on one pool."""
