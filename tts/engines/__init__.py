"""Engines: whatever draws samples, live or recorded."""
