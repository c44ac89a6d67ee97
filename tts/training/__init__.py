"""Training of GrACE, FineCE and the bundled reasoner."""
