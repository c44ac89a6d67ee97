"""The fake engine, which draws from a list of texts: no language model."""
