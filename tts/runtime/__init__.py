"""The driver: plays strategies over engines and keeps the ledger."""
