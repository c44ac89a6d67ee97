"""What a model is: its name, its card, its weights."""
