"""The engine on Hugging Face transformers."""
