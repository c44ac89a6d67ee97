"""The runtime: plays strategies on a live engine at any time, or on recorded samples, and keeps the ledger."""

from tts.runtime.runner import Runner

__all__ = ["Runner"]
