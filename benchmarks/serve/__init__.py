"""Measurements of the gateway."""
