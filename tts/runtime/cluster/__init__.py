"""Whole questions on leases: the part of a run on several workers that needs no network, clock or event loop."""
