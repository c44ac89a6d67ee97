"""Heads that `tts train head` fits on hidden states of a frozen model."""
