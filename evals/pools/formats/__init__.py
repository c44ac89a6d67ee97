"""Readers of files with samples, one a tool; each turns rows into :class:`evals.pools.records.Record`."""
