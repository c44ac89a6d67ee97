"""Pools that are read while another process writes to them."""
