"""Teaching a model to say how sure it is: what GrACE and FineCE share of it."""
