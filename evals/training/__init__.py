"""Trainings from a configuration to a model directory, and what a person sees of them."""
