"""Verifier and solver for agents: how likely an answer is right, and whether it may be used."""
