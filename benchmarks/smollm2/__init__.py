"""Experiments on SmolLM2-135M and on the reasoner that is made from it."""
