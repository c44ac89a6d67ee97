"""Tokens at a server: their ids and bytes, exact log-probabilities, and the probabilities of given ones."""
