"""Evidence for the verifier and the solver: accuracy, abstention, promises, and behaviour under load."""
