"""The engine on vLLM, in process."""
