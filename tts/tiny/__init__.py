"""The bundled reasoner: the stories it was trained on, its tokenizer, its recipe and its weights."""
