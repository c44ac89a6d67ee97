"""Answers of a server: bytes, JSON objects, choices, tokens and usage. Knows no client and no request."""
