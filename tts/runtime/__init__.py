"""The runtime: runs strategies over engines and keeps the ledger."""
