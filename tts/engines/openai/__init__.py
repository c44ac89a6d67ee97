"""The engine on OpenAI-compatible servers."""
