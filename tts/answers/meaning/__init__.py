"""Equality of free text by meaning, where a run asks for it; imports torch only when a model is loaded."""
