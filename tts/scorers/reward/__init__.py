"""Reward models: outcome reward models judge a whole sample, process reward models each of its steps."""
