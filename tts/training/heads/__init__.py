"""Heads on frozen hidden states that learn a confidence from graded responses."""
