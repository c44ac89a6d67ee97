"""Benchmarks of the transformers engine."""
