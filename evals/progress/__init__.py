"""Displays of what takes time, on standard error or in a notebook."""
