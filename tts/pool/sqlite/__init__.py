"""Pools as one SQLite file: tables, transactions, versions."""
