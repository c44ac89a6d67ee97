"""Word problems as training data: pure functions from a file of worked problems to rows of tokens."""
