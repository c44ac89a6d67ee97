"""Training of the bundled reasoner."""
